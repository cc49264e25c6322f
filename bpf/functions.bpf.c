/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/*
 * Programs on kernel functions. Each body comes as two programs: one for kprobes, which reads registers, and one with
 * `_traced` behind its name for fentry and fexit, whose context is the arguments and, behind them, the return value.
 *
 * Handed in: RT_WITH_FUNCTIONS where any is wanted; RT_OOM_CALLBACK_<n>, an OOM callback's address;
 * RT_AT_tell_host_num_pfns, where in struct virtio_balloon that number is; RT_AT_<structure>_<member> on the way to what
 * an OOM is about; RT_RETURN_OF_<program>, a function's number of arguments.
 */
#ifdef RT_WITH_FUNCTIONS
#include <uapi/linux/ptrace.h>

/* One each: of two functions in one macro bcc 0.18 sees the first alone. */
#define RT_PROGRAM(name, value)                                                                                        \
	int name(struct pt_regs *ctx)                                                                                  \
	{                                                                                                              \
		rt_##name(ctx, value);                                                                                 \
		return RT_PASS;                                                                                        \
	}
#define RT_TRACED(name, value)                                                                                         \
	int name##_traced(u64 *ctx)                                                                                    \
	{                                                                                                              \
		rt_##name(ctx, value);                                                                                 \
		return 0;                                                                                              \
	}

/* An event that says no more than that it happened. */
#define RT_BARE_EVENT(name, number)                                                                                    \
	static void rt_##name(void *ctx, u64 unused)                                                                   \
	{                                                                                                              \
		struct rt_event *event = rt_reserve(number);                                                   \
                                                                                                                       \
		rt_submit(event);                                                                                              \
	}

static void rt_update_balloon_size_begin(void *ctx, u64 unused)
{
	struct rt_event *event;

	rt_run_begin(RT_RUN_WORK, true);
	event = rt_reserve(RT_UPDATE_BALLOON_SIZE_BEGIN);
	rt_submit(event);
}
RT_PROGRAM(update_balloon_size_begin, 0)
RT_TRACED(update_balloon_size_begin, 0)

static void rt_update_balloon_size_end(void *ctx, u64 unused)
{
	struct rt_event *event;

	rt_run_end(ctx, RT_RUN_WORK);
	event = rt_reserve(RT_UPDATE_BALLOON_SIZE_END);
	rt_submit(event);
}
RT_PROGRAM(update_balloon_size_end, 0)
RT_TRACED(update_balloon_size_end, 0)

/* unsigned fill_balloon(struct virtio_balloon *vb, size_t num) */
static void rt_fill_balloon_begin(void *ctx, u64 num)
{
	struct rt_event *event = rt_reserve(RT_FILL_BALLOON_BEGIN);

	event->args.fill_balloon_begin.num = num;
	rt_submit(event);
}
RT_PROGRAM(fill_balloon_begin, PT_REGS_PARM2(ctx))
RT_TRACED(fill_balloon_begin, ctx[1])

static void rt_fill_balloon_end(void *ctx, u64 filled)
{
	struct rt_event *event = rt_reserve(RT_FILL_BALLOON_END);

	event->args.fill_balloon_end.filled = (u32)filled;
	rt_submit(event);
}
RT_PROGRAM(fill_balloon_end, PT_REGS_RC(ctx))
RT_TRACED(fill_balloon_end, ctx[2])

/* unsigned leak_balloon(struct virtio_balloon *vb, size_t num) */
static void rt_leak_balloon_begin(void *ctx, u64 num)
{
	struct rt_event *event = rt_reserve(RT_LEAK_BALLOON_BEGIN);

	event->args.leak_balloon_begin.num = num;
	rt_submit(event);
}
RT_PROGRAM(leak_balloon_begin, PT_REGS_PARM2(ctx))
RT_TRACED(leak_balloon_begin, ctx[1])

static void rt_leak_balloon_end(void *ctx, u64 freed)
{
	struct rt_event *event = rt_reserve(RT_LEAK_BALLOON_END);

	event->args.leak_balloon_end.freed = (u32)freed;
	rt_submit(event);
}
RT_PROGRAM(leak_balloon_end, PT_REGS_RC(ctx))
RT_TRACED(leak_balloon_end, ctx[2])

/*
 * void tell_host(struct virtio_balloon *vb, struct virtqueue *vq). The structure begins with
 * `struct virtio_device *vdev; struct virtqueue *inflate_vq, *deflate_vq`: drivers/virtio/virtio_balloon.c.
 */
static void rt_tell_host(void *ctx, u64 balloon, u64 queue)
{
	struct rt_event *event = rt_reserve(RT_TELL_HOST);
	u64 queues[2] = {};

	RT_READ(queues, sizeof(queues), (void *)(balloon + 8));
	event->args.tell_host.vq = queue;
	event->args.tell_host.direction = queue == queues[0] ? RT_INFLATE : queue == queues[1] ? RT_DEFLATE : -1;
#ifdef RT_AT_tell_host_num_pfns
	u32 num_pfns = 0;

	RT_READ(&num_pfns, sizeof(num_pfns), (void *)(balloon + RT_AT_tell_host_num_pfns));
	event->args.tell_host.num_pfns = num_pfns;
#endif
	rt_submit(event);
}

int tell_host(struct pt_regs *ctx)
{
	rt_tell_host(ctx, PT_REGS_PARM1(ctx), PT_REGS_PARM2(ctx));
	return RT_PASS;
}

int tell_host_traced(u64 *ctx)
{
	rt_tell_host(ctx, ctx[0], ctx[1]);
	return 0;
}

/* unsigned long scan(struct shrinker *shrinker, struct shrink_control *sc) */
static void rt_balloon_shrinker_begin(void *ctx, u64 control)
{
	struct rt_event *event = rt_reserve(RT_BALLOON_SHRINKER_BEGIN);

#ifdef RT_AT_balloon_shrinker_begin_nr_to_scan
	u64 nr_to_scan = 0;

	RT_READ(&nr_to_scan, sizeof(nr_to_scan),
			      (void *)(control + RT_AT_balloon_shrinker_begin_nr_to_scan));
	event->args.balloon_shrinker_begin.nr_to_scan = nr_to_scan;
#endif
	rt_submit(event);
}
RT_PROGRAM(balloon_shrinker_begin, PT_REGS_PARM2(ctx))
RT_TRACED(balloon_shrinker_begin, ctx[1])

static void rt_balloon_shrinker_end(void *ctx, u64 freed)
{
	struct rt_event *event = rt_reserve(RT_BALLOON_SHRINKER_END);

	event->args.balloon_shrinker_end.freed = freed;
	rt_submit(event);
}
RT_PROGRAM(balloon_shrinker_end, PT_REGS_RC(ctx))
RT_TRACED(balloon_shrinker_end, ctx[2])

/* int callback(struct notifier_block *nb, unsigned long dummy, void *parm) */
static void rt_oom_notify_begin(void *ctx, u64 callback)
{
	struct rt_event *event;

	rt_run_begin(RT_RUN_CALLBACK, RT_IS_BALLOON_CALLBACK(callback));
	event = rt_reserve(RT_OOM_NOTIFY_BEGIN);
	event->args.oom_notify_begin.cb = callback;
	rt_submit(event);
}

#define RT_OOM_CALLBACK(n)                                                                                             \
	int oom_notify_begin_##n(struct pt_regs *ctx)                                                                  \
	{                                                                                                              \
		rt_oom_notify_begin(ctx, RT_OOM_CALLBACK_##n);                                                         \
		return RT_PASS;                                                                                        \
	}
#define RT_OOM_CALLBACK_TRACED(n)                                                                                      \
	int oom_notify_begin_##n##_traced(u64 *ctx)                                                                    \
	{                                                                                                              \
		rt_oom_notify_begin(ctx, RT_OOM_CALLBACK_##n);                                                         \
		return 0;                                                                                              \
	}
#ifdef RT_OOM_CALLBACK_0
RT_OOM_CALLBACK(0)
RT_OOM_CALLBACK_TRACED(0)
#endif
#ifdef RT_OOM_CALLBACK_1
RT_OOM_CALLBACK(1)
RT_OOM_CALLBACK_TRACED(1)
#endif
#ifdef RT_OOM_CALLBACK_2
RT_OOM_CALLBACK(2)
RT_OOM_CALLBACK_TRACED(2)
#endif
#ifdef RT_OOM_CALLBACK_3
RT_OOM_CALLBACK(3)
RT_OOM_CALLBACK_TRACED(3)
#endif

static void rt_oom_notify_end(void *ctx, u64 retval)
{
	struct rt_event *event;

	rt_run_end(ctx, RT_RUN_CALLBACK);
	event = rt_reserve(RT_OOM_NOTIFY_END);
	event->args.oom_notify_end.retval = (s32)retval;
	rt_submit(event);
}
RT_PROGRAM(oom_notify_end, PT_REGS_RC(ctx))
RT_TRACED(oom_notify_end, ctx[3])

/*
 * struct oom_control of each call: its constraint is only known once the notifiers have run. Where a return is missed the
 * entry stays: the oldest goes when there is no room, so that they never fill it.
 */
BPF_TABLE("lru_hash", u32, u64, ooms, 64);

/* The id of a memory cgroup that is out of memory, its directory's inode number; 0 where the machine is. */
static u64 rt_oom_memcg_id(u64 control)
{
	u64 at = 0, id = 0;

#ifdef RT_AT_kernfs_node_id
	RT_READ(&at, sizeof(at), (void *)(control + RT_AT_oom_control_memcg));
	if (!at)
		return 0;
	RT_READ(&at, sizeof(at), (void *)(at + RT_AT_mem_cgroup_css + RT_AT_cgroup_subsys_state_cgroup));
	RT_READ(&at, sizeof(at), (void *)(at + RT_AT_cgroup_kn));
	RT_READ(&id, sizeof(id), (void *)(at + RT_AT_kernfs_node_id));
#endif
	return id;
}

/* bool out_of_memory(struct oom_control *oc) */
static void rt_out_of_memory_begin(void *ctx, u64 control)
{
	u32 tid = bpf_get_current_pid_tgid();
	u64 memcg_id = rt_oom_memcg_id(control);
	struct rt_event *event;

	/* Its end will not tell the constraint. */
	if (ooms.update(&tid, &control))
		rt_count_lost(RT_OUT_OF_MEMORY_END);
	event = rt_reserve(RT_OUT_OF_MEMORY_BEGIN);
	event->args.out_of_memory_begin.memcg_id = memcg_id;
#ifdef RT_AT_oom_control_gfp_mask
	RT_READ(&event->args.out_of_memory_begin.gfp_flags, sizeof(u32), (void *)(control + RT_AT_oom_control_gfp_mask));
#endif
#ifdef RT_AT_oom_control_order
	RT_READ(&event->args.out_of_memory_begin.order, sizeof(s32), (void *)(control + RT_AT_oom_control_order));
#endif
	rt_submit(event);
}
RT_PROGRAM(out_of_memory_begin, PT_REGS_PARM1(ctx))
RT_TRACED(out_of_memory_begin, ctx[0])

static void rt_out_of_memory_end(void *ctx, u64 retval)
{
	u32 tid = bpf_get_current_pid_tgid();
	u64 *control = ooms.lookup(&tid);
	s32 constraint = -1;
	struct rt_event *event;

#ifdef RT_AT_oom_control_constraint
	if (control)
		RT_READ(&constraint, sizeof(constraint), (void *)(*control + RT_AT_oom_control_constraint));
#endif
	if (control)
		ooms.delete(&tid);
	event = rt_reserve(RT_OUT_OF_MEMORY_END);
	event->args.out_of_memory_end.retval = (u8)retval;
	event->args.out_of_memory_end.constraint = constraint;
	rt_submit(event);
}
RT_PROGRAM(out_of_memory_end, PT_REGS_RC(ctx))
RT_TRACED(out_of_memory_end, ctx[1])

RT_BARE_EVENT(virtballoon_changed, RT_VIRTBALLOON_CHANGED)
RT_PROGRAM(virtballoon_changed, 0)
RT_TRACED(virtballoon_changed, 0)

RT_BARE_EVENT(virtballoon_migratepage, RT_VIRTBALLOON_MIGRATEPAGE)
RT_PROGRAM(virtballoon_migratepage, 0)
RT_TRACED(virtballoon_migratepage, 0)

RT_BARE_EVENT(proactive_reclaim_begin, RT_PROACTIVE_RECLAIM_BEGIN)
RT_PROGRAM(proactive_reclaim_begin, 0)
RT_TRACED(proactive_reclaim_begin, 0)

#ifdef RT_RETURN_OF_proactive_reclaim_end
/* ssize_t memory_reclaim(...) or int user_proactive_reclaim(...): negative where the kernel gave up. */
static void rt_proactive_reclaim_end(void *ctx, u64 retval)
{
	struct rt_event *event = rt_reserve(RT_PROACTIVE_RECLAIM_END);

	event->args.proactive_reclaim_end.retval = (s32)retval;
	rt_submit(event);
}
RT_PROGRAM(proactive_reclaim_end, PT_REGS_RC(ctx))
RT_TRACED(proactive_reclaim_end, ctx[RT_RETURN_OF_proactive_reclaim_end])
#endif

RT_BARE_EVENT(drop_caches_begin, RT_DROP_CACHES_BEGIN)
RT_PROGRAM(drop_caches_begin, 0)
RT_TRACED(drop_caches_begin, 0)

RT_BARE_EVENT(drop_caches_end, RT_DROP_CACHES_END)
RT_PROGRAM(drop_caches_end, 0)
RT_TRACED(drop_caches_end, 0)

/*
 * Pages in a run, one by one: void balloon_page_enqueue(b_dev_info, page), struct page *balloon_page_dequeue(b_dev_info);
 * in lists: size_t balloon_page_list_enqueue(b_dev_info, pages), size_t balloon_page_list_dequeue(b_dev_info, pages,
 * n_req_pages).
 */
static void rt_add_pages(u64 pages, u32 direction)
{
	struct rt_run *run = rt_open_run();

	if (run)
		run->pages[direction & 1] += pages;
}

#define rt_balloon_page_enqueue(ctx, unused) rt_add_pages(1, RT_INFLATE)
#define rt_balloon_page_dequeue(ctx, page) rt_add_pages((page) != 0, RT_DEFLATE)
#define rt_balloon_page_list_enqueue(ctx, pages) rt_add_pages(pages, RT_INFLATE)
#define rt_balloon_page_list_dequeue(ctx, pages) rt_add_pages(pages, RT_DEFLATE)
RT_PROGRAM(balloon_page_enqueue, 0)
RT_TRACED(balloon_page_enqueue, 0)
RT_PROGRAM(balloon_page_dequeue, PT_REGS_RC(ctx))
RT_TRACED(balloon_page_dequeue, ctx[1])
RT_PROGRAM(balloon_page_list_enqueue, PT_REGS_RC(ctx))
RT_TRACED(balloon_page_list_enqueue, ctx[2])
RT_PROGRAM(balloon_page_list_dequeue, PT_REGS_RC(ctx))
RT_TRACED(balloon_page_list_dequeue, ctx[3])

#endif
