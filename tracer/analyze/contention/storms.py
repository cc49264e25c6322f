"""Cycles of one class in a row."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import groupby, islice, pairwise
from statistics import median
from typing import Final

from ..model import EVIDENCE_SPANS, Cycle, CycleRow, Storm, cycle_count, known_sum

STORM_CYCLES: Final = 3
"""Cycles of one class in a row that make a storm."""

_LULL_LEAST_S: Final = 2.0
_LULL_FACTOR: Final = 10.0
"""A pause in a row of cycles is a lull when it is that long, and so many times the median of the row's pauses."""


def in_storms(
    cycles: Sequence[Cycle], horizon_s: float, first: int = 1, shared: int = 0
) -> tuple[list[Cycle], list[Storm]]:
    """The cycles with the numbers of their storms, and the storms, numbered from `first` on: three and more cycles of
    one class in a row. The first so many `shared` cycles are others', too: where one changes it is another one."""
    storms: list[Storm] = []
    numbered: list[Cycle] = []
    for row in (part for whole in _rows(cycles, horizon_s) for part in _without_lulls(whole)):
        number = first + len(storms) if cycle_count(row) >= STORM_CYCLES else None
        numbered += [_in_storm(cycle, number, at < shared) for at, cycle in enumerate(row, len(numbered))]
        if number is not None:
            storms.append(_storm(number, row))
    return numbered, storms


def _in_storm(cycle: Cycle, number: int | None, is_shared: bool) -> Cycle:
    if cycle.storm == number:
        return cycle
    if is_shared:
        return replace(cycle, storm=number)
    cycle.storm = number
    return cycle


def joined(cycles: Sequence[Cycle], kept: int) -> list[Cycle]:
    """The cycles, those of each storm before its last `kept` as one where they are many: at least twice as many."""
    rows: list[Cycle] = []
    for storm, group in groupby(cycles, key=lambda cycle: cycle.storm):
        own = list(group)
        over = len(own) - kept if storm is not None and len(own) > max(2 * kept, 1) else 0
        rows += [*([_as_one(own[:over])] if over else []), *own[over:]]
    return rows


def _as_one(cycles: Sequence[Cycle]) -> CycleRow:
    first, last = cycles[0], cycles[-1]
    return CycleRow(
        id=first.id,
        cycle_class=first.cycle_class,
        start_s=first.start_s,
        end_s=max(cycle.end_s for cycle in cycles),
        leaked_pages=sum(cycle.leaked_pages for cycle in cycles),
        reinflated_pages=sum(cycle.reinflated_pages for cycle in cycles),
        wasted_pages=sum(cycle.wasted_pages for cycle in cycles),
        worker_s=sum(cycle.worker_s for cycle in cycles),
        storm=last.storm,
        leak_start_s=first.leak_start_s,
        reclaim_s=sum(cycle.reclaim_s for cycle in cycles),
        stall_s=sum(cycle.stall_s for cycle in cycles),
        refault_pages=known_sum(cycle.refault_pages for cycle in cycles),
        spans=list(islice((span for cycle in cycles for span in cycle.spans), EVIDENCE_SPANS)),
        cycles=cycle_count(cycles),
    )


def last_row(cycles: Sequence[Cycle], horizon_s: float) -> int:
    """Where the last row begins, which further cycles may go on with."""
    at = len(cycles) - 1
    while at > 0 and not _parts(cycles[at - 1], cycles[at], horizon_s):
        at -= 1
    return max(at, 0)


def _rows(cycles: Sequence[Cycle], horizon_s: float) -> Iterator[list[Cycle]]:
    """Cycles of one class with pauses no longer than the horizon."""
    row: list[Cycle] = []
    for cycle in cycles:
        if row and _parts(row[-1], cycle, horizon_s):
            yield row
            row = []
        row.append(cycle)
    if row:
        yield row


def _parts(before: Cycle, after: Cycle, horizon_s: float) -> bool:
    return after.cycle_class is not before.cycle_class or _pause_s(before, after) > horizon_s


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
    return Storm(
        id=number,
        cycle_class=row[0].cycle_class,
        start_s=row[0].start_s,
        end_s=max(cycle.end_s for cycle in row),
        cycles=cycle_count(row),
        wasted_pages=sum(cycle.wasted_pages for cycle in row),
    )
