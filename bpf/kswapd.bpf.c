/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/* What newer kernels say besides: kswapd's work between its naps, when it gives up, what DAMON's schemes have done. */

#ifdef RT_WITH_balance_pgdat_begin
int balance_pgdat_begin(void *ctx)
{
	struct rt_event *event = rt_reserve(RT_BALANCE_PGDAT_BEGIN);

	RT_COPY(balance_pgdat_begin, nid);
	RT_COPY(balance_pgdat_begin, order);
	RT_COPY(balance_pgdat_begin, highest_zoneidx);
	return rt_submit(event);
}
#endif

#ifdef RT_WITH_balance_pgdat_end
int balance_pgdat_end(void *ctx)
{
	struct rt_event *event = rt_reserve(RT_BALANCE_PGDAT_END);

	RT_COPY(balance_pgdat_end, nr_reclaimed);
	RT_COPY(balance_pgdat_end, nid);
	RT_COPY(balance_pgdat_end, order);
	RT_COPY(balance_pgdat_end, highest_zoneidx);
	return rt_submit(event);
}
#endif

#ifdef RT_WITH_kswapd_reclaim_fail
int kswapd_reclaim_fail(void *ctx)
{
	struct rt_event *event = rt_reserve(RT_KSWAPD_RECLAIM_FAIL);

	RT_COPY(kswapd_reclaim_fail, nid);
	RT_COPY(kswapd_reclaim_fail, failures);
	return rt_submit(event);
}
#endif

#ifdef RT_WITH_kswapd_clear_hopeless
int kswapd_clear_hopeless(void *ctx)
{
	struct rt_event *event = rt_reserve(RT_KSWAPD_CLEAR_HOPELESS);

	RT_COPY(kswapd_clear_hopeless, nid);
	RT_COPY(kswapd_clear_hopeless, reason);
	return rt_submit(event);
}
#endif

#ifdef RT_WITH_damos_stat
int damos_stat(void *ctx)
{
	struct rt_event *event = rt_reserve(RT_DAMOS_STAT);

	RT_COPY(damos_stat, context_idx);
	RT_COPY(damos_stat, scheme_idx);
	RT_COPY(damos_stat, nr_tried);
	RT_COPY(damos_stat, sz_tried);
	RT_COPY(damos_stat, nr_applied);
	RT_COPY(damos_stat, sz_applied);
	RT_COPY(damos_stat, sz_ops_filter_passed);
	RT_COPY(damos_stat, qt_exceeds);
	RT_COPY(damos_stat, nr_snapshots);
	return rt_submit(event);
}
#endif
