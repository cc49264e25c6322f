/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/*
 * The way out of the kernel, the loss counters, and how a program gets, stamps and hands over a record. It comes first:
 * the programs' files follow it in one translation unit, because bcc rewrites map accesses in the main file only.
 *
 * Every function that submits a record has the program's context as its argument `ctx`, and makes it itself.
 *
 * Handed in: RT_TRANSPORT_PERF for per-CPU perf buffers; RT_HAS_PROBE_READ_KERNEL; RT_COMM_AT where
 * programs may read a task's name themselves (little-endian machines); RT_CGROUP_AT_* where they may follow a task to its
 * cgroup, or RT_CGROUP_BY_HELPER; RT_MAPPED_ARRAY where an array can be mapped;
 * RT_WITH_<kind> for each program wanted, RT_AT_<kind>_<field> for where its tracepoint has a field.
 */
#include "boot.h"
#include "short.h"

#define BPF_LICENSE Dual MIT/GPL

/* What programs of tracepoints and kprobes return: 0 would keep the event from whoever else has perf events on it. */
#define RT_PASS 1

/* Sizes that follow the machine and the options: maps get them when they are made. */
#ifndef RT_RING_PAGES
#define RT_RING_PAGES 1
#endif
#ifndef RT_MAPPED_CPUS
#define RT_MAPPED_CPUS 1
#endif

#ifdef RT_TRANSPORT_PERF
BPF_PERF_OUTPUT(events);
/* Other events on the same buffers, which wake the reader for a single record: for the first one that it waits for. */
BPF_PERF_OUTPUT(bells);
#ifdef RT_MAPPED_ARRAY
BPF_F_TABLE("array", u32, u32, waiting, 1, 1024 /* BPF_F_MMAPABLE */);
#else
BPF_ARRAY(waiting, u32, 1);
#endif
#else
BPF_RINGBUF_OUTPUT(events, RT_RING_PAGES);
#endif
#ifdef RT_MAPPED_ARRAY
/*
 * An element for each possible CPU, mapped by the reader: while a system call reads a map the kernel runs no program on
 * that CPU (bpf_disable_instrumentation), and where it is preemptible it can run others' reclaim meanwhile.
 */
BPF_F_TABLE("array", u32, struct rt_lost, lost, RT_MAPPED_CPUS, 1024 /* BPF_F_MMAPABLE */);
#define rt_lost_key() bpf_get_smp_processor_id()
#else
BPF_PERCPU_ARRAY(lost, struct rt_lost, 1);
#define rt_lost_key() 0
#endif
/* Whether all records are long ones from now on. */
BPF_ARRAY(long_records, u32, 1);

/* Copy one argument; RT_AT_* is 0 for a field that the running kernel's tracepoint lacks. */
#define RT_COPY(kind, field) (event->args.kind.field = RT_AT_##kind##_##field)

/* The memory read is the kernel's; before 5.5 there is one function for all memory. */
#ifdef RT_HAS_PROBE_READ_KERNEL
#define RT_READ bpf_probe_read_kernel
#define RT_READ_STR bpf_probe_read_kernel_str
#else
#define RT_READ bpf_probe_read
#define RT_READ_STR bpf_probe_read_str
#endif

static void rt_count_more_lost(u32 kind, u64 events)
{
	u32 key = rt_lost_key();
	struct rt_lost *counts = lost.lookup(&key);

	if (counts && kind < RT_MAX_KINDS)
		__sync_fetch_and_add(&counts->by_kind[kind], events);
}

static void rt_count_lost(u32 kind)
{
	rt_count_more_lost(kind, 1);
}

#if defined(RT_COMM_AT) || defined(RT_CGROUP_AT_ID)
/* bpf_get_current_task_btf(): bcc's own declaration of it came late. A call takes as long as following five pointers. */
static void *(*rt_current_task)(void) = (void *)158;
#else
#define rt_current_task() 0
#endif

#ifdef RT_COMM_AT
#define RT_EACH_BYTE(byte) ((byte) * 0x0101010101010101ULL)

/* The highest bit of the first byte that is zero, counted from the lowest; 0 where none is. */
static u64 rt_first_zero(u64 word)
{
	u64 zeros = (word - RT_EACH_BYTE(0x01)) & ~word & RT_EACH_BYTE(0x80);

	return zeros & -zeros;
}

/*
 * The task's name where it lies: bpf_get_current_comm() takes as long as everything else here but the clock. Kernels
 * before 5.17 leave the end of a former, longer name behind a shorter one.
 */
static void rt_copy_comm(char *comm, void *task)
{
	u64 *from = (u64 *)(task + RT_COMM_AT), *to = (u64 *)comm;
	u64 first = from[0], second = from[1], end = rt_first_zero(first);

	if (end) {
		first &= (end >> 7) - 1;
		second = 0;
	} else if ((end = rt_first_zero(second))) {
		second &= (end >> 7) - 1;
	}
	to[0] = first;
	to[1] = second;
}
#else
static void rt_copy_comm(char *comm, void *task)
{
	bpf_get_current_comm(comm, RT_COMM_BYTES);
}
#endif

#define RT_FOLLOW(pointer, offset) (*(void **)((void *)(pointer) + (offset)))

/* The number of the task's cgroup; 0 where nothing tells it, or it has more than 32 bits. */
static u32 rt_cgroup_id(void *task)
{
	u64 id = 0;

#ifdef RT_CGROUP_AT_ID
	void *css_set = RT_FOLLOW(RT_UNTRUSTED(task), RT_CGROUP_AT_CGROUPS);
#ifdef RT_CGROUP_AT_SUBSYS
	/* The memory controller's own hierarchy (v1), of which the kernel's helper knows nothing. */
	void *cgroup = RT_FOLLOW(RT_FOLLOW(css_set, RT_CGROUP_AT_SUBSYS), RT_CGROUP_AT_CGROUP);
#else
	void *cgroup = RT_FOLLOW(css_set, RT_CGROUP_AT_DFL_CGRP);
#endif

	id = *(u64 *)(RT_FOLLOW(cgroup, RT_CGROUP_AT_KN) + RT_CGROUP_AT_ID);
#elif defined(RT_CGROUP_BY_HELPER)
	/* bpf_get_current_cgroup_id(): bcc's own declaration came late, too. */
	u64 (*current_cgroup_id)(void) = (void *)80;

	id = current_cgroup_id();
#endif
	return id >> 32 ? 0 : id;
}

static void rt_stamp(struct rt_event *event, u64 numbers, u32 kind)
{
	void *task = rt_current_task();

	event->time_ns = bpf_ktime_get_ns();
	event->tid = numbers;
	event->tgid = numbers >> 32;
	rt_copy_comm(event->comm, task);
	event->kind = kind;
	event->cpu = bpf_get_smp_processor_id();
	event->cgroup_id = rt_cgroup_id(task);
}

/*
 * The record is the calling function's own, on its stack: programs that interrupt each other, or that are preempted, have
 * nothing to share. The kernel copies as much of it as its kind needs.
 */
#define rt_reserve(kind) rt_fill(&(struct rt_event){}, kind)
#define rt_submit(event) rt_output(ctx, event)

static struct rt_event *rt_fill(struct rt_event *event, u32 kind)
{
	rt_stamp(event, bpf_get_current_pid_tgid(), kind);
	return event;
}

#ifdef RT_TRANSPORT_PERF

#define RT_ENOENT 2

/* Kernels before 5.1 say 0 whatever happened: what they lose comes as PERF_RECORD_LOST. */
static int rt_hand_over(void *ctx, struct rt_event *event, u32 size)
{
	u32 only = 0, *is_waiting = waiting.lookup(&only);
	int error = -RT_ENOENT;

	if (is_waiting && *is_waiting) {
		*is_waiting = 0;
		error = bells.perf_submit(ctx, event, size);
	}
	if (error == -RT_ENOENT)
		error = events.perf_submit(ctx, event, size);
	return error;
}

#else

/*
 * Copied here, not by bpf_ringbuf_output(), which takes some 50 ns more. Without flags the kernel wakes the reader only when
 * it has read everything before this record.
 */
static int rt_hand_over(void *ctx, struct rt_event *event, u32 size)
{
	/* Its type tells the compiler to copy words rather than bytes. */
	u64 *record = events.ringbuf_reserve(size);

	if (!record)
		return -1;
	__builtin_memcpy(record, event, size);
	events.ringbuf_submit(record, 0);
	return 0;
}

#endif

/*
 * Readers take records of one size at a time. From the first one on that has a value too large for a short record, all
 * are long ones: that they alternate would cost the reader much more than their size.
 */
static bool rt_is_short(struct rt_event *event)
{
	u32 only = 0, *all_long = long_records.lookup(&only);
	enum rt_form form;

	if (!all_long || *all_long)
		return false;
	form = rt_shorten(event);
	if (form == RT_TOO_LARGE)
		*all_long = 1;
	return form == RT_SHORT;
}

static int rt_output(void *ctx, struct rt_event *event)
{
	u32 kind = event->kind;
	u64 events_told = kind == RT_LRU_SHRINK_INACTIVE ? event->args.lru_shrink_inactive.nr_calls : 1;
	int error;

	if (rt_is_short(event))
		error = rt_hand_over(ctx, event, RT_SHORT_BYTES);
	else
		error = rt_hand_over(ctx, event, sizeof(struct rt_event));
	if (error < 0)
		rt_count_more_lost(kind, events_told);
	return RT_PASS;
}
