/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/*
 * Scans of the LRU lists, added up while a reclaim span is open on their thread (RT_LRU_PER_SPAN): an event tells of
 * several that had node, flags and priority in common. Whatever begins or ends on the thread and has to do with reclaim
 * comes behind what was scanned before it. Scans outside a span are told as they come.
 *
 * The entry is its thread's alone, wherever that runs. A thread that finds no room for one goes without.
 */
#ifdef RT_LRU_PER_SPAN

/* kswapd can stay awake for as long as a storm lasts. */
#define RT_LRU_MOST_CALLS 64
/* RECLAIM_WB_FILE, include/trace/events/vmscan.h */
#define RT_LRU_FILE 2

BPF_HASH(lru_spans, u32, struct rt_lru_span, 1024);

static void rt_lru_tell(void *ctx, struct rt_lru_shrink_inactive *list)
{
	struct rt_event *event;

	if (!list->nr_calls)
		return;
	event = rt_reserve(RT_LRU_SHRINK_INACTIVE);
	/* However coarse the clock, it lies inside the span. */
	event->time_ns--;
	event->args.lru_shrink_inactive = *list;
	rt_submit(event);
	__builtin_memset(list, 0, sizeof(*list));
}

static struct rt_lru_span *rt_lru_tell_span(void *ctx, u32 tid)
{
	struct rt_lru_span *span = lru_spans.lookup(&tid);

	if (span) {
		rt_lru_tell(ctx, &span->anon);
		rt_lru_tell(ctx, &span->file);
	}
	return span;
}

/* By itself: beside the records of perf buffers an entry does not fit on a program's stack. */
static void rt_lru_open(u32 tid)
{
	void *task = rt_current_task();
	struct rt_lru_span span = {};

	span.tid = tid;
	span.tgid = bpf_get_current_pid_tgid() >> 32;
	span.cpu = bpf_get_smp_processor_id();
	span.cgroup_id = rt_cgroup_id(task);
	rt_copy_comm(span.comm, task);
	lru_spans.update(&tid, &span);
}

static void rt_lru_begin(void *ctx)
{
	u32 tid = bpf_get_current_pid_tgid();

	if (!rt_lru_tell_span(ctx, tid))
		rt_lru_open(tid);
}

static void rt_lru_end(void *ctx)
{
	u32 tid = bpf_get_current_pid_tgid();

	if (rt_lru_tell_span(ctx, tid))
		lru_spans.delete(&tid);
}

/* The balloon's shrinker comes between two scans: what was scanned before it is not to look as if it came after. */
static void rt_lru_so_far(void *ctx)
{
	rt_lru_tell_span(ctx, bpf_get_current_pid_tgid());
}

/* Where to add a scan of these lists; null where no span is open. */
static struct rt_lru_shrink_inactive *rt_lru_list(void *ctx, u32 reclaim_flags, s16 nid, s16 priority)
{
	u32 tid = bpf_get_current_pid_tgid();
	struct rt_lru_span *span = lru_spans.lookup(&tid);
	struct rt_lru_shrink_inactive *list;

	if (!span)
		return 0;
	list = reclaim_flags & RT_LRU_FILE ? &span->file : &span->anon;
	if (list->reclaim_flags != reclaim_flags || list->nid != nid || list->priority != priority ||
	    list->nr_calls >= RT_LRU_MOST_CALLS)
		rt_lru_tell(ctx, list);
	list->reclaim_flags = reclaim_flags;
	list->nid = nid;
	list->priority = priority;
	return list;
}

#else
#define rt_lru_begin(ctx)
#define rt_lru_end(ctx)
#define rt_lru_so_far(ctx)
#endif
