"""Cycles of one class in a row."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import pairwise
from statistics import median
from typing import Final

from ..model import Cycle, Storm

STORM_CYCLES: Final = 3
"""Cycles of one class in a row that make a storm."""

_LULL_LEAST_S: Final = 2.0
_LULL_FACTOR: Final = 10.0
"""A pause in a row of cycles is a lull when it is that long, and so many times the median of the row's pauses."""


def find_storms(cycles: Sequence[Cycle], horizon_s: float) -> list[Storm]:
    """Three and more cycles of one class in a row; sets `storm` of the cycles that belong to one."""
    rows = (part for row in _rows(cycles, horizon_s) for part in _without_lulls(row))
    return [_storm(number, row) for number, row in enumerate((row for row in rows if len(row) >= STORM_CYCLES), 1)]


def _rows(cycles: Sequence[Cycle], horizon_s: float) -> Iterator[list[Cycle]]:
    """Cycles of one class with pauses no longer than the horizon."""
    row: list[Cycle] = []
    for cycle in cycles:
        if row and (cycle.cycle_class is not row[-1].cycle_class or _pause_s(row[-1], cycle) > horizon_s):
            yield row
            row = []
        row.append(cycle)
    if row:
        yield row


def _without_lulls(row: list[Cycle]) -> Iterator[list[Cycle]]:
    """The row in parts: a pause far longer than its others are is a lull, in which nothing went round."""
    pauses = [_pause_s(before, after) for before, after in pairwise(row)]
    longest_s = max(_LULL_LEAST_S, _LULL_FACTOR * median(pauses)) if pauses else 0.0
    first = 0
    for index, pause_s in enumerate(pauses, 1):
        if pause_s > longest_s:
            yield row[first:index]
            first = index
    yield row[first:]


def _pause_s(before: Cycle, after: Cycle) -> float:
    return after.start_s - before.end_s


def _storm(number: int, row: Sequence[Cycle]) -> Storm:
    for cycle in row:
        cycle.storm = number
    return Storm(
        id=number,
        cycle_class=row[0].cycle_class,
        start_s=row[0].start_s,
        end_s=max(cycle.end_s for cycle in row),
        cycles=len(row),
        wasted_pages=sum(cycle.wasted_pages for cycle in row),
    )
