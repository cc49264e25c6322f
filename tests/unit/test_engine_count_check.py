"""Pages that events were to tell of, held against the kernel's own counters wherever the balloon rests."""

from __future__ import annotations

import pytest
from streams import MS, SECOND, Records, analyse, counters, records
from test_engine_runs import TRACEPOINTS, notification, run

from tracer.analyze.balloon_result import BalloonResult
from tracer.analyze.terms import Quality
from tracer.batch import Samples
from tracer.wording.balloon_size import miscount

BASE = (0, 1000, 700)
"""A reading before anything: what was counted since boot."""


def balloon(*items: Records | Samples) -> BalloonResult:
    return analyse(*items, metadata=TRACEPOINTS).balloon


def readings(*rows: tuple[int, int, int]) -> Samples:
    """Counters beyond those of BASE, by ms, and BASE again; the last row comes again: only then was it surely read."""
    later = [(at_ms * MS, 1000 + inflated, 700 + deflated) for at_ms, inflated, deflated in rows]
    return counters([BASE, (50 * MS, *BASE[1:]), *later, (2 * SECOND, *later[-1][1:])])


@pytest.mark.parametrize(
    ("inflated", "deflated", "missed", "extra"),
    [
        (512, 256, 0, 0),
        (754, 256, 242, 0),
        (512, 260, 4, 0),
        (754, 260, 246, 0),
        (500, 256, 0, 12),
        (512, 235, 0, 21),
        (500, 260, 4, 12),
    ],
)
def test_what_counters_and_events_do_not_have_in_common_makes_the_numbers_bounds(
    inflated, deflated, missed, extra
) -> None:
    found = balloon(
        run(100 * MS, 256), run(200 * MS, 256), notification(300 * MS, 256), readings((900, inflated, deflated))
    )
    assert (found.missed_pages, found.extra_pages) == (missed, extra)
    assert found.quality is (Quality.INFERRED if missed or extra else Quality.MEASURED)
    assert found.inflated_pages == 512


def test_a_reading_in_the_middle_of_a_run_or_just_before_one_says_nothing() -> None:
    # GIVEN a reading whose counters were read somewhere between 95 and 900 ms, in which a run inflates
    assert balloon(run(100 * MS, 256), readings((95, 200, 0), (900, 256, 0))).missed_pages == 0
    assert balloon(run(90 * MS, 256), readings((95, 200, 0), (900, 256, 0))).missed_pages == 0
    # ... also where the run has not ended, and where nothing comes after
    assert balloon(run(100 * MS, 256), counters([BASE, (50 * MS, *BASE[1:]), (95 * MS, 1200, 700)])).missed_pages == 0


def test_what_was_missed_once_stays_so_whatever_is_told_twice_later() -> None:
    found = balloon(run(100 * MS, 256), run(1000 * MS, 300), readings((500, 266, 0), (600, 266, 0), (1500, 522, 0)))
    assert (found.missed_pages, found.extra_pages) == (10, 44)


def test_more_runs_at_once_than_are_kept_are_not_taken_for_missing_ones() -> None:
    # GIVEN thousands of runs in one piece, and readings between them
    many = [run((100 + 20 * number) * MS, 1) for number in range(5000)]
    rows = [((95 + 20 * number) * MS, 1000 + number, 700) for number in range(5001)]
    rows += [(200 * SECOND, 6000, 700), (201 * SECOND, 6000, 700)]
    found = balloon(records(*many), counters([BASE, *rows]))
    assert (found.inflated_pages, found.missed_pages, found.extra_pages) == (5000, 0, 0)


@pytest.mark.parametrize(
    ("missed", "extra", "said"),
    [
        (0, 0, ""),
        (256, 0, "lower bounds: the kernel counted 1.0 MiB more than the events show"),
        (0, 256, "upper bounds: the kernel counted 1.0 MiB less than the events show"),
        (256, 512, "the kernel counted 1.0 MiB more than the events show at times, 2.0 MiB less at others"),
    ],
)
def test_it_is_said(missed: int, extra: int, said: str) -> None:
    found = miscount(BalloonResult(missed_pages=missed, extra_pages=extra), 4096)
    assert found.endswith(said)
    assert bool(found) is bool(said)
