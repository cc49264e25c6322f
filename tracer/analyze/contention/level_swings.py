"""The to and fro of a level that is read from time to time: every reading counts, and only what is going on is kept."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from ...balloon_counters import ADDED_UP, GAUGES, HOSTS_ACTUAL, HOSTS_TARGET, INFLATED, LEAKED
from ...batch import Samples
from ...schema import SAMPLE_NULL
from .oscillation import OSCILLATION_TURNS, UNDONE_PARTS

I64 = npt.NDArray[np.int64]
F64 = npt.NDArray[np.float64]


@dataclass(slots=True)
class SwingChain:
    """Swings of which each undoes enough of the one before: their number, their guest pages added up, and the last
    one's. A swing begins with the last reading before it, and ends with the first of its furthest level."""

    begin_ns: int
    last_begin_ns: int
    end_ns: int
    swings: int
    pages: float
    last_pages: float


class LevelSwings:
    """Takes the readings of one level in guest pages, oldest first, and finds the chains of swings."""

    def __init__(self) -> None:
        self._time_ns = np.empty(0, np.int64)
        self._level = np.empty(0)
        self._way = 0.0
        self._begin = self._end = (0, 0.0)
        self._chain: SwingChain | None = None
        self._found: list[SwingChain] = []

    @property
    def is_read(self) -> bool:
        """Whether there was any reading."""
        return len(self._time_ns) > 0

    def take(self, time_ns: I64, level: F64) -> None:
        """Take the next readings."""
        if not len(time_ns):
            return
        time_ns, level = np.concatenate((self._time_ns, time_ns)), np.concatenate((self._level, level))
        more = np.diff(level)
        moved = np.flatnonzero(more)
        edges = (time_ns[moved], level[moved], time_ns[moved + 1], level[moved + 1], np.sign(more[moved]))
        for before_ns, before, after_ns, after, way in zip(*(column.tolist() for column in edges), strict=True):
            if way != self._way:
                self._turn()
                self._way, self._begin = way, (before_ns, before)
            self._end = after_ns, after
        self._time_ns, self._level = time_ns[-1:], level[-1:]

    def finish(self) -> list[SwingChain]:
        """The chains that are oscillations; nothing more will be taken."""
        self._turn()
        self._close()
        return self._found

    def _turn(self) -> None:
        """The swing that was going on is over."""
        if not self._way:
            return
        (begin_ns, before), (end_ns, after) = self._begin, self._end
        pages, chain = abs(after - before), self._chain
        if chain is None or pages * UNDONE_PARTS < chain.last_pages:
            self._close()
            self._chain = SwingChain(begin_ns, begin_ns, end_ns, 1, pages, pages)
            return
        chain.last_begin_ns, chain.end_ns, chain.last_pages = begin_ns, end_ns, pages
        chain.swings += 1
        chain.pages += pages

    def _close(self) -> None:
        if self._chain is not None and self._chain.swings > OSCILLATION_TURNS:
            self._found.append(self._chain)
        self._chain = None


class SampledLevels:
    """Follows what the host's log and the guest's counters say of the balloon."""

    def __init__(self, page_bytes: int) -> None:
        self._page_bytes = page_bytes
        gauges = tuple((name, unit_bytes or page_bytes) for name, unit_bytes in GAUGES)
        self._units = ((HOSTS_TARGET, 1), (HOSTS_ACTUAL, 1), *gauges)
        self._sizes = (*(name for name, _ in gauges), ADDED_UP)
        self._levels = {name: LevelSwings() for name in (HOSTS_TARGET, HOSTS_ACTUAL, *self._sizes)}

    def take(self, samples: Samples) -> None:
        """Take readings, the guest's or the host's, oldest first."""
        for name, unit_bytes in self._units:
            column = samples.column(name)
            if column is not None:
                self._take(
                    name,
                    samples.time_ns,
                    column != SAMPLE_NULL,
                    column.astype(np.float64) * (unit_bytes / self._page_bytes),
                )
        inflated, leaked = samples.column(INFLATED), samples.column(LEAKED)
        if inflated is not None and leaked is not None:
            read = (inflated != SAMPLE_NULL) & (leaked != SAMPLE_NULL)
            self._take(ADDED_UP, samples.time_ns, read, (inflated - leaked).astype(np.float64))

    def _take(self, name: str, time_ns: I64, read: npt.NDArray[np.bool_], level: F64) -> None:
        self._levels[name].take(time_ns[read], level[read])

    def finish(self, *, sizes: bool) -> Iterator[tuple[str, SwingChain]]:
        """Oscillations by what was read: the host's target; with `sizes` also the size that the host saw, and the best
        reading of it in the guest. Nothing more will be taken."""
        size = next((name for name in self._sizes if self._levels[name].is_read), ADDED_UP)
        for name in (HOSTS_TARGET, HOSTS_ACTUAL, size) if sizes else (HOSTS_TARGET,):
            yield from ((name, chain) for chain in self._levels[name].finish())
