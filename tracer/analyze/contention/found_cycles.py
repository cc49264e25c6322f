"""Cycles as they are found: a few numbers and some span ids each, until all are known."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import chain, pairwise
from typing import Final, NamedTuple

import numpy as np

from ..balloon.columns import I64, Columns
from ..model import Cycle
from ..terms import CycleClass
from .meter import Marks

_CLASSES: Final = tuple(sorted(CycleClass))
_UNKNOWN: Final = -1


class Round(NamedTuple):
    """Pages that left from `begin_ns` on and came back: a cycle from `turn_ns` to `end_ns`."""

    begin_ns: int
    turn_ns: int
    end_ns: int
    leaked: int
    regained: int
    class_: CycleClass
    spans: Sequence[int]


@dataclass(frozen=True)
class _Rows(Columns):
    """Rounds and their cost; `class_` is a number in _CLASSES, `refaults` -1 where not known, `spans` how many."""

    begin_ns: I64
    turn_ns: I64
    end_ns: I64
    leaked: I64
    regained: I64
    class_: I64
    spans: I64
    worker_ns: I64
    reclaim_ns: I64
    waited_ns: I64
    refaults: I64


@dataclass
class FoundCycles:
    """All cycles so far."""

    _parts: list[_Rows] = field(default_factory=list)
    _spans: list[I64] = field(default_factory=list)

    def add(self, rounds: Sequence[Round], marks: Marks) -> None:
        """Take cycles whose turns and ends are among the marks."""
        if not rounds:
            return
        numbers = [(*one[:5], _CLASSES.index(one.class_), len(one.spans)) for one in rounds]
        begin_ns, turn_ns, end_ns, leaked, regained, class_, spans = np.asarray(numbers, np.int64).T
        since, until = marks.at(turn_ns), marks.at(end_ns)
        worker_ns, reclaim_ns, waited_ns = (marks.sums[until, :3] - marks.sums[since, :3]).T
        refaults = np.rint(np.maximum(marks.refaults[until] - marks.refaults[since], 0))
        refaults = np.where(np.isnan(refaults), _UNKNOWN, refaults).astype(np.int64)
        costs = (worker_ns, reclaim_ns, waited_ns, refaults)
        self._parts.append(_Rows(begin_ns, turn_ns, end_ns, leaked, regained, class_, spans, *costs))
        self._spans.append(np.asarray(list(chain.from_iterable(one.spans for one in rounds)), np.int64))

    def and_then(self, other: FoundCycles) -> FoundCycles:
        """These, and behind them another's."""
        return FoundCycles(self._parts + other._parts, self._spans + other._spans)

    def take_before(self, time_ns: int) -> FoundCycles:
        """Those that begin before a time, which are no longer here."""
        rows, spans = _Rows.concat(self._parts), np.concatenate((*self._spans, np.empty(0, np.int64)))
        before = rows.turn_ns < time_ns
        of_before = np.repeat(before, rows.spans)
        self._parts, self._spans = [rows.take(~before)], [spans[~of_before]]
        return FoundCycles([rows.take(before)], [spans[of_before]])

    def cycles(self, origin_ns: int, first: int = 1) -> list[Cycle]:
        """All in order of their start, numbered from `first` on; times are seconds since `origin_ns`."""
        rows = _Rows.concat(self._parts)
        edges = np.append(0, np.cumsum(rows.spans)).tolist()
        spans = np.concatenate((*self._spans, np.empty(0, np.int64))).tolist()
        own = [spans[first:last] for first, last in pairwise(edges)]
        order = np.lexsort((rows.class_, rows.begin_ns, rows.end_ns, rows.turn_ns))
        found = zip(rows.take(order).rows(), order.tolist(), strict=True)
        return [_cycle(number, row, origin_ns, own[place]) for number, (row, place) in enumerate(found, first)]


def _cycle(number: int, row: Sequence[int], origin_ns: int, spans: list[int]) -> Cycle:
    begin_ns, turn_ns, end_ns, leaked, regained, class_, _, worker_ns, reclaim_ns, waited_ns, refaults = row
    return Cycle(
        id=number,
        cycle_class=_CLASSES[class_],
        start_s=(turn_ns - origin_ns) / 1e9,
        end_s=(end_ns - origin_ns) / 1e9,
        leak_start_s=(begin_ns - origin_ns) / 1e9,
        leaked_pages=leaked,
        reinflated_pages=regained,
        wasted_pages=2 * min(leaked, regained),
        worker_s=worker_ns / 1e9,
        reclaim_s=reclaim_ns / 1e9,
        stall_s=waited_ns / 1e9,
        refault_pages=None if refaults == _UNKNOWN else refaults,
        spans=spans,
    )
