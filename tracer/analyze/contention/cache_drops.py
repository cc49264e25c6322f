"""Page cache that was given away without pressure, and what of it was read again soon after."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Final

import numpy as np

from .shortage_ticks import Column, Ticks, known

WATCHED_NS: Final = 60_000_000_000
"""How long after it what is read again counts: later it would have been evicted anyway, or another load needs it."""
_PAUSE_NS: Final = 10_000_000_000
"""The longest pause inside one drop."""
_LATE_NS: Final = 5_000_000_000
"""How long drop_caches may take: the kernel counts it when it is done (fs/drop_caches.c)."""
_RETURNED_SHARE: Final = 0.5
"""Of what the balloon took, what it has to give back within WATCHED_NS for a pulse."""


class DropCause(StrEnum):
    """What made the page cache go."""

    DROP_CACHES = "drop_caches"
    ASKED = "memory.reclaim"
    PAGED_OUT = "pageout"
    PULSE = "balloon"


_TOLD_BY: Final = {
    DropCause.DROP_CACHES: Column.DROPS,
    DropCause.ASKED: Column.ASKED_PAGES,
    DropCause.PAGED_OUT: Column.PAGED_OUT,
    DropCause.PULSE: Column.TOOK,
}


@dataclass(slots=True)
class CacheDrop:
    """`dropped_pages` went; `again_pages` came back up to WATCHED_NS after the end, None where that was not sampled.

    After drop_caches these are how far the page cache grew again: it leaves no shadow entries, so that the kernel
    counts no refaults (remove_mapping() in mm/vmscan.c). Else they are refaults, less what others evicted meanwhile.
    `returned_pages`: what the balloon gave back of what it had taken. `watched`: whether all the time was seen.
    """

    cause: DropCause
    start_ns: int
    end_ns: int
    dropped_pages: int | None
    again_pages: int | None
    taken_pages: int = 0
    returned_pages: int = 0
    watched: bool = True


class CacheDrops:
    """Takes ticks in order and finds the drops; what is kept are the last seconds, and drops that are being watched."""

    def __init__(self, page_bytes: int) -> None:
        self._page_bytes = page_bytes
        self._rows = Ticks.none()
        self._open: dict[DropCause, _Watched] = {}
        self.found: list[CacheDrop] = []

    def take(self, ticks: Ticks) -> None:
        """Look at the next ticks."""
        if not len(ticks):
            return
        rows = self._rows.and_then(ticks)
        first = max(len(self._rows), 1)
        for cause, column in _TOLD_BY.items():
            self._follow(rows, first, cause, column)
        kept = int(np.searchsorted(rows.time_ns, rows.time_ns[-1] - _LATE_NS)) - 1
        self._rows = rows.since(max(kept, 0))

    def finish(self) -> None:
        """The recording ends."""
        for watched in list(self._open.values()):
            self._close(watched, is_over=False)

    def _follow(self, rows: Ticks, first: int, cause: DropCause, column: Column) -> None:
        went = np.flatnonzero(np.diff(rows.values[first - 1 :, column]) > 0) + first
        watched = self._open.get(cause)
        for row in went.tolist():
            if watched is not None:
                watched.watch(rows, row)
                if rows.time_ns[row - 1] - watched.end_ns > _PAUSE_NS:
                    self._close(watched, is_over=True)
                    watched = None
            if watched is None:
                watched = self._open[cause] = _Watched(cause, rows, row)
            watched.go_on(rows, row)
        if watched is not None:
            watched.watch(rows, len(rows))
            if rows.time_ns[-1] - watched.end_ns >= WATCHED_NS:
                self._close(watched, is_over=True)

    def _close(self, watched: _Watched, *, is_over: bool) -> None:
        self._open.pop(watched.cause, None)
        drop = watched.drop(is_over=is_over)
        if drop.cause is not DropCause.PULSE or drop.returned_pages >= _RETURNED_SHARE * drop.taken_pages:
            self.found.append(drop)


class _Watched:
    """A drop that may go on, or after which it is watched what comes back."""

    def __init__(self, cause: DropCause, rows: Ticks, row: int) -> None:
        self.cause = cause
        self.start_ns = self.end_ns = int(rows.time_ns[row - 1])
        self._first = self._end = self._last = rows.values[row - 1].copy()
        self._dropped_cache = self._grown = 0.0
        self._most = np.nan

    def go_on(self, rows: Ticks, row: int) -> None:
        """It went on until a row."""
        since_ns = int(rows.time_ns[row]) - _LATE_NS
        if np.isfinite(self._most):
            since_ns = max(since_ns, self.end_ns)
        before = slice(*np.searchsorted(rows.time_ns, (since_ns, rows.time_ns[row])).tolist())
        low, high = rows.values[row, Column.FILE_PAGES], np.max(rows.values[before, Column.FILE_PAGES], initial=0)
        grown = float(self._most - self._end[Column.FILE_PAGES])
        self._grown += grown if grown > 0 else 0.0
        self._dropped_cache += max(float(high - low), 0.0)
        self.end_ns, self._most = int(rows.time_ns[row]), float(low)
        self._end = self._last = rows.values[row].copy()

    def watch(self, rows: Ticks, until: int) -> None:
        """Look at what came back in the rows after it, before one."""
        edges_ns = (self.end_ns, self.end_ns + WATCHED_NS)
        first, last = np.searchsorted(rows.time_ns[:until], edges_ns, side="right").tolist()
        if first < last:
            self._last = rows.values[last - 1].copy()
            self._most = max(self._most, float(np.max(rows.values[first:last, Column.FILE_PAGES])))

    def drop(self, *, is_over: bool) -> CacheDrop:
        """What it comes to."""
        dropped, again = self._cache() if self.cause is DropCause.DROP_CACHES else self._refaults()
        more = self._last - self._end
        return CacheDrop(
            cause=self.cause,
            start_ns=self.start_ns,
            end_ns=self.end_ns,
            dropped_pages=known(dropped),
            again_pages=known(min(again, dropped)),
            taken_pages=int(self._end[Column.TOOK] - self._first[Column.TOOK]),
            returned_pages=int(more[Column.GAVE]),
            watched=is_over,
        )

    def _cache(self) -> tuple[float, float]:
        return self._dropped_cache, self._grown + max(self._most - self._end[Column.FILE_PAGES], 0.0)

    def _refaults(self) -> tuple[float, float]:
        """Pages that went, and refaults beyond what else was evicted."""
        column = Column.EVICTED if self.cause is DropCause.PULSE else _TOLD_BY[self.cause]
        dropped = float(self._end[column] - self._first[column])
        more = self._last - self._first
        others = 0.0
        if self.cause is not DropCause.PULSE:
            others = max(float(more[Column.EVICTED] - more[Column.ASKED_PAGES]), 0.0)
        return dropped, max(float(more[Column.REFAULTED]) - others, 0.0)
