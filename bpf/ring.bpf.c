/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/*
 * The ring, the loss counters, and the way a program gets, stamps and hands over a record. It comes first: the
 * programs' files follow it in one translation unit, because bcc rewrites map accesses in the main file only.
 *
 * Handed in: RT_RING_PAGES, RT_TRACER_TGID (with RT_PIDNS_DEV and RT_PIDNS_INO where that number is one of an inner
 * pid namespace), RT_WITH_<kind> for each program wanted, RT_AT_<kind>_<field> for where its tracepoint has a field.
 */
#include "events.h"

#define BPF_LICENSE Dual MIT/GPL

BPF_RINGBUF_OUTPUT(events, RT_RING_PAGES);
BPF_PERCPU_ARRAY(lost, struct rt_lost, 1);

/* Copy one argument; RT_AT_* is 0 for a field that the running kernel's tracepoint lacks. */
#define RT_COPY(kind, field) (event->args.kind.field = RT_AT_##kind##_##field)

/* The tracer must not see itself: its own allocations reclaim like anybody's. */
static bool rt_is_tracer(u64 task)
{
#ifdef RT_PIDNS_INO
	struct bpf_pidns_info inner = {};

	return bpf_get_ns_current_pid_tgid(RT_PIDNS_DEV, RT_PIDNS_INO, &inner, sizeof(inner)) == 0 &&
	       inner.tgid == RT_TRACER_TGID;
#else
	return task >> 32 == RT_TRACER_TGID;
#endif
}

static void rt_count_lost(u32 kind)
{
	u32 only = 0;
	struct rt_lost *counts = lost.lookup(&only);

	if (counts && kind < RT_MAX_KINDS)
		__sync_fetch_and_add(&counts->by_kind[kind], 1);
}

static struct rt_event *rt_reserve(u32 kind)
{
	u64 task = bpf_get_current_pid_tgid();
	struct rt_event *event;

	if (rt_is_tracer(task))
		return 0;
	event = events.ringbuf_reserve(sizeof(struct rt_event));
	if (!event) {
		rt_count_lost(kind);
		return 0;
	}
	event->time_ns = bpf_ktime_get_ns();
	event->tid = task;
	event->tgid = task >> 32;
	bpf_get_current_comm(event->comm, sizeof(event->comm));
	event->kind = kind;
	event->cpu = bpf_get_smp_processor_id();
	event->reserved = 0;
	/* The ring hands out old memory. */
	__builtin_memset(&event->args, 0, sizeof(event->args));
	return event;
}

/* Without flags the kernel wakes the reader only when it has read everything before this record. */
static int rt_submit(struct rt_event *event)
{
	events.ringbuf_submit(event, 0);
	return 0;
}
