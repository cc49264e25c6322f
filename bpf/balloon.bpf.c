/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/*
 * The balloon's own work, and the callbacks on the OOM notifier chain. Both tracepoints fire for everybody else too,
 * hundreds of times a second: the address filter comes first.
 *
 * Handed in: RT_IS_BALLOON_WORK(function), RT_IS_OOM_NOTIFIER(callback).
 */

#ifdef RT_WITH_balloon_work_begin
#ifndef RT_HAS_balloon_work_end_function
/* Older kernels' end names its work only: remember by thread what begins. */
BPF_HASH(working, u32, u64, 1024);
#endif

int balloon_work_begin(void *ctx)
{
	u64 function = RT_AT_balloon_work_begin_function;
	struct rt_event *event;

	if (!RT_IS_BALLOON_WORK(function))
		return RT_PASS;
#ifndef RT_HAS_balloon_work_end_function
	u32 tid = bpf_get_current_pid_tgid();

	if (working.update(&tid, &function))
		rt_count_lost(RT_BALLOON_WORK_END);
#endif
	rt_run_begin(RT_RUN_WORK, true);
	event = rt_reserve(RT_BALLOON_WORK_BEGIN);
	RT_COPY(balloon_work_begin, work);
	event->args.balloon_work_begin.function = function;
	return rt_submit(event);
}
#endif

#ifdef RT_WITH_balloon_work_end
int balloon_work_end(void *ctx)
{
	struct rt_event *event;
#ifdef RT_HAS_balloon_work_end_function
	u64 function = RT_AT_balloon_work_end_function;

	if (!RT_IS_BALLOON_WORK(function))
		return RT_PASS;
#else
	u32 tid = bpf_get_current_pid_tgid();
	u64 *begun = working.lookup(&tid), function;

	if (!begun)
		return RT_PASS;
	function = *begun;
	working.delete(&tid);
#endif
	rt_run_end(ctx, RT_RUN_WORK);
	event = rt_reserve(RT_BALLOON_WORK_END);
	RT_COPY(balloon_work_end, work);
	event->args.balloon_work_end.function = function;
	return rt_submit(event);
}
#endif

#ifdef RT_WITH_oom_notifier_run
int oom_notifier_run(void *ctx)
{
	u64 callback = RT_AT_oom_notifier_run_cb;
	struct rt_event *event;

	rt_notifier_end(ctx);
	if (!RT_IS_OOM_NOTIFIER(callback))
		return RT_PASS;
	rt_run_begin(RT_RUN_NOTIFIER, RT_IS_BALLOON_CALLBACK(callback));
	event = rt_reserve(RT_OOM_NOTIFIER_RUN);
	event->args.oom_notifier_run.cb = callback;
	return rt_submit(event);
}
#endif

#ifdef RT_WITH_module_load
int module_load(void *ctx)
{
	struct rt_event *event = rt_reserve(RT_MODULE_LOAD);

#ifdef RT_HAS_module_load_module_name
	RT_READ_STR(event->args.module_load.module_name, RT_MODULE_NAME_BYTES,
				  RT_AT_module_load_module_name);
#endif
	return rt_submit(event);
}
#endif

#ifdef RT_WITH_module_free
int module_free(void *ctx)
{
	struct rt_event *event = rt_reserve(RT_MODULE_FREE);

#ifdef RT_HAS_module_free_module_name
	RT_READ_STR(event->args.module_free.module_name, RT_MODULE_NAME_BYTES,
				  RT_AT_module_free_module_name);
#endif
	return rt_submit(event);
}
#endif

/* Hyper-V's driver says what it has about once a second. */
#ifdef RT_WITH_balloon_status
int balloon_status(void *ctx)
{
	struct rt_event *event = rt_reserve(RT_BALLOON_STATUS);

	RT_COPY(balloon_status, available);
	RT_COPY(balloon_status, committed);
	RT_COPY(balloon_status, vm_memory_committed);
	RT_COPY(balloon_status, pages_ballooned);
	RT_COPY(balloon_status, pages_added);
	RT_COPY(balloon_status, pages_onlined);
	return rt_submit(event);
}
#endif
