"""Cycles that can no longer change, and their storms: made once, however often the results are asked for."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from ..model import Cycle, Storm, cycle_count
from .found_cycles import FoundCycles
from .storms import in_storms, joined, last_row


@dataclass(frozen=True)
class _Told:
    """Cycles in order and their storms. Whoever is given them must not change them."""

    cycles: Sequence[Cycle] = ()
    storms: Sequence[Storm] = ()


class PastCycles:
    """Takes cycles in order of their start. Rows of them that are over are kept as they are; the last may go on.

    Where `kept` is given, no more than twice as many of a storm are kept that goes on, and one of a storm that is over:
    the others are joined.
    """

    def __init__(self, origin_ns: int, horizon_s: float, kept: int | None = None) -> None:
        self._origin_ns, self._horizon_s, self._kept = origin_ns, horizon_s, kept
        self._over: list[_Told] = []
        self._row = _Told()
        self._cycles = self._storms = 0
        """How many there were before `_row`."""
        self.forgotten, self.forgotten_wasted_pages = 0, 0

    def take(self, found: FoundCycles) -> None:
        """Take the next cycles: none is found later that begins before one of them."""
        told = self._last(found)
        first = last_row(told.cycles, self._horizon_s)
        if first:
            over = _Told(*in_storms(told.cycles[:first], self._horizon_s, self._storms + 1, first))
            self._over.append(self._joined(over, 0))
            self._cycles += cycle_count(over.cycles)
            self._storms += len(over.storms)
            told = _Told(*in_storms(told.cycles[first:], self._horizon_s, self._storms + 1, len(told.cycles)))
        self._row = self._joined(told, self._kept)

    def _joined(self, told: _Told, kept: int | None) -> _Told:
        return told if self._kept is None or kept is None else _Told(joined(told.cycles, kept), told.storms)

    def forget(self, before_s: float) -> None:
        """Keep only sums of rows that ended before a time; never of the last one, which may go on."""
        kept: list[_Told] = []
        for told in self._over:
            if max(cycle.end_s for cycle in told.cycles) >= before_s:
                kept.append(told)
                continue
            self.forgotten += cycle_count(told.cycles)
            self.forgotten_wasted_pages += sum(cycle.wasted_pages for cycle in told.cycles)
        self._over = kept

    def and_then(self, found: FoundCycles) -> tuple[list[Cycle], list[Storm]]:
        """All cycles and storms, where these are the last cycles."""
        parts = [*self._over, self._last(found)]
        cycles = [cycle for part in parts for cycle in part.cycles]
        return cycles, [storm for part in parts for storm in part.storms]

    def _last(self, found: FoundCycles) -> _Told:
        row = self._row.cycles
        later = found.cycles(self._origin_ns, self._cycles + cycle_count(row) + 1)
        return _Told(*in_storms([*row, *later], self._horizon_s, self._storms + 1, len(row)))
