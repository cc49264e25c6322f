"""Spans, tiers, episodes, shrinkers: each definition on a small written stream with the expected result beside it."""

from __future__ import annotations

import pytest
from streams import (
    BALLOON_OOM,
    MS,
    SECOND,
    Records,
    analyse,
    event,
    lru,
    records,
    row,
    slab,
)

from tracer.analyze.terms import Tier


def test_slab_outside_any_reclaim_is_proactive_and_makes_no_episode() -> None:
    analysis = analyse(slab(1 * MS, 3 * MS, freed=7))
    assert row(analysis, Tier.PROACTIVE).slab_objects == {"super_cache_scan": 7}
    assert row(analysis, Tier.PROACTIVE).busy_s == pytest.approx(0.002)
    assert not analysis.episodes


def test_direct_reclaim_splits_file_anon_and_slab() -> None:
    # GIVEN a direct reclaim of 50 pages: 30 file, 12 anon off the LRU, so 8 from slab, at priority 12 then 11
    stream = records(
        event(1 * MS, "direct_reclaim_begin"),
        lru(2 * MS, 100, 30),
        lru(3 * MS, 100, 12, file=False, priority=11),
        slab(4 * MS, 5 * MS, priority=11),
        event(6 * MS, "direct_reclaim_end", nr_reclaimed=50),
    )
    direct = row(analyse(stream), Tier.DIRECT)
    assert (direct.file_pages, direct.anon_pages, direct.slab_pages) == (30, 12, 8)
    assert (direct.spans, direct.tasks, direct.min_priority) == (1, 1, 11)
    assert direct.busy_s == pytest.approx(0.005)


def test_memcg_reclaim_knows_no_slab_pages() -> None:
    stream = records(
        event(1 * MS, "memcg_reclaim_begin"),
        lru(2 * MS, 100, 30),
        event(6 * MS, "memcg_reclaim_end", nr_reclaimed=40),
    )
    assert row(analyse(stream), Tier.DIRECT).slab_pages == 0


def test_without_lru_events_reclaimed_pages_stay_unsplit() -> None:
    stream = records(event(1 * MS, "memcg_reclaim_begin"), event(6 * MS, "memcg_reclaim_end", nr_reclaimed=40))
    direct = row(analyse(stream), Tier.DIRECT)
    assert (direct.lru_pages, direct.file_pages) == (40, None)


def test_kswapd_is_background_and_kdamond_proactive() -> None:
    stream = records(
        event(1 * MS, "kswapd_wake", 60, "kswapd0"),
        lru(2 * MS, 60, 5, comm="kswapd0"),
        event(3 * MS, "kswapd_sleep", 60, "kswapd0"),
        event(4 * MS, "reclaim_pages", 61, "kdamond.0", nr_reclaimed=9),
    )
    analysis = analyse(stream)
    assert row(analysis, Tier.BACKGROUND).file_pages == 5
    assert row(analysis, Tier.PROACTIVE).lru_pages == 9
    assert not any(stall.tier is Tier.BACKGROUND for stall in analysis.stalls)


@pytest.mark.parametrize("edges_lost", [False, True])
def test_kcompactds_compaction_supplies_nothing_and_its_own_direct_reclaim_is_direct(edges_lost: bool) -> None:
    # GIVEN compaction in the background that allocates, as seen on 7.3: 40 pages off the LRU, 5 slab objects
    begin = event(2 * MS, "direct_reclaim_begin", 40, "kcompactd0")
    end = event(6 * MS, "direct_reclaim_end", 40, "kcompactd0", nr_reclaimed=40)
    stream = records(
        event(1 * MS, "compaction_begin", 40, "kcompactd0"),
        *([] if edges_lost else [begin]),
        lru(3 * MS, 40, 40, comm="kcompactd0"),
        slab(4 * MS, 5 * MS, 40, freed=5, comm="kcompactd0"),
        *([] if edges_lost else [end]),
        event(9 * MS, "compaction_end", 40, "kcompactd0"),
    )
    # THEN all of it is one tier's
    (found,) = analyse(stream).tiers
    assert (found.tier, found.file_pages, found.slab_objects) == (Tier.DIRECT, 40, {"super_cache_scan": 5})
    assert (found.spans, found.tasks) == (1, 1)


def test_nested_reclaim_three_deep_counts_time_once() -> None:
    # GIVEN balloon work that reclaims directly, and that calls a shrinker inside
    stream = records(
        event(0, "balloon_work_begin", 50),
        event(10 * MS, "direct_reclaim_begin", 50),
        slab(20 * MS, 30 * MS, 50),
        event(40 * MS, "direct_reclaim_end", 50),
        event(50 * MS, "balloon_work_end", 50),
    )
    analysis = analyse(stream)
    assert [row.tier for row in analysis.tiers] == [Tier.DIRECT]
    assert row(analysis, Tier.DIRECT).busy_s == pytest.approx(0.030)
    assert row(analysis, Tier.DIRECT).slab_objects == {"super_cache_scan": 10}
    assert analysis.balloon.worker_s == pytest.approx(0.050)


def test_busy_time_of_overlapping_tasks_is_their_union_and_stalls_their_own() -> None:
    stream = records(
        event(0, "direct_reclaim_begin", 1, "a"),
        event(10 * MS, "direct_reclaim_begin", 2, "b"),
        event(20 * MS, "direct_reclaim_end", 1, "a"),
        event(40 * MS, "direct_reclaim_end", 2, "b"),
    )
    analysis = analyse(stream)
    assert row(analysis, Tier.DIRECT).busy_s == pytest.approx(0.040)
    assert [(stall.comm, round(stall.stall_s * 1000)) for stall in analysis.stalls] == [("b", 30), ("a", 20)]


def test_a_pause_longer_than_the_gap_splits_episodes() -> None:
    def reclaim(at_ns: int) -> Records:
        return records(event(at_ns, "direct_reclaim_begin"), event(at_ns + MS, "direct_reclaim_end"))

    analysis = analyse(reclaim(0), reclaim(SECOND), reclaim(3 * SECOND))
    assert [(ep.start_s, ep.end_s) for ep in analysis.episodes] == [(0.0, 1.001), (3.0, 3.001)]
    assert [ep.tiers[0].spans for ep in analysis.episodes] == [2, 1]


def test_the_ladder_orders_tiers_by_first_entry() -> None:
    stream = records(
        event(0, "kswapd_wake", 60, "kswapd0"),
        event(10 * MS, "direct_reclaim_begin"),
        event(20 * MS, "throttled", usec_delayed=5000),
        event(30 * MS, "direct_reclaim_end"),
        event(40 * MS, "oom_notifier_run", cb=BALLOON_OOM),
        event(45 * MS, "mark_victim", pid=77, victim_comm=b"hog"),
        event(50 * MS, "kswapd_sleep", 60, "kswapd0"),
    )
    (episode,) = analyse(stream).episodes
    assert [(rung.tier, rung.first_s) for rung in episode.tiers] == [
        (Tier.BACKGROUND, 0.0),
        (Tier.DIRECT, 0.010),
        (Tier.RETRY, 0.020),
        (Tier.OOM_NOTIFY, 0.040),
        (Tier.OOM_KILL, 0.045),
    ]


def test_begins_and_ends_cut_off_at_the_edges_are_counted() -> None:
    stream = records(
        event(1 * MS, "direct_reclaim_end", 1),
        event(2 * MS, "direct_reclaim_begin", 2),
        event(9 * MS, "wakeup_kswapd", 3),
    )
    accounting = analyse(stream).accounting
    assert (accounting.ends_without_begin, accounting.begins_without_end) == (1, 1)


def test_shrinker_table_shares_and_quantiles() -> None:
    calls = [slab(at * 10 * MS, at * 10 * MS + 1000) for at in range(99)] + [slab(995 * MS, 999 * MS)]
    (stat,) = analyse(*calls).shrinkers
    assert (stat.name, stat.calls, stat.scanned, stat.freed_objects) == ("super_cache_scan", 100, 12800, 1000)
    assert 1000 <= stat.p50_ns <= 1032
    assert stat.max_ns == 4 * MS
    assert (stat.scan_share, stat.size_share) == (1.0, 1.0)
