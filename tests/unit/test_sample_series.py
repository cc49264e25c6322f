"""Readings of counters over time: which are kept, and what a look at them costs."""

from __future__ import annotations

import tracemalloc

import numpy as np
import pytest

from tracer.analyze.stream.branching import Branch
from tracer.analyze.totals.series import SampleSeries
from tracer.batch import Samples
from tracer.schema import SAMPLE_NULL

MOST_ROWS = 4096
SEVENTY = tuple(f"vmstat.counter_{number}" for number in range(70))


def read(series: SampleSeries, first: int, rows: int, names: tuple[str, ...] = ("a", "b")) -> None:
    """So many readings a second apart: a counter's value is the second times the number of its column and one."""
    seconds = np.arange(first, first + rows)
    series.add(Samples(seconds * 10**9, names, np.multiply.outer(seconds, np.arange(1, len(names) + 1))))


@pytest.mark.parametrize("at_once", [3, 64, 1000])
@pytest.mark.parametrize("rows", [1, 64, 65, MOST_ROWS, MOST_ROWS + 1, 3 * MOST_ROWS + 5])
def test_every_second_goes_when_there_are_too_many_and_the_newest_stays(rows: int, at_once: int) -> None:
    series = SampleSeries()
    for first in range(0, rows, at_once):
        read(series, first, min(at_once, rows - first))
    kept = [0]
    stride = 1
    for second in range(1, rows):
        if second % stride == 0:
            kept.append(second)
        if len(kept) > MOST_ROWS:
            kept, stride = kept[::2], 2 * stride
    kept += [rows - 1] * (kept[-1] != rows - 1)
    curve = series.quantities(0)["b"]
    assert curve.time_s.tolist() == kept
    assert curve.values.tolist() == [2.0 * second for second in kept]
    assert series.growth("a") == rows - 1


def test_a_counter_is_told_where_it_was_read_alone() -> None:
    # GIVEN a counter that comes later, one that stays away, and one that was never read
    series = SampleSeries()
    read(series, 0, 100)
    series.add(Samples(np.array([100 * 10**9]), ("b", "c", "d"), np.array([[7, 8, SAMPLE_NULL]])))
    curves = series.quantities(10**9)
    assert [*curves] == ["a", "b", "c"]
    assert "d" not in curves
    assert curves.get("d") is None
    assert curves["a"].time_s.tolist() == [float(second) for second in range(-1, 99)]
    assert (curves["b"].time_s[-1], curves["b"].values[-1]) == (99.0, 7.0)
    assert (curves["c"].time_s.tolist(), curves["c"].values.tolist()) == ([99.0], [8.0])
    assert (series.growth("a"), series.growth("b"), series.growth("c")) == (None, 7, None)


def test_curves_stay_as_they_were_when_they_were_asked_for() -> None:
    # GIVEN the results at a moment, of which a curve is looked at only when more has come, as much as halves the rows
    series = SampleSeries()
    read(series, 0, 4000)
    then = Branch().of(series).quantities(0)
    read(series, 4000, 4000)
    assert then["a"].time_s.tolist() == [*range(4000)]


def test_a_look_takes_no_memory_for_counters_that_nobody_looks_at() -> None:
    # GIVEN as many readings as are kept, of as many counters as there are
    series = SampleSeries()
    read(series, 0, MOST_ROWS, SEVENTY)
    tracemalloc.start()
    try:
        curves = series.quantities(0)
        curve = curves[SEVENTY[3]]
        _, most_bytes = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    # THEN it is one curve that is made, with its columns while it is, not seventy
    assert len(curve.values) == MOST_ROWS
    assert most_bytes < 6 * curve.values.nbytes
