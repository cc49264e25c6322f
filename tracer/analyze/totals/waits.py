"""What tasks waited for memory in each episode, and what they tried before its first OOM notification."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from ..stream.attribution import RUNG_OF_SCOPE
from ..stream.cells import Cells
from ..stream.stretch import LruRows, Stretch
from ..terms import Scope, Tier

I64 = npt.NDArray[np.int64]

_PLACES: Final = ((1, RUNG_OF_SCOPE[Scope.GLOBAL]), (2, RUNG_OF_SCOPE[Scope.MEMCG]))
"""Where an episode's waits of a scope are, and the scope's rung."""
_FOREVER_NS: Final = np.iinfo(np.int64).max


@dataclass(slots=True)
class Prelude:
    """What tasks went through in an episode before its first OOM notification."""

    until_ns: int | None = None
    stall_ns: int = 0
    stalls: int = 0
    retries: int = 0
    min_priority: int | None = None


@dataclass(slots=True)
class ScopeWaits:
    """Tasks' waiting in an episode in direct reclaim of one scope: for the machine's memory, or at a cgroup's limit."""

    stall_ns: int = 0
    stalls: int = 0
    min_priority: int | None = None


class Waits:
    """Adds a stretch to the preludes and waits of the episodes that it touches."""

    def __init__(self, starts: I64, episodes: Sequence[tuple[Prelude, ScopeWaits, ScopeWaits]]) -> None:
        """`starts` are the times at which the episodes begin; one more stands for what lies in none. Each has its waits
        for the machine and those at cgroups' limits."""
        self._starts = starts
        self._episodes = episodes
        until_ns = [prelude.until_ns for prelude, *_ in episodes]
        self._until_ns = np.asarray([_FOREVER_NS if until is None else until for until in until_ns], np.int64)

    def take(self, stretch: Stretch) -> None:
        """Take spans that ended in direct reclaim, retries and scans of the LRU lists."""
        self._spans(stretch)
        retries_ns = stretch.retries.time_ns
        cells = Cells(self._index(retries_ns[self._is_early(retries_ns)]))
        for episode, retries in zip(cells.keys.tolist(), cells.count().tolist(), strict=True):
            self._episodes[episode][0].retries += retries
        if stretch.lru.has_priority:
            self._priorities(stretch.lru)

    def _spans(self, stretch: Stretch) -> None:
        spans = stretch.spans
        waited = np.flatnonzero(spans.is_root & spans.closed & ~spans.broken & (spans.tier == Tier.DIRECT))
        end_ns, waited_ns = spans.end_ns[waited], spans.end_ns[waited] - spans.begin_ns[waited]
        early = self._is_early(end_ns)
        for episode, stalls, stall_ns in self._sums(end_ns[early], waited_ns[early]):
            prelude = self._episodes[episode][0]
            prelude.stalls += stalls
            prelude.stall_ns += stall_ns
        for place, rung in _PLACES:
            chosen = stretch.rung[waited] == rung
            for episode, stalls, stall_ns in self._sums(end_ns[chosen], waited_ns[chosen]):
                waits = self._episodes[episode][place]
                waits.stalls += stalls
                waits.stall_ns += stall_ns

    def _priorities(self, lru: LruRows) -> None:
        direct = np.flatnonzero(lru.tier == Tier.DIRECT)
        for place, rung in _PLACES:
            chosen = direct[lru.rung[direct] == rung]
            for episode, lowest in self._least(lru.time_ns[chosen], lru.priority[chosen]):
                waits = self._episodes[episode][place]
                waits.min_priority = _lower(waits.min_priority, lowest)
        direct = direct[self._is_early(lru.time_ns[direct])]
        for episode, lowest in self._least(lru.time_ns[direct], lru.priority[direct]):
            prelude = self._episodes[episode][0]
            prelude.min_priority = _lower(prelude.min_priority, lowest)

    def _index(self, time_ns: I64) -> I64:
        """Which episodes times belong to that lie in one."""
        return np.maximum(np.searchsorted(self._starts, time_ns, side="right") - 1, 0)

    def _is_early(self, time_ns: I64) -> npt.NDArray[np.bool_]:
        """Which times lie before the episode's first OOM notification, as far as it is known."""
        early: npt.NDArray[np.bool_] = time_ns <= self._until_ns[self._index(time_ns)]
        return early

    def _sums(self, time_ns: I64, value: I64) -> Iterator[tuple[int, int, int]]:
        """Episodes of these times with their rows and the sum of a column."""
        cells = Cells(self._index(time_ns))
        yield from zip(*(column.tolist() for column in (cells.keys, cells.count(), cells.sums(value))), strict=True)

    def _least(self, time_ns: I64, value: I64) -> Iterator[tuple[int, int]]:
        """Episodes of these times with the least value of a column."""
        cells = Cells(self._index(time_ns))
        yield from zip(cells.keys.tolist(), cells.least(value).tolist(), strict=True)


def _lower(known: int | None, lowest: int) -> int:
    return lowest if known is None else min(known, lowest)
