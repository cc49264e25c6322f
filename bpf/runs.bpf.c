/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/*
 * Pages that one run of the balloon moves: a run of its work, a call of its OOM notifier, a call of its shrinker. They
 * are added up here and told once, with the run's end: a probe that tells of every page overflows any buffer.
 *
 * page_source says who counts them: RT_PAGES_COUNTED, probes that add to the open run of their thread (this file's on
 * the page allocator's tracepoints, or those on the balloon's functions); RT_PAGES_VM_EVENTS, the kernel's own counters
 * read at both ends of the run.
 *
 * Handed in: RT_VM_EVENT_STATES and RT_PER_CPU_OFFSET, kernel addresses, with RT_BALLOON_INFLATE, the place of that
 * counter (BALLOON_DEFLATE is the next), RT_CPUS, and RT_MANY_CPUS where those may be more than 16; RT_GFP_BALLOON,
 * what allocations of balloon pages have in common, and RT_GFP_DIRECT_RECLAIM; RT_SHRINKER_LEAKS, whether pages that
 * the balloon's shrinker frees are the balloon's; RT_IS_BALLOON_CALLBACK(address), which OOM callbacks are balloons'.
 */

#define RT_PAGES_COUNTED 1
#define RT_PAGES_VM_EVENTS 2

#define RT_RUN_WORK 1
#define RT_RUN_CALLBACK 2
/* A callback of which only the chain's tracepoint tells; it has no end of its own. */
#define RT_RUN_NOTIFIER 3
#define RT_RUN_SHRINKER 4

#define RT_INFLATE 0
#define RT_DEFLATE 1

struct rt_run {
	u64 pages[2];
	u64 outer[2]; /* what the work had moved before this shrinker call in the middle of it */
	u32 type;
	u32 outer_type;
	u32 inflating;
	u32 outer_inflating;
	u32 frees; /* whether pages that the page allocator gets back in it come from the balloon */
};

BPF_HASH(runs, u32, struct rt_run, 4096);
BPF_ARRAY(page_source, u32, 1);
BPF_ARRAY(open_runs, u64, 1);
/* How far BALLOON_DEFLATE has been put down to runs: the counters are the whole machine's, and runs overlap. */
BPF_ARRAY(claimed, u64, 1);

static u32 rt_page_source(void)
{
	u32 only = 0, *source = page_source.lookup(&only);

	return source ? *source : 0;
}

static void rt_count_open_runs(s64 change)
{
	u32 only = 0;
	u64 *count = open_runs.lookup(&only);

	if (count)
		__sync_fetch_and_add(count, change);
}

static u64 rt_open_runs(void)
{
	u32 only = 0;
	u64 *count = open_runs.lookup(&only);

	return count ? *count : 0;
}

static struct rt_run *rt_open_run(void)
{
	u32 tid;

	/* Nearly always there is none anywhere. */
	if (!rt_open_runs())
		return 0;
	tid = bpf_get_current_pid_tgid();
	return runs.lookup(&tid);
}

#ifdef RT_VM_EVENT_STATES
/* What is read of one CPU: a program has it once on its stack, however often the loop is unrolled. */
struct rt_vm_events {
	u64 offset;
	u64 counts[2];
};

static void rt_add_vm_events(u64 *sums, u64 cpu, struct rt_vm_events *events)
{
	events->offset = events->counts[RT_INFLATE] = events->counts[RT_DEFLATE] = 0;
	RT_READ(&events->offset, sizeof(events->offset), (void *)(RT_PER_CPU_OFFSET + 8 * cpu));
	RT_READ(events->counts, sizeof(events->counts),
		(void *)(RT_VM_EVENT_STATES + events->offset + 8 * RT_BALLOON_INFLATE));
	sums[RT_INFLATE] += events->counts[RT_INFLATE];
	sums[RT_DEFLATE] += events->counts[RT_DEFLATE];
}
#endif

/* mm/vmstat.c, sum_vm_events(), for two counters. */
static void rt_read_vm_events(u64 *sums)
{
	sums[RT_INFLATE] = sums[RT_DEFLATE] = 0;
#ifdef RT_VM_EVENT_STATES
	struct rt_vm_events events;
	u64 cpus = RT_CPUS;

#ifndef RT_MANY_CPUS
	/* Kernels before 5.3 take no loops. */
#pragma unroll
	for (u64 cpu = 0; cpu < 16; cpu++) {
		if (cpu >= cpus)
			break;
		rt_add_vm_events(sums, cpu, &events);
	}
#else
	for (u64 cpu = 0; cpu < cpus; cpu++)
		rt_add_vm_events(sums, cpu, &events);
#endif
#endif
}

static void rt_claim_before(u64 deflated)
{
	u32 only = 0;

	claimed.update(&only, &deflated);
}

/*
 * Which of the pages that left the balloon during a run are its own, by counters that every run moves: those that no run
 * before has claimed. The balloon's work, which sleeps in a run that can't allocate while OOM notifiers leak, goes one
 * way, and leaves to a run that is still under way what may be that one's. All runs together never claim more than left.
 */
static u64 rt_claim(u32 type, u64 *moved, u64 deflated)
{
	u32 only = 0;
	u64 pages, *before = claimed.lookup(&only);

	if (!before || deflated <= *before)
		return 0;
	if (type == RT_RUN_WORK && (moved[RT_INFLATE] || rt_open_runs() > 1))
		return 0;
	pages = deflated - *before;
	if (pages > moved[RT_DEFLATE])
		pages = moved[RT_DEFLATE];
	__sync_fetch_and_add(before, pages);
	return pages;
}

static void rt_run_begin(u32 type, bool frees)
{
	u32 source = rt_page_source(), tid = bpf_get_current_pid_tgid();
	struct rt_run run = {}, *around;

	if (!source)
		return;
	run.type = type;
	run.frees = frees;
	if (source == RT_PAGES_VM_EVENTS) {
		rt_read_vm_events(run.pages);
		if (!rt_open_runs())
			rt_claim_before(run.pages[RT_DEFLATE]);
	}
	around = runs.lookup(&tid);
	if (around && type == RT_RUN_SHRINKER) {
		run.outer[RT_INFLATE] = around->pages[RT_INFLATE];
		run.outer[RT_DEFLATE] = around->pages[RT_DEFLATE];
		run.outer_type = around->type;
		run.outer_inflating = around->inflating;
	}
	if (runs.update(&tid, &run))
		rt_count_lost(RT_BALLOON_RUN_PAGES);
	else if (!around)
		rt_count_open_runs(1);
}

/* Back to the run around this one, or to none. `moved`: what a run around it must not count as its own. */
static void rt_leave_run(u32 tid, struct rt_run *run, u64 *moved)
{
	struct rt_run outer = {};

	if (!run->outer_type) {
		runs.delete(&tid);
		rt_count_open_runs(-1);
		return;
	}
	outer.type = run->outer_type;
	outer.inflating = run->outer_inflating;
	outer.frees = true;
	outer.pages[RT_INFLATE] = run->outer[RT_INFLATE] + moved[RT_INFLATE];
	outer.pages[RT_DEFLATE] = run->outer[RT_DEFLATE] + moved[RT_DEFLATE];
	runs.update(&tid, &outer);
}

/* End this thread's run of that type; whether there was one. */
static bool rt_take_run(u32 type, u64 *pages)
{
	u32 source = rt_page_source(), tid = bpf_get_current_pid_tgid();
	u64 moved[2] = {}, now[2];
	struct rt_run *run = source ? runs.lookup(&tid) : 0;

	if (!run || run->type != type)
		return false;
	if (source == RT_PAGES_VM_EVENTS) {
		rt_read_vm_events(now);
		moved[RT_INFLATE] = now[RT_INFLATE] - run->pages[RT_INFLATE];
		moved[RT_DEFLATE] = now[RT_DEFLATE] - run->pages[RT_DEFLATE];
		pages[RT_INFLATE] = type == RT_RUN_WORK ? moved[RT_INFLATE] : 0;
		pages[RT_DEFLATE] = rt_claim(type, moved, now[RT_DEFLATE]);
	} else {
		pages[RT_INFLATE] = run->pages[RT_INFLATE];
		/* A run goes one way; what an inflating one frees comes from its own reclaim. */
		pages[RT_DEFLATE] = run->inflating ? 0 : run->pages[RT_DEFLATE];
	}
	rt_leave_run(tid, run, moved);
	return true;
}

/* Call it before the event of the run's end is made. */
static void rt_run_end(void *ctx, u32 type)
{
	u64 pages[2] = {};
	struct rt_event *event;

	if (!rt_take_run(type, pages) || !(pages[RT_INFLATE] | pages[RT_DEFLATE]))
		return;
	event = rt_reserve(RT_BALLOON_RUN_PAGES);
	/* However coarse the clock, it lies inside the run. */
	event->time_ns--;
	event->args.balloon_run_pages.inflated_pages = pages[RT_INFLATE];
	event->args.balloon_run_pages.deflated_pages = pages[RT_DEFLATE];
	rt_submit(event);
}

/* What a thread does next tells that the callback it ran for the OOM notifier chain has returned. */
static void rt_notifier_end(void *ctx)
{
#ifdef RT_WITH_page_alloc
	u64 pages[2] = {};
	struct rt_event *event;

	if (!rt_open_run() || !rt_take_run(RT_RUN_NOTIFIER, pages))
		return;
	event = rt_reserve(RT_OOM_NOTIFIER_END);
	event->time_ns--;
	event->args.oom_notifier_end.deflated_pages = pages[RT_DEFLATE];
	rt_submit(event);
#endif
}

#ifdef RT_WITH_page_alloc
/* kmem:mm_page_alloc (struct page *page, unsigned int order, gfp_t gfp_flags, int migratetype) */
int page_alloc(u64 *ctx)
{
	struct rt_run *run = rt_open_run();
	u64 page = ctx[0], gfp_flags = ctx[2];

	if (!run)
		return 0;
	if (run->type == RT_RUN_NOTIFIER) {
		/* Allocations of an interrupt can't wait. */
		if (gfp_flags & RT_GFP_DIRECT_RECLAIM)
			rt_notifier_end(ctx);
		return 0;
	}
	if ((gfp_flags & RT_GFP_BALLOON) != RT_GFP_BALLOON)
		return 0;
	run->inflating = 1;
	if (page && rt_page_source() == RT_PAGES_COUNTED)
		run->pages[RT_INFLATE]++;
	return 0;
}

/* kmem:mm_page_free (struct page *page, unsigned int order); a balloon's pages are single ones. */
int page_free(u64 *ctx)
{
	struct rt_run *run = rt_open_run();
	u32 order = ctx[1];

	if (run && run->frees && !order)
		run->pages[RT_DEFLATE]++;
	return 0;
}
#endif
