"""Runs of the balloon's worker that take long, however the stream is cut: what they waited for."""

from __future__ import annotations

from dataclasses import replace

import pytest
from streams import METADATA, MS, SECOND, Records, analyse, event, records

from tracer.analyze.model import Analysis, Finding
from tracer.analyze.terms import Quality, Severity
from tracer.batch import LostStretch

WORKER = (50, "kworker/0:1")


def run(begin_ns: int, *inside: Records, end_ns: int | None = None) -> Records:
    ended = [] if end_ns is None else [event(end_ns, "balloon_work_end", *WORKER)]
    return records(event(begin_ns, "balloon_work_begin", *WORKER), *inside, *ended)


def told(at_ns: int) -> Records:
    return event(at_ns, "tell_host", *WORKER, num_pfns=256)


def reclaiming(begin_ns: int, end_ns: int) -> Records:
    begin = event(begin_ns, "direct_reclaim_begin", *WORKER)
    return records(begin, event(end_ns, "direct_reclaim_end", *WORKER, nr_reclaimed=3))


def stuck(analysis: Analysis) -> list[Finding]:
    return [finding for finding in analysis.findings if finding.kind == "worker_stuck"]


def both(stream: Records, end_ns: int) -> Finding:
    """The only such finding, the same of the whole stream and of it event by event."""
    (whole,) = stuck(analyse(stream, end_ns=end_ns))
    (cut,) = stuck(analyse(*(stream[at : at + 1] for at in range(len(stream))), end_ns=end_ns))
    assert whole == cut
    return whole


def test_a_run_that_returned_late_waited_for_the_host() -> None:
    found = both(run(SECOND, told(SECOND + 10 * MS), end_ns=4 * SECOND), 9 * SECOND)
    assert (found.numbers["stuck_s"], found.numbers["host_s"]) == (pytest.approx(3.0), pytest.approx(2.99))
    assert "waited for the host (tell_host)" in found.text
    assert (found.open, found.severity, found.quality) == (False, Severity.WARNING, Quality.MEASURED)


def test_a_run_that_reclaims_waits_for_memory() -> None:
    found = both(run(SECOND, reclaiming(SECOND + MS, 3 * SECOND), told(3 * SECOND + MS), end_ns=3100 * MS), 9 * SECOND)
    assert found.numbers["reclaim_s"] == pytest.approx(1.999)
    assert found.numbers["host_s"] == pytest.approx(0.099)
    assert "waited for memory (direct reclaim)" in found.text


def test_one_that_reclaims_still_is_open_and_a_lower_bound() -> None:
    stream = run(SECOND, event(SECOND + MS, "direct_reclaim_begin", *WORKER))
    stream = records(stream, event(5 * SECOND, "kswapd_wake", 60, "kswapd0"))
    found = both(stream, 130 * SECOND)
    assert found.numbers == {
        "stuck_s": pytest.approx(129.0),
        "last_seen_s": pytest.approx(1.001),
        "reclaim_s": pytest.approx(128.999),
    }
    assert (found.open, found.severity, found.quality) == (True, Severity.CRITICAL, Quality.LOWER_BOUND)


def test_what_the_thread_does_after_the_run_is_not_the_runs() -> None:
    after = records(event(4 * SECOND, "tell_host", *WORKER), event(8 * SECOND, "throttled", *WORKER))
    found = both(records(run(SECOND, end_ns=3500 * MS), after), 9 * SECOND)
    assert found.numbers["host_s"] == 0
    assert "waited for the host" not in found.text


@pytest.mark.parametrize(("num_pages", "puffs"), [(0, 0), (1, 1)])
def test_who_waits_for_the_host_is_not_out_of_puff(num_pages: int, puffs: int) -> None:
    # GIVEN a run that moves nothing countable, with and without telling the host
    waiting = [] if num_pages else [told(SECOND + MS)]
    analysis = analyse(run(SECOND, *waiting, end_ns=4 * SECOND), event(5 * SECOND, "tell_host", 9), end_ns=9 * SECOND)
    assert len(stuck(analysis)) == 1
    assert analysis.balloon.puffs in (puffs, None)


def test_a_run_from_before_the_recording_took_at_least_so_long() -> None:
    stream = event(7 * SECOND, "balloon_work_end", *WORKER)
    found = both(stream, 9 * SECOND)
    assert (found.numbers, found.quality) == ({"stuck_s": 7.0}, Quality.LOWER_BOUND)
    assert "began before the recording" in found.text
    assert not stuck(analyse(stream, metadata=replace(METADATA, imported_from="trace.dat"), end_ns=9 * SECOND))
    seen = run(SECOND, end_ns=SECOND + MS)
    assert not stuck(analyse(records(seen, stream), end_ns=9 * SECOND))


@pytest.mark.parametrize(("lost", "count"), [("balloon_work_end", 0), ("shrink_slab_end", 1)])
def test_a_run_whose_end_may_have_been_lost_is_not_told(lost: str, count: int) -> None:
    lossy = LostStretch(2 * SECOND, 3 * SECOND, {lost: 5})
    assert len(stuck(analyse(run(SECOND), lossy, end_ns=9 * SECOND))) == count


def test_a_run_without_an_end_is_not_as_long_as_the_next_ones_begin_is_late() -> None:
    again = run(6 * SECOND, end_ns=6 * SECOND + MS)
    assert not stuck(analyse(records(run(SECOND), again), end_ns=9 * SECOND))
