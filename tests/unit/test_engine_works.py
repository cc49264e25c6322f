"""When the balloon's worker was idle: it tells a host that spoke again from an inflation that went on."""

from __future__ import annotations

import pytest
from streams import MS, SECOND

from tracer.analyze.balloon.runs import Run, Runs
from tracer.analyze.balloon.works import WorkLog


def log(*runs_ms: tuple[int, int]) -> WorkLog:
    log = WorkLog(idle_gap_ns=250 * MS, horizon_ns=10 * SECOND)
    for number, (begin_ms, end_ms) in enumerate(runs_ms):
        log.advance(Runs.of([run(number, begin_ms, end_ms)]), Runs.of(()))
    return log


def run(number: int, begin_ms: int, end_ms: int) -> Run:
    return Run(number, begin_ms * MS, end_ms * MS)


@pytest.mark.parametrize(
    ("runs_ms", "paused"),
    [
        ([], True),
        ([(5_060, 5_070)], True),
        ([(1_000, 1_010), (5_060, 5_070)], True),
        ([(4_900, 4_950), (5_060, 5_070)], False),
        ([(4_900, 5_055), (5_060, 5_070)], False),
        ([(4_900, 4_950), (5_060, 5_070), (5_900, 5_910)], True),
        ([(1_000, 1_010), (4_900, 4_950), (5_060, 5_070)], False),
    ],
)
def test_a_run_after_a_long_pause_was_asked_for_whenever_the_pause_began(runs_ms, paused):
    # GIVEN a leak at 5 s and an inflation at 6 s
    assert log(*runs_ms).paused(5_000 * MS, 6_000 * MS) is paused
