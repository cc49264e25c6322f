"""Every kind is found, judged clean, or listed with why it was not judged, however little was recorded."""

from __future__ import annotations

from dataclasses import replace

import pytest
from shortage_streams import GUEST, readings, sized
from streams import METADATA, SECOND, analyse, event, work
from test_finding_kinds import BOUNDARIES

from tracer.analyze import Analysis
from tracer.analyze.findings.registry import KINDS
from tracer.metadata import BalloonInfo, Metadata, PlanRow, SourceState
from tracer.schema import KINDS as EVENT_KINDS

ALL = frozenset(kind.name for kind in KINDS)
LONG = {"starved", "thrashing", "headroom"}
"""Kinds that take 10 s to show."""
BY_READINGS = {"refault", "dropped_cache", "lost", "host_oscillation", "cycle", "storm", "premature_tap", *LONG}
"""Kinds that readings of the guest alone tell."""
REPORTING = replace(GUEST, balloon=replace(GUEST.balloon, features=("reporting",)))


def plan(state: SourceState, metadata: Metadata = REPORTING) -> Metadata:
    """A recording whose sources of events are all in one state."""
    return replace(metadata, plan=tuple(PlanRow(kind.name, "tracepoint", state) for kind in EVENT_KINDS))


TRACED, UNTRACED = plan(SourceState.USED), plan(SourceState.ABSENT)


def judged(analysis: Analysis) -> set[str]:
    """Kinds that were found or judged clean. Each other is listed once, with a reason."""
    why = {each.kind: each.why for each in analysis.not_judged}
    assert len(why) == len(analysis.not_judged)
    assert all(why.values())
    assert why.keys() <= ALL
    assert not why.keys() & {finding.kind for finding in analysis.findings}
    return set(ALL - why.keys())


def whys(analysis: Analysis) -> dict[str, str]:
    return {each.kind: each.why for each in analysis.not_judged}


def test_of_an_empty_recording_nothing_is_judged_but_its_losses():
    assert judged(analyse(metadata=TRACED)) == {"lost"}
    assert judged(analyse(metadata=METADATA, end_ns=SECOND)) == {"lost"}


def test_sources_that_were_traced_and_told_nothing_judge():
    assert "oom_kill" in judged(analyse(metadata=TRACED, end_ns=SECOND))


def test_two_seconds_judge_what_shows_in_two_seconds():
    recording = analyse(sized(700, 300, seconds=2), work(0, 1), event(SECOND, "kswapd_wake", 60), metadata=TRACED)
    assert ALL - judged(recording) == {*LONG, "lag", "recorder_share"}
    assert {whys(recording)[kind] for kind in LONG} == {"the recording is shorter than 10 s"}


def test_ten_seconds_judge_all_that_was_sampled_and_traced():
    recording = analyse(sized(700, 300, seconds=10), work(0, 1), metadata=TRACED)
    assert ALL - judged(recording) == {"lag", "recorder_share"}


def test_readings_alone_judge_what_they_tell():
    long = analyse(sized(700, 300, seconds=20), metadata=UNTRACED)
    assert judged(long) == BY_READINGS
    assert judged(analyse(sized(700, 300, seconds=2), metadata=UNTRACED)) == BY_READINGS - LONG


@pytest.mark.parametrize("kind", sorted(BOUNDARIES.keys() - {"lost"}))
def test_a_kind_that_has_nothing_to_be_told_by_is_listed(kind):
    # GIVEN one reading of something else, and sources that all were absent
    alone = analyse(readings(1).without(set(readings(1).names)), metadata=UNTRACED, end_ns=60 * SECOND)
    assert kind not in judged(alone)


def test_a_machine_without_a_balloon_lists_no_kind_of_one_for_its_length():
    recording = analyse(event(0, "kswapd_wake", 60), metadata=replace(TRACED, balloon=BalloonInfo()), end_ns=SECOND)
    assert not {"starved", "headroom", "worker_stuck", "lag"} & whys(recording).keys()
    assert whys(recording)["thrashing"] == "refaults were not sampled"


@pytest.mark.parametrize(
    ("again_mib", "without", "why"),
    [
        (1, "", "the guest was never 10 s without refaults or waits"),
        (0, "vmstat.nr_active_file", "the size of the page cache and of slab was not sampled"),
        (0, "meminfo.MemAvailable_bytes", "available memory was not sampled"),
        (0, "vmstat.balloon_inflate", "the balloon's size was not recorded"),
    ],
)
def test_headroom_that_could_not_be_estimated_says_why(again_mib, without, why):
    samples = sized(700, 300, again_mib=again_mib).without({without})
    assert whys(analyse(samples, metadata=TRACED))["headroom"] == why
