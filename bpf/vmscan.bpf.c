/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/* Reclaim: slab shrinkers, direct, memcg and node reclaim, kswapd, the LRU lists, throttling. */

#ifdef RT_WITH_shrink_slab_start
int shrink_slab_start(void *ctx)
{
	struct rt_event *event;

#ifdef RT_IS_BALLOON_SHRINKER
	if (RT_IS_BALLOON_SHRINKER((u64)RT_AT_shrink_slab_start_shrink)) {
		rt_lru_so_far(ctx);
		rt_run_begin(RT_RUN_SHRINKER, RT_SHRINKER_LEAKS);
	}
#endif
	event = rt_reserve(RT_SHRINK_SLAB_START);
	RT_COPY(shrink_slab_start, shrink);
	RT_COPY(shrink_slab_start, shr);
	RT_COPY(shrink_slab_start, nr_objects_to_shrink);
	RT_COPY(shrink_slab_start, cache_items);
	RT_COPY(shrink_slab_start, delta);
	RT_COPY(shrink_slab_start, total_scan);
	RT_COPY(shrink_slab_start, memcg_id);
	RT_COPY(shrink_slab_start, gfp_flags);
	RT_COPY(shrink_slab_start, nid);
	RT_COPY(shrink_slab_start, priority);
	return rt_submit(event);
}
#endif

#ifdef RT_WITH_shrink_slab_end
int shrink_slab_end(void *ctx)
{
	struct rt_event *event;

#ifdef RT_IS_BALLOON_SHRINKER
	if (RT_IS_BALLOON_SHRINKER((u64)RT_AT_shrink_slab_end_shrink))
		rt_run_end(ctx, RT_RUN_SHRINKER);
#endif
	event = rt_reserve(RT_SHRINK_SLAB_END);
	RT_COPY(shrink_slab_end, shrink);
	RT_COPY(shrink_slab_end, shr);
	RT_COPY(shrink_slab_end, unused_scan);
	RT_COPY(shrink_slab_end, new_scan);
	RT_COPY(shrink_slab_end, total_scan);
	RT_COPY(shrink_slab_end, memcg_id);
	RT_COPY(shrink_slab_end, retval);
	RT_COPY(shrink_slab_end, nid);
	return rt_submit(event);
}
#endif

#ifdef RT_WITH_direct_reclaim_begin
int direct_reclaim_begin(void *ctx)
{
	struct rt_event *event;

	rt_notifier_end(ctx);
	rt_lru_begin(ctx);
	event = rt_reserve(RT_DIRECT_RECLAIM_BEGIN);
	RT_COPY(direct_reclaim_begin, gfp_flags);
	RT_COPY(direct_reclaim_begin, order);
	RT_COPY(direct_reclaim_begin, memcg_id);
	return rt_submit(event);
}
#endif

#ifdef RT_WITH_direct_reclaim_end
int direct_reclaim_end(void *ctx)
{
	struct rt_event *event;

	rt_scan_is_over(ctx);
	rt_lru_end(ctx);
	event = rt_reserve(RT_DIRECT_RECLAIM_END);
	RT_COPY(direct_reclaim_end, nr_reclaimed);
	RT_COPY(direct_reclaim_end, memcg_id);
	return rt_submit(event);
}
#endif

#ifdef RT_WITH_memcg_reclaim_begin
int memcg_reclaim_begin(void *ctx)
{
	struct rt_event *event;

	rt_lru_begin(ctx);
	event = rt_reserve(RT_MEMCG_RECLAIM_BEGIN);
	RT_COPY(memcg_reclaim_begin, gfp_flags);
	RT_COPY(memcg_reclaim_begin, order);
	RT_COPY(memcg_reclaim_begin, memcg_id);
	return rt_submit(event);
}
#endif

#ifdef RT_WITH_memcg_reclaim_end
int memcg_reclaim_end(void *ctx)
{
	struct rt_event *event;

	rt_scan_is_over(ctx);
	rt_lru_end(ctx);
	event = rt_reserve(RT_MEMCG_RECLAIM_END);
	RT_COPY(memcg_reclaim_end, nr_reclaimed);
	RT_COPY(memcg_reclaim_end, memcg_id);
	return rt_submit(event);
}
#endif

#ifdef RT_WITH_memcg_softlimit_reclaim_begin
int memcg_softlimit_reclaim_begin(void *ctx)
{
	struct rt_event *event;

	rt_lru_begin(ctx);
	event = rt_reserve(RT_MEMCG_SOFTLIMIT_RECLAIM_BEGIN);
	RT_COPY(memcg_softlimit_reclaim_begin, gfp_flags);
	RT_COPY(memcg_softlimit_reclaim_begin, order);
	RT_COPY(memcg_softlimit_reclaim_begin, memcg_id);
	return rt_submit(event);
}
#endif

#ifdef RT_WITH_memcg_softlimit_reclaim_end
int memcg_softlimit_reclaim_end(void *ctx)
{
	struct rt_event *event;

	rt_scan_is_over(ctx);
	rt_lru_end(ctx);
	event = rt_reserve(RT_MEMCG_SOFTLIMIT_RECLAIM_END);
	RT_COPY(memcg_softlimit_reclaim_end, nr_reclaimed);
	RT_COPY(memcg_softlimit_reclaim_end, memcg_id);
	return rt_submit(event);
}
#endif

#ifdef RT_WITH_node_reclaim_begin
int node_reclaim_begin(void *ctx)
{
	struct rt_event *event;

	rt_lru_begin(ctx);
	event = rt_reserve(RT_NODE_RECLAIM_BEGIN);
	RT_COPY(node_reclaim_begin, nid);
	RT_COPY(node_reclaim_begin, order);
	RT_COPY(node_reclaim_begin, gfp_flags);
	return rt_submit(event);
}
#endif

#ifdef RT_WITH_node_reclaim_end
int node_reclaim_end(void *ctx)
{
	struct rt_event *event;

	rt_scan_is_over(ctx);
	rt_lru_end(ctx);
	event = rt_reserve(RT_NODE_RECLAIM_END);
	RT_COPY(node_reclaim_end, nr_reclaimed);
	return rt_submit(event);
}
#endif

#ifdef RT_WITH_kswapd_wake
int kswapd_wake(void *ctx)
{
	struct rt_event *event;

	rt_lru_begin(ctx);
	event = rt_reserve(RT_KSWAPD_WAKE);
	RT_COPY(kswapd_wake, nid);
	RT_COPY(kswapd_wake, zid);
	RT_COPY(kswapd_wake, order);
	return rt_submit(event);
}
#endif

#ifdef RT_WITH_kswapd_sleep
int kswapd_sleep(void *ctx)
{
	struct rt_event *event;

	rt_scan_is_over(ctx);
	rt_lru_end(ctx);
	event = rt_reserve(RT_KSWAPD_SLEEP);
	RT_COPY(kswapd_sleep, nid);
	return rt_submit(event);
}
#endif

#ifdef RT_WITH_wakeup_kswapd
int wakeup_kswapd(void *ctx)
{
	struct rt_event *event;

	rt_notifier_end(ctx);
	event = rt_reserve(RT_WAKEUP_KSWAPD);
	RT_COPY(wakeup_kswapd, nid);
	RT_COPY(wakeup_kswapd, zid);
	RT_COPY(wakeup_kswapd, order);
	RT_COPY(wakeup_kswapd, gfp_flags);
	return rt_submit(event);
}
#endif

#ifdef RT_WITH_lru_shrink_inactive
#define RT_ADD_LRU(field) (list->field += RT_AT_lru_shrink_inactive_##field)

int lru_shrink_inactive(void *ctx)
{
	struct rt_event *event;
#ifdef RT_LRU_PER_SPAN
	struct rt_lru_shrink_inactive *list;
#endif

	if (rt_scan_is_told())
		return RT_PASS;
#ifdef RT_LRU_PER_SPAN
	list = rt_lru_list(ctx, RT_AT_lru_shrink_inactive_reclaim_flags, RT_AT_lru_shrink_inactive_nid,
			   RT_AT_lru_shrink_inactive_priority);
	if (list) {
		RT_ADD_LRU(nr_scanned);
		RT_ADD_LRU(nr_reclaimed);
		RT_ADD_LRU(nr_dirty);
		RT_ADD_LRU(nr_writeback);
		RT_ADD_LRU(nr_congested);
		RT_ADD_LRU(nr_immediate);
		RT_ADD_LRU(nr_activate0);
		RT_ADD_LRU(nr_activate1);
		RT_ADD_LRU(nr_ref_keep);
		RT_ADD_LRU(nr_unmap_fail);
		list->nr_calls++;
		return RT_PASS;
	}
#endif
	event = rt_reserve(RT_LRU_SHRINK_INACTIVE);
	RT_COPY(lru_shrink_inactive, nr_scanned);
	RT_COPY(lru_shrink_inactive, nr_reclaimed);
	RT_COPY(lru_shrink_inactive, nr_dirty);
	RT_COPY(lru_shrink_inactive, nr_writeback);
	RT_COPY(lru_shrink_inactive, nr_congested);
	RT_COPY(lru_shrink_inactive, nr_immediate);
	RT_COPY(lru_shrink_inactive, nr_activate0);
	RT_COPY(lru_shrink_inactive, nr_activate1);
	RT_COPY(lru_shrink_inactive, nr_ref_keep);
	RT_COPY(lru_shrink_inactive, nr_unmap_fail);
	RT_COPY(lru_shrink_inactive, reclaim_flags);
	RT_COPY(lru_shrink_inactive, nid);
	RT_COPY(lru_shrink_inactive, priority);
	event->args.lru_shrink_inactive.nr_calls = 1;
	return rt_submit(event);
}
#endif

#ifdef RT_WITH_reclaim_pages
int reclaim_pages(void *ctx)
{
	struct rt_event *event = rt_reserve(RT_RECLAIM_PAGES);

	RT_COPY(reclaim_pages, nr_scanned);
	RT_COPY(reclaim_pages, nr_reclaimed);
	RT_COPY(reclaim_pages, nr_dirty);
	RT_COPY(reclaim_pages, nr_writeback);
	RT_COPY(reclaim_pages, nr_congested);
	RT_COPY(reclaim_pages, nr_immediate);
	RT_COPY(reclaim_pages, nr_activate0);
	RT_COPY(reclaim_pages, nr_activate1);
	RT_COPY(reclaim_pages, nr_ref_keep);
	RT_COPY(reclaim_pages, nr_unmap_fail);
	RT_COPY(reclaim_pages, nid);
	return rt_submit(event);
}
#endif

#ifdef RT_WITH_throttled
int throttled(void *ctx)
{
	struct rt_event *event = rt_reserve(RT_THROTTLED);

	RT_COPY(throttled, nid);
	RT_COPY(throttled, usec_timeout);
	RT_COPY(throttled, usec_delayed);
	RT_COPY(throttled, reason);
	return rt_submit(event);
}
#endif
