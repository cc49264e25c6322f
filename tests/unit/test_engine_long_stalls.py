"""Single long waits, however the stream is cut: what the task got, how hard reclaim tried, where the time went."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from streams import BALLOON_SHRINKER, METADATA, MS, SECOND, Records, analyse, event, lru, records, slab

from tracer.analyze.model import Analysis, Finding
from tracer.analyze.terms import Quality, Severity
from tracer.batch import LostStretch, Samples
from tracer.metadata import PlanRow, SourceState


def stalls(analysis: Analysis) -> list[Finding]:
    return [finding for finding in analysis.findings if finding.kind == "long_stall"]


def in_order(*streams: Records) -> Records:
    stream = records(*streams)
    return stream[stream["time_ns"].argsort(kind="stable")]


def both(stream: Records, end_ns: int = 90 * SECOND) -> Finding:
    """The only such finding, the same of the whole stream and of it event by event."""
    (whole,) = stalls(analyse(stream, end_ns=end_ns))
    (cut,) = stalls(analyse(*(stream[at : at + 1] for at in range(len(stream))), end_ns=end_ns))
    assert whole == cut
    return whole


def reclaim(begin_ns: int, *inside: Records, end_ns: int | None = None, tid: int = 100, pages: int = 40) -> Records:
    ended = [] if end_ns is None else [event(end_ns, "direct_reclaim_end", tid, nr_reclaimed=pages)]
    return records(event(begin_ns, "direct_reclaim_begin", tid), *inside, *ended)


def test_a_stall_says_which_shrinker_took_it() -> None:
    calls = (slab(2 * SECOND, 3 * SECOND - 1), slab(3 * SECOND, 8 * SECOND, shrink=BALLOON_SHRINKER, priority=4))
    scans = (lru(1100 * MS, 100, 3, priority=9), slab(8500 * MS, 8600 * MS, priority=7))
    found = both(reclaim(SECOND, scans[0], *calls, scans[1], end_ns=9 * SECOND))
    assert found.numbers == {
        "stall_s": pytest.approx(8.0),
        "tid": 100,
        "pages": 40,
        "min_priority": 0,
        "shrinkers_s": pytest.approx(6.1),
        "compaction_s": 0,
        "throttled_s": 0,
        "rest_s": pytest.approx(1.9),
    }
    assert "most of the wait, 5.0 s, went into shrinker virtio_balloon_shrinker_scan" in found.text
    assert "task (thread 100) waited 8.0 s in direct reclaim (global)" in found.text
    assert (found.severity, found.open, found.quality) == (Severity.WARNING, False, Quality.MEASURED)


def test_parts_that_were_not_traced_are_not_0_s():
    rows = tuple(PlanRow(kind, "tracepoint", SourceState.USED) for kind in ("direct_reclaim_begin", "throttled"))
    stream = reclaim(SECOND, lru(1100 * MS, 100, 3), end_ns=9 * SECOND)
    (found,) = stalls(analyse(stream, metadata=replace(METADATA, plan=rows)))
    assert found.numbers["throttled_s"] == 0
    assert not {"compaction_s", "shrinkers_s"} & found.numbers.keys()


def test_one_that_was_throttled_or_scanned_says_so() -> None:
    scans = [lru(at * SECOND, 100, 1, priority=5) for at in (2, 3)]
    throttled = event(3 * SECOND, "throttled", usec_delayed=2_500_000)
    assert (
        "most of the wait, 2.5 s, went into throttling"
        in both(reclaim(SECOND, *scans, throttled, end_ns=4500 * MS)).text
    )
    assert "most of the wait, 9.0 s, went into the LRU lists" in both(reclaim(SECOND, *scans, end_ns=10 * SECOND)).text
    assert (
        "most of the wait, 9.0 s, went into code that was not traced" in both(reclaim(SECOND, end_ns=10 * SECOND)).text
    )


@pytest.mark.parametrize(("length_ms", "severity"), [(9_999, Severity.WARNING), (10_000, Severity.CRITICAL)])
def test_ten_seconds_are_critical(length_ms: int, severity: Severity) -> None:
    assert both(reclaim(SECOND, end_ns=SECOND + length_ms * MS)).severity is severity


def test_one_that_hangs_in_a_shrinker_is_open_and_says_which() -> None:
    called = event(2 * SECOND, "shrink_slab_start", shrink=BALLOON_SHRINKER, total_scan=128, priority=3)
    stream = records(
        reclaim(SECOND, lru(SECOND + MS, 100, 7), called), event(20 * SECOND, "kswapd_wake", 60, "kswapd0")
    )
    stream = records(
        stream, event(21 * SECOND, "direct_reclaim_begin", 7), event(21 * SECOND + 1, "direct_reclaim_end", 7)
    )
    found = both(stream, 31 * SECOND)
    assert (found.open, found.severity, found.quality) == (True, Severity.CRITICAL, Quality.LOWER_BOUND)
    assert "has been waiting for 30.0 s in direct reclaim (global) so far" in found.text
    assert (
        "and got 7 pages so far; most of the wait, 29.0 s, went into shrinker virtio_balloon_shrinker_scan"
        in found.text
    )
    assert found.numbers["min_priority"] == 3


def test_what_others_do_meanwhile_is_theirs() -> None:
    other = records(slab(2 * SECOND, 5 * SECOND, 101, priority=0), lru(3 * SECOND, 101, 5, priority=2))
    again = records(slab(12 * SECOND, 13 * SECOND, 100, priority=0))
    stream = in_order(reclaim(SECOND, end_ns=9 * SECOND), reclaim(1500 * MS, end_ns=1600 * MS, tid=101), other, again)
    found = both(stream)
    assert "min_priority" not in found.numbers
    assert found.numbers["shrinkers_s"] == 0


def test_two_waits_of_one_task_are_two() -> None:
    first, second = (
        reclaim(at * SECOND, slab(at * SECOND + MS, at * SECOND + 901 * MS), end_ns=(at + 2) * SECOND) for at in (1, 5)
    )
    found = stalls(analyse(records(first, second), end_ns=9 * SECOND))
    assert [(each.start_s, each.numbers["shrinkers_s"]) for each in found] == [(1.0, 0.9), (5.0, 0.9)]
    assert len({each.id for each in found}) == 2


def test_compaction_is_a_wait_and_a_cgroups_limit_is_named() -> None:
    compacted = records(event(SECOND, "compaction_begin"), event(3 * SECOND, "compaction_end"))
    assert "waited 2.0 s in direct compaction" in both(compacted).text
    limited = records(event(SECOND, "memcg_reclaim_begin"), event(3 * SECOND, "memcg_reclaim_end", nr_reclaimed=5))
    assert "in direct reclaim (memcg), and got 5 pages" in both(limited).text


@pytest.mark.parametrize(("stalls_counted", "told"), [((7, 7), 0), ((7, 8), 1), ((), 1)])
def test_compaction_that_somebody_asked_for_is_no_wait_for_memory(stalls_counted: tuple[int, ...], told: int) -> None:
    compacted = records(event(SECOND, "compaction_begin", comm="sh"), event(3 * SECOND, "compaction_end", comm="sh"))
    times = np.asarray([SECOND // 2, 4 * SECOND])[: len(stalls_counted)]
    readings = Samples(times, ("vmstat.compact_stall",), np.asarray(stalls_counted, np.int64)[:, None])
    assert len(stalls(analyse(compacted, readings))) == told


def test_a_shrinker_call_of_reclaim_that_was_not_seen_is_a_wait_as_well() -> None:
    found = both(slab(SECOND, 4 * SECOND, priority=2))
    assert (
        "waited 3.0 s in direct reclaim (its begin was not seen), down to priority 2; most of the wait, 3.0 s"
        in found.text
    )


def test_threads_for_which_nobody_waits_are_left_out() -> None:
    for comm in ("khugepaged", "kcompactd0"):
        begin, end = (event(at * SECOND, f"compaction_{edge}", 9, comm) for at, edge in ((1, "begin"), (4, "end")))
        assert not stalls(analyse(records(begin, end), end_ns=9 * SECOND))


def test_one_from_before_the_recording_waited_at_least_so_long() -> None:
    stream = event(4 * SECOND, "direct_reclaim_end", nr_reclaimed=9)
    found = both(stream)
    assert (found.numbers, found.quality) == ({"stall_s": 4.0, "tid": 100, "pages": 9}, Quality.LOWER_BOUND)
    assert "waited at least 4.0 s in direct reclaim (global), since before the recording" in found.text
    assert not stalls(analyse(stream, metadata=replace(METADATA, imported_from="trace.dat"), end_ns=9 * SECOND))
    assert not stalls(analyse(event(999 * MS, "direct_reclaim_end"), end_ns=9 * SECOND))


@pytest.mark.parametrize("kind", ["direct_reclaim_end", "direct_reclaim_begin"])
def test_a_wait_of_which_an_end_may_have_been_lost_is_not_told(kind: str) -> None:
    lossy = LostStretch(2 * SECOND, 3 * SECOND, {kind: 1})
    assert not stalls(analyse(reclaim(SECOND, end_ns=9 * SECOND), lossy))
    assert stalls(analyse(reclaim(SECOND, end_ns=9 * SECOND), LostStretch(2 * SECOND, 3 * SECOND, {"tell_host": 1})))


def test_a_source_without_ends_tells_of_waits_as_far_as_something_was_seen_in_them() -> None:
    assert not stalls(analyse(reclaim(SECOND), end_ns=9 * SECOND))
    stream = reclaim(SECOND, lru(2 * SECOND, 100, 3), slab(3 * SECOND, 4 * SECOND))
    found = both(records(stream, event(50 * SECOND, "kswapd_wake", 60, "kswapd0")))
    assert (found.numbers["stall_s"], found.open) == (pytest.approx(3.0), True)
    assert not stalls(analyse(reclaim(SECOND, lru(2 * SECOND - 1, 100, 3)), end_ns=9 * SECOND))


def test_a_begin_without_an_end_is_no_wait_until_the_next() -> None:
    stream = records(reclaim(SECOND), reclaim(6 * SECOND, end_ns=6 * SECOND + MS))
    assert not stalls(analyse(stream, end_ns=9 * SECOND))


def test_at_most_a_thousand_are_listed_and_as_many_that_were_very_long() -> None:
    lengths = [(tid, 1 if tid < 1100 else 10) for tid in range(1, 1200)]
    stream = in_order(*(reclaim(tid * MS, end_ns=tid * MS + length * SECOND, tid=tid) for tid, length in lengths))
    found = stalls(analyse(stream, end_ns=90 * SECOND))
    assert [sum(each.severity is severity for each in found) for severity in (Severity.CRITICAL, Severity.WARNING)] == [
        100,
        1000,
    ]
