/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/*
 * Free memory that is given to the host without a balloon's work: reported by mm/page_reporting.c through a driver, or
 * hinted by virtio's balloon while the guest is migrated.
 *
 * Handed in: RT_WITH_virtballoon_free_page_report with RT_PAGE_BYTES, and RT_AT_scatterlist_length with
 * RT_SCATTERLIST_BYTES where that is known; RT_WITH_report_free_page with RT_AT_virtio_balloon_<member> and
 * RT_HINT_BLOCK_PAGES.
 */
#ifdef RT_WITH_virtballoon_free_page_report

/* PAGE_REPORTING_CAPACITY, include/linux/page_reporting.h */
#define RT_MOST_REPORTED 32

static u64 rt_listed_bytes(u64 list, u32 entries)
{
	u64 bytes = 0;

#ifdef RT_AT_scatterlist_length
#pragma unroll
	for (u32 entry = 0; entry < RT_MOST_REPORTED; entry++) {
		u32 length = 0;

		if (entry < entries)
			RT_READ(&length, sizeof(length),
				(void *)(list + entry * RT_SCATTERLIST_BYTES + RT_AT_scatterlist_length));
		bytes += length;
	}
#endif
	return bytes;
}

/* int report(struct page_reporting_dev_info *pr_dev_info, struct scatterlist *sg, unsigned int nents) */
static void rt_virtballoon_free_page_report(void *ctx, u64 list, u32 entries)
{
	u64 bytes = rt_listed_bytes(list, entries);
	struct rt_event *event = rt_reserve(RT_VIRTBALLOON_FREE_PAGE_REPORT);

	event->args.virtballoon_free_page_report.nents = entries;
	event->args.virtballoon_free_page_report.reported_pages = bytes / RT_PAGE_BYTES;
	rt_submit(event);
}

int virtballoon_free_page_report(struct pt_regs *ctx)
{
	rt_virtballoon_free_page_report(ctx, PT_REGS_PARM2(ctx), PT_REGS_PARM3(ctx));
	return RT_PASS;
}

int virtballoon_free_page_report_traced(u64 *ctx)
{
	rt_virtballoon_free_page_report(ctx, ctx[1], ctx[2]);
	return 0;
}

#endif

#ifdef RT_WITH_report_free_page
struct rt_hints {
	u64 balloon; /* struct virtio_balloon */
	u64 blocks;
};

/* By worker thread; the oldest goes where a return was missed and there is no room. */
BPF_TABLE("lru_hash", u32, struct rt_hints, hints, 64);

static u64 rt_hinted_blocks(u64 balloon)
{
	u64 blocks = 0;

	RT_READ(&blocks, sizeof(blocks), (void *)(balloon + RT_AT_virtio_balloon_num_free_page_blocks));
	return blocks;
}

/* void report_free_page_func(struct work_struct *work) */
static void rt_report_free_page_begin(void *ctx, u64 work)
{
	u32 tid = bpf_get_current_pid_tgid();
	struct rt_hints before = {};

	before.balloon = work - RT_AT_virtio_balloon_report_free_page_work;
	before.blocks = rt_hinted_blocks(before.balloon);
	if (hints.update(&tid, &before))
		rt_count_lost(RT_REPORT_FREE_PAGE);
}
RT_PROGRAM(report_free_page_begin, PT_REGS_PARM1(ctx))
RT_TRACED(report_free_page_begin, ctx[0])

static void rt_report_free_page(void *ctx, u64 unused)
{
	u32 tid = bpf_get_current_pid_tgid(), command = 0;
	struct rt_hints *before = hints.lookup(&tid);
	struct rt_event *event;
	u64 blocks;

	if (!before)
		return;
	blocks = rt_hinted_blocks(before->balloon);
	RT_READ(&command, sizeof(command), (void *)(before->balloon + RT_AT_virtio_balloon_cmd_id_received_cache));
	event = rt_reserve(RT_REPORT_FREE_PAGE);
	if (blocks > before->blocks)
		event->args.report_free_page.hinted_pages = (blocks - before->blocks) * RT_HINT_BLOCK_PAGES;
	else
		event->args.report_free_page.returned_pages = (before->blocks - blocks) * RT_HINT_BLOCK_PAGES;
	event->args.report_free_page.cmd_id = command;
	rt_submit(event);
	hints.delete(&tid);
}
RT_PROGRAM(report_free_page, 0)
RT_TRACED(report_free_page, 0)

#endif
