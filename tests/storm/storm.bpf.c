/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/*
 * One record for each system call that carries RT_STORM_TOKEN as its first argument (generator.c), taken the way every
 * program of ours takes. It is compiled behind bpf/ring.bpf.c. Every byte of the arguments comes from the call.
 *
 * With RT_STORM_AS_SLAB the calls look like slab shrinking, begin and end by turns, for tests through the whole tool.
 */

#define RT_STORM_ARGUMENT(n) (*(__u64 *)((char *)ctx + 16 + 8 * (n))) /* raw_syscalls/sys_enter/format */
#define RT_STORM_KIND 63

#ifdef RT_STORM_AS_SLAB
static int rt_storm_begin(void *ctx)
{
	struct rt_event *event = rt_reserve(RT_SHRINK_SLAB_START);

	event->args.shrink_slab_start.shrink = 1 + RT_STORM_ARGUMENT(1);
	event->args.shrink_slab_start.shr = 1 + RT_STORM_ARGUMENT(1);
	event->args.shrink_slab_start.total_scan = 128;
	return rt_submit(event);
}

static int rt_storm_end(void *ctx)
{
	struct rt_event *event = rt_reserve(RT_SHRINK_SLAB_END);

	event->args.shrink_slab_end.shrink = 1 + RT_STORM_ARGUMENT(1);
	event->args.shrink_slab_end.shr = 1 + RT_STORM_ARGUMENT(1);
	return rt_submit(event);
}

static int rt_storm(void *ctx, u64 sequence)
{
	return sequence & 1 ? rt_storm_end(ctx) : rt_storm_begin(ctx);
}
#else
static int rt_storm(void *ctx, u64 sequence)
{
	struct rt_event *event = rt_reserve(RT_STORM_KIND);
	__u64 *words;

	words = (__u64 *)event->args.bytes;
	words[0] = RT_STORM_ARGUMENT(1);
	words[1] = sequence;
	words[2] = RT_STORM_ARGUMENT(3);
	words[3] = RT_STORM_ARGUMENT(4);
	words[4] = RT_STORM_ARGUMENT(5);
	words[5] = ~sequence;
	words[6] = ~words[2];
	words[7] = ~words[4];
	return rt_submit(event);
}
#endif

int storm(void *ctx)
{
	return RT_STORM_ARGUMENT(0) == RT_STORM_TOKEN ? rt_storm(ctx, RT_STORM_ARGUMENT(2)) : RT_PASS;
}
