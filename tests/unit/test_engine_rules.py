"""The balloon, conflicts, cycles, kills, findings: each definition on a small written stream."""

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
    Records,
    analyse,
    counters,
    event,
    lru,
    records,
    row,
    slab,
    work,
)

from tracer.analyze.contention.storms import in_storms
from tracer.analyze.model import Cycle
from tracer.analyze.terms import Cause, CycleClass, Severity, Tier
from tracer.batch import LostStretch, Samples
from tracer.metadata import BalloonInfo


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


@pytest.mark.parametrize(("turns", "period_s", "found"), [(3, 2, True), (2, 2, False), (6, 20, True), (3, 300, True)])
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
        ("memcg_reclaim", ("deflate_on_oom",), 512, "does not call OOM notifiers"),
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
    assert not analysis.balloon.inflated_pages


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


@pytest.mark.parametrize(("imported_from", "said"), [(None, "--buffer-size"), ("trace.dat", "by the original tracer")])
def test_lost_events_are_laid_at_the_right_door(imported_from: str | None, said: str) -> None:
    metadata = dataclasses.replace(METADATA, imported_from=imported_from)
    (found,) = analyse(LostStretch(0, SECOND, {"wakeup_kswapd": 5}), metadata=metadata).findings
    assert found.kind == "lost"
    assert said in found.text


@pytest.mark.parametrize(("scanned", "told"), [(1, 0), (1000, 1)])
def test_a_shrinkers_share_of_hardly_any_scanning_is_no_finding(scanned: int, told: int) -> None:
    other, stream = BALLOON_OOM, []
    for at in range(200):
        begin = {"shrink": BALLOON_SHRINKER, "total_scan": scanned, "cache_items": 10, "priority": 12}
        stream.append(event(2 * at * MS, "shrink_slab_start", **begin))
        stream.append(event(2 * at * MS + MS, "shrink_slab_end", shrink=BALLOON_SHRINKER))
    stream.append(slab(SECOND, SECOND + MS, shrink=other, freed=0))
    found = [finding for finding in analyse(records(*stream)).findings if finding.kind == "shrinker_share"]
    assert len(found) == told


@pytest.mark.parametrize(("pause_s", "storms"), [(0.1, 1), (1.9, 1), (5.0, 2), (11.0, 2)])
def test_a_storm_does_not_span_a_lull(pause_s: float, storms: int) -> None:
    def cycle(start_s: float) -> Cycle:
        return Cycle(0, CycleClass.SHRINKER_REINFLATE, start_s, start_s + 0.05, 1, 1, 2, 0.0)

    early = [cycle(0.1 * at) for at in range(10)]
    cycles = [*early, *(cycle(early[-1].end_s + pause_s + 0.1 * at) for at in range(10))]
    cycles, found = in_storms(cycles, horizon_s=10.0)
    assert [storm.cycles for storm in found] == ([20] if storms == 1 else [10, 10])
    assert {cycle.storm for cycle in cycles} == {storm.id for storm in found}
    assert all(storm.end_s - storm.start_s < 3.9 for storm in found)


def test_a_storm_of_a_host_that_takes_its_time_has_its_pauses() -> None:
    cycles = [Cycle(0, CycleClass.HOST_REINFLATE, 6.0 * at, 6.0 * at + 1, 1, 1, 2, 0.0) for at in range(5)]
    assert [storm.cycles for storm in in_storms(cycles, horizon_s=10.0)[1]] == [5]
