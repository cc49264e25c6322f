/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/*
 * Scans of the multi-gen LRU, which tells of none before "mm: multi-gen LRU: reuse some legacy trace events" (6.8). Both
 * kinds of LRU lists hand the folios of a scan to shrink_folio_list(); where mm_vmscan_lru_shrink_inactive follows on the
 * thread the scan is told by it, so a call is kept back until that is decided. It takes one call: the kernel does either.
 *
 * Handed in: RT_WITH_shrink_folio_list with RT_RETURN_OF_shrink_folio_list, its number of arguments; where things are:
 * RT_AT_scan_control_<member>, RT_AT_pglist_data_node_id, RT_STAT_<member> among the RT_STAT_WORDS of struct reclaim_stat;
 * RT_PG_swapbacked, a bit of a page's flags.
 */
#ifdef RT_WITH_shrink_folio_list
#include <uapi/linux/ptrace.h>

/* What lru_scans says. */
#define RT_SCANS_TRACED 1
#define RT_SCANS_UNTRACED 2

/* include/trace/events/vmscan.h, RECLAIM_WB_* */
#define RT_SCAN_OF_ANON 1
#define RT_SCAN_OF_FILE 2

/* `lru` comes right behind `flags`: struct page, struct folio in include/linux/mm_types.h */
#define RT_AT_FOLIO_LRU 8

struct rt_folio_list {
	u64 control; /* struct scan_control */
	u64 stat; /* struct reclaim_stat */
	u64 scanned_before;
	u64 has_returned;
	struct rt_lru_shrink_inactive scan;
};

BPF_HASH(folio_lists, u32, struct rt_folio_list, 1024);
BPF_ARRAY(lru_scans, u32, 1);

static void rt_tell_scan(void *ctx, struct rt_lru_shrink_inactive *scan)
{
	struct rt_event *event = rt_reserve(RT_LRU_SHRINK_INACTIVE);

	event->args.lru_shrink_inactive = *scan;
	rt_submit(event);
}

/* Something else comes behind this thread's last call: no tracepoint has told of it, and none will of others. */
static void rt_scan_is_over(void *ctx)
{
	u32 only = 0, tid = bpf_get_current_pid_tgid(), *known = lru_scans.lookup(&only);
	struct rt_folio_list *list = folio_lists.lookup(&tid);

	if (!known || !list || !list->has_returned)
		return;
	if (*known != RT_SCANS_TRACED) {
		*known = RT_SCANS_UNTRACED;
		rt_tell_scan(ctx, &list->scan);
	}
	folio_lists.delete(&tid);
}

/* The tracepoint fires. Whether its scan has been told: the lists were changed for the other kind meanwhile. */
static bool rt_scan_is_told(void)
{
	u32 only = 0, tid, *known = lru_scans.lookup(&only);
	bool is_told;

	if (!known || *known == RT_SCANS_TRACED)
		return false;
	is_told = *known == RT_SCANS_UNTRACED;
	*known = RT_SCANS_TRACED;
	tid = bpf_get_current_pid_tgid();
	folio_lists.delete(&tid);
	return is_told;
}

/*
 * unsigned int shrink_folio_list(struct list_head *folio_list, struct pglist_data *pgdat, struct scan_control *sc,
 * struct reclaim_stat *stat, bool ignore_references, ...). Who ignores references is no LRU's scan: MADV_PAGEOUT, DAMON.
 */
static void rt_shrink_folio_list(void *ctx, u64 folios, u64 node, u64 control, u64 stat, u8 ignore_references)
{
	u32 only = 0, tid = bpf_get_current_pid_tgid(), *known = lru_scans.lookup(&only);
	struct rt_folio_list list = {};
	u64 first = 0, flags = 0;
	s32 nid = 0;
	s8 priority = 0;

	if (ignore_references || !known || *known == RT_SCANS_TRACED)
		return;
	rt_scan_is_over(ctx);
	RT_READ(&first, sizeof(first), (void *)folios);
	RT_READ(&flags, sizeof(flags), (void *)(first - RT_AT_FOLIO_LRU));
	RT_READ(&nid, sizeof(nid), (void *)(node + RT_AT_pglist_data_node_id));
	RT_READ(&priority, sizeof(priority), (void *)(control + RT_AT_scan_control_priority));
	RT_READ(&list.scanned_before, sizeof(u64), (void *)(control + RT_AT_scan_control_nr_scanned));
	list.control = control;
	list.stat = stat;
	list.scan.reclaim_flags = flags >> RT_PG_swapbacked & 1 ? RT_SCAN_OF_ANON : RT_SCAN_OF_FILE;
	list.scan.nid = nid;
	list.scan.priority = priority;
	list.scan.nr_calls = 1;
	if (folio_lists.update(&tid, &list))
		rt_count_lost(RT_LRU_SHRINK_INACTIVE);
}

static void rt_shrink_folio_list_returns(void *ctx, u32 reclaimed)
{
	u32 only = 0, tid = bpf_get_current_pid_tgid(), *known = lru_scans.lookup(&only);
	struct rt_folio_list *list = folio_lists.lookup(&tid);
	u32 words[RT_STAT_WORDS + 1] = {}; /* the last for what the kernel lacks */
	u64 scanned = 0;

	if (!known || !list || list->has_returned)
		return;
	RT_READ(&scanned, sizeof(scanned), (void *)(list->control + RT_AT_scan_control_nr_scanned));
	RT_READ(words, RT_STAT_WORDS * sizeof(u32), (void *)list->stat);
	list->scan.nr_scanned = scanned - list->scanned_before;
	list->scan.nr_reclaimed = reclaimed;
	list->scan.nr_dirty = words[RT_STAT_nr_dirty];
	list->scan.nr_writeback = words[RT_STAT_nr_writeback];
	list->scan.nr_congested = words[RT_STAT_nr_congested];
	list->scan.nr_immediate = words[RT_STAT_nr_immediate];
	list->scan.nr_activate0 = words[RT_STAT_nr_activate];
	list->scan.nr_activate1 = words[RT_STAT_nr_activate + 1];
	list->scan.nr_ref_keep = words[RT_STAT_nr_ref_keep];
	list->scan.nr_unmap_fail = words[RT_STAT_nr_unmap_fail];
	list->has_returned = 1;
	if (*known == RT_SCANS_UNTRACED)
		rt_scan_is_over(ctx);
}

int shrink_folio_list(struct pt_regs *ctx)
{
	rt_shrink_folio_list(ctx, PT_REGS_PARM1(ctx), PT_REGS_PARM2(ctx), PT_REGS_PARM3(ctx), PT_REGS_PARM4(ctx),
			     PT_REGS_PARM5(ctx));
	return RT_PASS;
}

int shrink_folio_list_traced(u64 *ctx)
{
	rt_shrink_folio_list(ctx, ctx[0], ctx[1], ctx[2], ctx[3], ctx[4]);
	return 0;
}

int shrink_folio_list_returns(struct pt_regs *ctx)
{
	rt_shrink_folio_list_returns(ctx, PT_REGS_RC(ctx));
	return RT_PASS;
}

int shrink_folio_list_returns_traced(u64 *ctx)
{
	rt_shrink_folio_list_returns(ctx, ctx[RT_RETURN_OF_shrink_folio_list]);
	return 0;
}

#else
#define rt_scan_is_over(ctx)
#define rt_scan_is_told() false
#endif
