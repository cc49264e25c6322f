"""The definitions, each on a small written stream with the expected result beside it."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from streams import (
    BALLOON_OOM,
    BALLOON_SHRINKER,
    METADATA,
    MS,
    SECOND,
    SUPER_CACHE_SCAN,
    Records,
    analyse,
    counters,
    event,
    records,
)

from tracer.analyze.model import Analysis, Cause, CycleClass, Severity, Tier, TierRow
from tracer.batch import LostStretch, Samples
from tracer.metadata import BalloonInfo


def slab(
    begin_ns: int, end_ns: int, tid: int = 100, shrink: int = SUPER_CACHE_SCAN, freed: int = 10, **more: object
) -> Records:
    """A shrinker call of 128 scanned objects."""
    start = event(begin_ns, "shrink_slab_start", tid, shrink=shrink, total_scan=128, cache_items=1000, **more)
    return records(start, event(end_ns, "shrink_slab_end", tid, shrink=shrink, retval=freed))


def work(begin_ns: int, end_ns: int, tid: int = 50) -> Records:
    """A run of the balloon's worker."""
    begin = event(begin_ns, "balloon_work_begin", tid, "kworker/0:1")
    return records(begin, event(end_ns, "balloon_work_end", tid, "kworker/0:1"))


def row(analysis: Analysis, tier: Tier) -> TierRow:
    return next(row for row in analysis.tiers if row.tier is tier)


def lru(time_ns: int, tid: int, pages: int, *, file: bool = True, priority: int = 12, comm: str = "task") -> Records:
    flags = 2 if file else 1
    return event(time_ns, "lru_shrink_inactive", tid, comm, nr_reclaimed=pages, reclaim_flags=flags, priority=priority)


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
    assert (direct.lru_pages, direct.file_pages) == (40, 0)


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


def test_host_leaks_and_inflations_are_inferred_from_counters_and_are_no_cycle() -> None:
    # GIVEN one inflation and, much later, one deflation that the host asked for
    stream = records(work(10 * MS, 20 * MS), work(30 * SECOND, 30 * SECOND + 10 * MS))
    samples = counters([(0, 0, 0), (SECOND, 256, 0), (29 * SECOND, 256, 0), (31 * SECOND, 256, 256)])
    analysis = analyse(samples, stream)
    assert analysis.balloon.inflated_pages == 256
    assert analysis.balloon.leaked_pages[Cause.HOST] == 256
    assert analysis.balloon.net_pages == 0
    assert analysis.balloon.target_changes == 2
    assert not analysis.cycles


def shrinker_fight(rounds: int) -> tuple[Records, Samples]:
    """Each second the balloon's own shrinker leaks 256 pages in kswapd and work takes them back."""
    stream, rows = [], [(0, 0, 0)]
    for at in range(rounds):
        start = at * SECOND
        stream.append(event(start + 10 * MS, "kswapd_wake", 60, "kswapd0"))
        stream.append(slab(start + 20 * MS, start + 30 * MS, 60, BALLOON_SHRINKER, freed=256, priority=12))
        stream.append(event(start + 40 * MS, "kswapd_sleep", 60, "kswapd0"))
        rows.append((start + 100 * MS, 256 * at, 256 * (at + 1)))
        stream.append(work(start + 200 * MS, start + 210 * MS))
        rows.append((start + 300 * MS, 256 * (at + 1), 256 * (at + 1)))
    return records(*stream), counters(rows)


def test_leaking_to_the_shrinker_and_inflating_again_is_a_cycle() -> None:
    stream, samples = shrinker_fight(1)
    analysis = analyse(stream, samples)
    (cycle,) = analysis.cycles
    assert cycle.cycle_class is CycleClass.SHRINKER_REINFLATE
    assert (cycle.leaked_pages, cycle.reinflated_pages, cycle.wasted_pages) == (256, 256, 512)
    assert (cycle.start_s, cycle.end_s) == (0.020, 0.210)
    assert row(analysis, Tier.BACKGROUND).balloon_pages == 256
    assert analysis.balloon.reclaim_path == "shrinker"
    assert not analysis.storms


def test_three_cycles_in_a_row_are_a_storm() -> None:
    analysis = analyse(*shrinker_fight(3))
    (storm,) = analysis.storms
    assert (storm.cycles, storm.wasted_pages) == (3, 3 * 512)
    assert {cycle.storm for cycle in analysis.cycles} == {storm.id}
    assert analysis.findings[0].kind == "storm"
    assert analysis.findings[0].severity is Severity.CRITICAL


def oom_leak(at_ns: int, tid: int = 100) -> Records:
    return records(
        event(at_ns, "oom_notifier_run", tid, cb=BALLOON_OOM), event(at_ns + MS, "direct_reclaim_begin", tid)
    )


@pytest.mark.parametrize(
    ("again_ns", "expected"),
    [(150 * MS, CycleClass.NOTIFIER_REINFLATE), (5 * SECOND, CycleClass.HOST_REINFLATE), (30 * SECOND, None)],
)
def test_an_oom_leak_comes_back_by_itself_by_the_host_or_never(again_ns: int, expected: CycleClass | None) -> None:
    # GIVEN an OOM leak while the worker inflates, and inflation again at once, after a pause, or past the horizon
    stream = records(
        work(0, 100 * MS), oom_leak(50 * MS), event(52 * MS, "direct_reclaim_end"), work(again_ns, again_ns + 10 * MS)
    )
    stream.sort(order="time_ns")
    samples = counters([(0, 0, 0), (40 * MS, 256, 0), (120 * MS, 256, 256), (again_ns + 20 * MS, 512, 256)])
    analysis = analyse(stream, samples)
    assert analysis.balloon.leaked_pages[Cause.OOM_NOTIFIER] == 256
    assert [cycle.cycle_class for cycle in analysis.cycles] == ([expected] if expected else [])


def test_a_hint_shrinker_that_moves_no_balloon_page_is_no_leak() -> None:
    # GIVEN the balloon's shrinker giving back free page hints, with the balloon's counters still
    stream = slab(10 * MS, 20 * MS, shrink=BALLOON_SHRINKER, freed=1024)
    analysis = analyse(stream, counters([(0, 0, 0), (SECOND, 0, 0)]))
    assert analysis.balloon.leaked_pages == dict.fromkeys(Cause, 0)
    assert not analysis.cycles


def host_swings(turns: int, period_ns: int) -> tuple[Records, Samples]:
    stream, rows, inflated, leaked = [], [(0, 0, 0)], 0, 0
    for at in range(turns + 1):
        start = (at + 1) * period_ns
        stream.append(work(start, start + 10 * MS))
        inflated, leaked = (inflated + 256, leaked) if at % 2 == 0 else (inflated, leaked + 256)
        rows.append((start + 20 * MS, inflated, leaked))
    return records(*stream), counters(rows)


@pytest.mark.parametrize(("turns", "period_s", "found"), [(3, 2, True), (2, 2, False), (6, 20, False)])
def test_a_host_that_turns_three_times_in_a_row_oscillates(turns: int, period_s: int, found: bool) -> None:
    analysis = analyse(*host_swings(turns, period_s * SECOND))
    assert {cycle.cycle_class for cycle in analysis.cycles} == ({CycleClass.HOST_OSCILLATION} if found else set())


def test_reclaim_by_the_inflating_worker_itself_is_a_self_conflict() -> None:
    stream = records(
        event(0, "balloon_work_begin", 50),
        event(10 * MS, "direct_reclaim_begin", 50),
        lru(15 * MS, 50, 20),
        event(30 * MS, "direct_reclaim_end", 50),
        event(50 * MS, "balloon_work_end", 50),
    )
    (conflict,) = analyse(stream, counters([(0, 0, 0), (SECOND, 256, 0)])).conflicts
    assert conflict.overlap_s == {"self": pytest.approx(0.020), "induced": 0, "foreign": 0}
    assert (conflict.reclaimed_pages, conflict.inflated_pages) == (20, 256)


def kswapd_during_inflation(waker_tid: int) -> Records:
    return records(
        event(0, "balloon_work_begin", 50),
        event(5 * MS, "wakeup_kswapd", waker_tid, nid=0),
        event(10 * MS, "kswapd_wake", 60, "kswapd0", nid=0),
        event(40 * MS, "kswapd_sleep", 60, "kswapd0", nid=0),
        event(50 * MS, "balloon_work_end", 50),
    )


@pytest.mark.parametrize(("waker_tid", "actor"), [(50, "induced"), (99, "foreign")])
def test_kswapd_is_induced_when_the_worker_woke_it(waker_tid: int, actor: str) -> None:
    samples = counters([(0, 0, 0), (SECOND, 256, 0)])
    (conflict,) = analyse(kswapd_during_inflation(waker_tid), samples).conflicts
    assert conflict.overlap_s[actor] == pytest.approx(0.030)
    assert sum(conflict.overlap_s.values()) == pytest.approx(0.030)


def test_reclaim_while_the_balloon_deflates_is_no_conflict() -> None:
    samples = counters([(0, 256, 0), (SECOND, 256, 256)])
    assert not analyse(kswapd_during_inflation(50), samples).conflicts


def test_a_long_run_without_pages_is_a_puff() -> None:
    analysis = analyse(work(0, 210 * MS), counters([(0, 0, 0), (SECOND, 0, 0)]))
    assert analysis.balloon.puffs == 1
    assert [finding.kind for finding in analysis.findings] == ["puff"]


def kill_after(reclaim: str) -> Records:
    return records(
        event(1 * MS, f"{reclaim}_begin"),
        event(2 * MS, f"{reclaim}_end"),
        event(3 * MS, "mark_victim", pid=77, victim_comm=b"hog"),
    )


@pytest.mark.parametrize(
    ("reclaim", "features", "balloon_pages", "expected"),
    [
        ("memcg_reclaim", ("deflate_on_oom",), 512, "notifier does not run"),
        ("direct_reclaim", ("stats_vq",), 512, "does not offer DEFLATE_ON_OOM"),
        ("direct_reclaim", ("deflate_on_oom",), 0, "the balloon was empty"),
    ],
)
def test_a_kill_says_why_the_balloon_did_not_help(
    reclaim: str, features: tuple[str, ...], balloon_pages: int, expected: str
) -> None:
    metadata = dataclasses.replace(METADATA, balloon=BalloonInfo("virtio_balloon", "virtio0", features, "none"))
    samples = counters([(0, balloon_pages, 0), (SECOND, balloon_pages, 0)])
    finding = analyse(samples, kill_after(reclaim), metadata=metadata).findings[0]
    assert finding.kind == "oom_kill"
    assert expected in finding.text
    assert "hog (pid 77)" in finding.text


def test_a_finding_near_a_lost_stretch_says_so() -> None:
    stream, samples = shrinker_fight(1)
    analysis = analyse(stream, samples, LostStretch(0, SECOND, {"lru_shrink_inactive": 5}))
    assert analysis.accounting.lost == {"lru_shrink_inactive": 5}
    (cycle,) = [finding for finding in analysis.findings if finding.kind == "cycle"]
    assert "Events were lost" in cycle.text
    assert any(finding.kind == "lost" and "5 events" in finding.text for finding in analysis.findings)


def test_free_page_reports_are_proactive_and_move_no_balloon_page() -> None:
    reports = [event(at * SECOND, "virtballoon_free_page_report", 46, "kworker/1:1", nents=32) for at in range(9)]
    analysis = analyse(records(*reports))
    assert row(analysis, Tier.PROACTIVE).spans == 9
    assert not analysis.episodes
    assert analysis.balloon.inflated_pages == 0


def test_pages_are_split_by_numa_node() -> None:
    stream = records(
        event(1 * MS, "direct_reclaim_begin"),
        event(2 * MS, "lru_shrink_inactive", nr_reclaimed=30, reclaim_flags=2, nid=0),
        event(3 * MS, "lru_shrink_inactive", nr_reclaimed=12, reclaim_flags=1, nid=1),
        event(4 * MS, "direct_reclaim_end", nr_reclaimed=42),
    )
    assert row(analyse(stream), Tier.DIRECT).node_pages == {0: 30, 1: 12}


def test_the_guest_lags_the_hosts_target() -> None:
    names = ("host.target_bytes", "host.actual_bytes")
    values = np.asarray([[100 << 20, 100 << 20], [40 << 20, 100 << 20], [40 << 20, 80 << 20], [40 << 20, 40 << 20]])
    samples = Samples(np.arange(4) * SECOND, names, values)
    (found,) = analyse(samples).findings
    assert (found.kind, found.numbers["lag_s"], found.numbers["lag_max_bytes"]) == ("lag", 2.0, 60 << 20)


def test_a_cycle_tells_what_it_cost() -> None:
    # GIVEN an OOM leak and its return, while another task waits 20 ms in direct reclaim and cache is read again
    stream = records(
        work(0, 100 * MS),
        oom_leak(50 * MS),
        event(52 * MS, "direct_reclaim_end"),
        event(60 * MS, "direct_reclaim_begin", 7),
        event(80 * MS, "direct_reclaim_end", 7),
        work(110 * MS, 130 * MS),
    )
    stream.sort(order="time_ns")
    samples = counters(
        [(0, 0, 0), (40 * MS, 256, 0), (105 * MS, 256, 256), (140 * MS, 512, 256)],
        workingset_refault_file=[0, 0, 650, 650],
    )
    (cycle,) = analyse(stream, samples).cycles
    assert cycle.stall_s == pytest.approx(0.021)
    assert cycle.reclaim_s == pytest.approx(0.021)
    assert cycle.worker_s == pytest.approx(0.070)
    assert cycle.refault_pages == 550
    assert cycle.spans


@pytest.mark.parametrize(("priority", "said"), [(12, True), (6, False)])
def test_a_premature_tap_says_what_was_taken_at_the_first_try(priority: int, said: bool) -> None:
    stream = records(
        event(10 * MS, "kswapd_wake", 60, "kswapd0"),
        slab(20 * MS, 30 * MS, 60, BALLOON_SHRINKER, freed=256, priority=priority),
        event(40 * MS, "kswapd_sleep", 60, "kswapd0"),
    )
    (found,) = analyse(stream, counters([(0, 256, 0), (SECOND, 256, 256)])).findings
    assert found.kind == "premature_tap"
    assert ("1.0 MiB of them at priority 12" in found.text) is said
    assert found.numbers["balloon_pages_at_def_priority"] == (256 if said else 0)


@pytest.mark.parametrize(
    ("imported_from", "said"), [(None, "--buffer-size"), ("trace.dat", "by the tracer that they come")]
)
def test_lost_events_are_laid_at_the_right_door(imported_from: str | None, said: str) -> None:
    metadata = dataclasses.replace(METADATA, imported_from=imported_from)
    (found,) = analyse(LostStretch(0, SECOND, {"wakeup_kswapd": 5}), metadata=metadata).findings
    assert found.kind == "lost"
    assert said in found.text
