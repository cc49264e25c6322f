/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/* The way into the OOM killer: allocation retries, compaction retries, the victim; and those whom processes kill. */

#ifdef RT_WITH_mark_victim
int mark_victim(void *ctx)
{
	struct rt_event *event;

	rt_notifier_end(ctx);
	event = rt_reserve(RT_MARK_VICTIM);
	RT_COPY(mark_victim, total_vm);
	RT_COPY(mark_victim, anon_rss);
	RT_COPY(mark_victim, file_rss);
	RT_COPY(mark_victim, shmem_rss);
	RT_COPY(mark_victim, pgtables);
	RT_COPY(mark_victim, pid);
	RT_COPY(mark_victim, uid);
	RT_COPY(mark_victim, oom_score_adj);
#ifdef RT_HAS_mark_victim_victim_comm
	RT_READ_STR(event->args.mark_victim.victim_comm, RT_COMM_BYTES, RT_AT_mark_victim_victim_comm);
#endif
	return rt_submit(event);
}
#endif

#ifdef RT_WITH_signal_generate
#define RT_SIGKILL 9
/* TRACE_SIGNAL_DELIVERED, include/trace/events/signal.h: one that is ignored or pending already kills nobody more. */
#define RT_DELIVERED 0

/*
 * SIGKILL from another process alone. The kernel's own, the OOM killer's among them, have a positive si_code (SI_KERNEL):
 * SI_FROMKERNEL in include/uapi/asm-generic/siginfo.h.
 */
int signal_generate(void *ctx)
{
	u64 sender = bpf_get_current_pid_tgid();
	s32 pid = RT_AT_signal_generate_pid;
	struct rt_event *event;

	if (RT_AT_signal_generate_sig != RT_SIGKILL || RT_AT_signal_generate_result != RT_DELIVERED ||
	    (s32)RT_AT_signal_generate_code > 0 || pid == (s32)sender || pid == (s32)(sender >> 32))
		return RT_PASS;
	event = rt_reserve(RT_SIGNAL_GENERATE);
	RT_COPY(signal_generate, sig);
	RT_COPY(signal_generate, code);
	RT_COPY(signal_generate, pid);
	RT_COPY(signal_generate, group);
	RT_COPY(signal_generate, result);
	RT_READ_STR(event->args.signal_generate.victim_comm, RT_COMM_BYTES, RT_AT_signal_generate_victim_comm);
	return rt_submit(event);
}
#endif

#ifdef RT_WITH_reclaim_retry_zone
int reclaim_retry_zone(void *ctx)
{
	struct rt_event *event = rt_reserve(RT_RECLAIM_RETRY_ZONE);

	RT_COPY(reclaim_retry_zone, reclaimable);
	RT_COPY(reclaim_retry_zone, available);
	RT_COPY(reclaim_retry_zone, min_wmark);
	RT_COPY(reclaim_retry_zone, node);
	RT_COPY(reclaim_retry_zone, zone_idx);
	RT_COPY(reclaim_retry_zone, order);
	RT_COPY(reclaim_retry_zone, no_progress_loops);
	RT_COPY(reclaim_retry_zone, wmark_check);
	return rt_submit(event);
}
#endif

#ifdef RT_WITH_compact_retry
int compact_retry(void *ctx)
{
	struct rt_event *event = rt_reserve(RT_COMPACT_RETRY);

	RT_COPY(compact_retry, order);
	RT_COPY(compact_retry, priority);
	RT_COPY(compact_retry, result);
	RT_COPY(compact_retry, retries);
	RT_COPY(compact_retry, max_retries);
	RT_COPY(compact_retry, ret);
	return rt_submit(event);
}
#endif

#ifdef RT_WITH_compaction_begin
int compaction_begin(void *ctx)
{
	struct rt_event *event = rt_reserve(RT_COMPACTION_BEGIN);

	RT_COPY(compaction_begin, sync);
	return rt_submit(event);
}
#endif

#ifdef RT_WITH_compaction_end
int compaction_end(void *ctx)
{
	struct rt_event *event = rt_reserve(RT_COMPACTION_END);

	RT_COPY(compaction_end, status);
	return rt_submit(event);
}
#endif
