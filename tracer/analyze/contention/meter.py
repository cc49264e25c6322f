"""What went on up to any moment: sums that only grow, so that a stretch of time costs the difference of two readings.

Rows are kept only until nobody can ask about their time any more; what they add up to stays.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, fields
from enum import StrEnum
from math import isnan
from typing import Final

import numpy as np
import numpy.typing as npt

from ...distinct_values import distinct_values
from ..stream.growing import Growing
from ..stream.readings import Readings
from .time_sums import FOREVER_NS, NEVER, Union, Waited

I64 = npt.NDArray[np.int64]
F64 = npt.NDArray[np.float64]

_FOLD_ROWS: Final = 10_000
"""Rows that are worth folding."""


class Actor(StrEnum):
    """Who reclaims while the balloon inflates: its own worker, kswapd woken by it, or somebody else."""

    SELF = "self"
    INDUCED = "induced"
    FOREIGN = "foreign"


@dataclass(slots=True)
class Mark:
    """The sums at one moment, since the recording's start.

    `reclaim_ns`: time in which anybody reclaimed (tiers 1 and 2), `actor_ns` by Actor; `waited_ns`: tasks' waiting in
    direct reclaim added up; `pages`: pages reclaimed, those of this very moment included, `pages_before` without them;
    `refaults`: pages read again after eviction, None where not sampled. `busy_until_ns` is the last moment no later
    than this in which somebody reclaimed (-1: none), `busy_from_ns` the first no earlier, None as long as not known.
    """

    time_ns: int
    worker_ns: int
    reclaim_ns: int
    waited_ns: int
    actor_ns: tuple[int, ...]
    pages_before: int
    pages: int
    refaults: float | None
    busy_until_ns: int
    busy_from_ns: int | None = None


@dataclass(frozen=True)
class Marks:
    """Marks by time: `sums` has a row for each of the ascending times, the fields of Mark in their order but without
    refaults, which are NaN where not sampled."""

    time_ns: I64
    sums: I64
    refaults: F64

    def __len__(self) -> int:
        return len(self.time_ns)

    @classmethod
    def none(cls) -> Marks:
        """A table without rows."""
        return cls(np.empty(0, np.int64), np.empty((0, len(fields(Mark)) - 3 + len(Actor)), np.int64), np.empty(0))

    def take(self, rows: I64) -> Marks:
        """Only these."""
        return Marks(self.time_ns[rows], self.sums[rows], self.refaults[rows])

    def beside(self, older: Marks) -> Marks:
        """These and older ones in order, the older one of two of the same time."""
        if not len(older):
            return self
        time_ns, first = np.unique(np.concatenate((older.time_ns, self.time_ns)), return_index=True)
        sums, refaults = np.concatenate((older.sums, self.sums)), np.concatenate((older.refaults, self.refaults))
        return Marks(time_ns, sums[first], refaults[first])

    def at(self, time_ns: I64) -> I64:
        """The rows of times that are among these."""
        return np.searchsorted(self.time_ns, time_ns)

    def each(self, rows: I64) -> list[Mark]:
        """Some rows one by one."""
        columns = self.time_ns[rows].tolist(), self.sums[rows].tolist(), self.refaults[rows].tolist()
        return [_mark(*row) for row in zip(*columns, strict=True)]

    def put(self, kept: Marks) -> None:
        """Take the sums of those of another's times that are among these; `busy_from_ns` where it was known."""
        row = np.searchsorted(kept.time_ns, self.time_ns)
        same = np.append(kept.time_ns, NEVER)[row] == self.time_ns
        row = row[same]
        from_ns = kept.sums[row, -1]
        known_ns = np.where(from_ns == FOREVER_NS, self.sums[same, -1], from_ns)
        self.sums[same] = kept.sums[row]
        self.sums[same, -1] = known_ns
        self.refaults[same] = kept.refaults[row]


def _mark(time_ns: int, sums: list[int], refaults: float) -> Mark:
    worker_ns, reclaim_ns, waited_ns, *actor_ns, before, pages, until_ns, from_ns = sums
    return Mark(
        time_ns,
        worker_ns,
        reclaim_ns,
        waited_ns,
        tuple(actor_ns),
        before,
        pages,
        None if isnan(refaults) else refaults,
        until_ns,
        None if from_ns == FOREVER_NS else from_ns,
    )


class _Pages:
    """Pages reclaimed, counted where they came off the lists while `reclaiming`, edges included."""

    def __init__(self) -> None:
        self._rows = Growing()
        self._folded = 0
        self._made_of: tuple[object, object] = (None, None)
        self._made = np.empty(0, np.int64), np.empty(0, np.int64)

    def __len__(self) -> int:
        return len(self._rows)

    def add(self, time_ns: I64, pages: I64) -> None:
        self._rows.add(time_ns, pages)

    def until(self, time_ns: I64, reclaiming: Union) -> tuple[I64, I64]:
        """Pages before each time, and with those of that moment."""
        at, counted = self._counted(reclaiming)
        before, until = (self._folded + counted[np.searchsorted(at, time_ns, side=side)] for side in ("left", "right"))
        return before, until

    def fold(self, until_ns: int, reclaiming: Union) -> None:
        at, counted = self._counted(reclaiming)
        self._folded += int(counted[np.searchsorted(at, until_ns, side="right")])
        at, pages = self._rows.columns()
        later = at > until_ns
        self._rows.replace(at[later], pages[later])
        self._made_of, self._made = (None, None), (at[:0], at[:0])

    def _counted(self, reclaiming: Union) -> tuple[I64, I64]:
        """The rows' times in order, and the pages that count before each and behind the last: made once of the same."""
        rows, intervals = self._rows.columns(), reclaiming.intervals()
        if self._made_of[0] is not rows or self._made_of[1] is not intervals:
            order = np.argsort(rows[0], kind="stable")
            at = rows[0][order]
            counted = np.where(reclaiming.last(at) == at, rows[1][order], 0)
            self._made = at, np.concatenate(([0], np.cumsum(counted)))
            self._made_of = rows, intervals
        return self._made


class Meter:
    """Takes intervals and pages of each stretch of the stream; reads their sums at any moment not yet folded away."""

    def __init__(self, readings: Readings) -> None:
        self.worker = Union()
        self.waits = Waited()
        self.pages = _Pages()
        self.actors = {actor: Union() for actor in Actor}
        self._reclaiming = Union()
        self._readings = readings
        self._folded_until_ns = NEVER
        self._kept = Marks.none()

    def add_reclaim(self, actor: Actor, begin_ns: I64, end_ns: I64) -> None:
        """Time in which an actor reclaimed."""
        self.actors[actor].add(begin_ns, end_ns)
        self._reclaiming.add(begin_ns, end_ns)

    def at(self, times_ns: I64) -> Marks:
        """The sums at each time. A time that was folded away and not kept reads as the moment of the folding."""
        time_ns = distinct_values(times_ns)
        if not len(time_ns):
            return Marks.none()
        columns = (
            self.worker.until(time_ns),
            self._reclaiming.until(time_ns),
            self.waits.until(time_ns),
            *(union.until(time_ns) for union in self.actors.values()),
            *self.pages.until(time_ns, self._reclaiming),
            self._reclaiming.last(time_ns),
            self._reclaiming.first(time_ns),
        )
        refaults = self._readings.refaults(time_ns)
        unknown = np.full(len(time_ns), np.nan)
        marks = Marks(time_ns, np.column_stack(columns), unknown if refaults is None else refaults)
        marks.put(self._kept)
        return marks

    def look_ahead(self, marks: Iterable[Mark]) -> None:
        """Fill in `busy_from_ns` where it has become known; to be called before `fold` for marks that need it."""
        waiting = [mark for mark in marks if mark.busy_from_ns is None]
        times_ns = np.asarray([mark.time_ns for mark in waiting], np.int64)
        for mark, first_ns in zip(waiting, self._reclaiming.first(times_ns).tolist(), strict=True):
            mark.busy_from_ns = None if first_ns == FOREVER_NS else first_ns

    def folds(self, until_ns: int) -> bool:
        """Whether rows before `until_ns` are worth forgetting: there are many."""
        return len(self) >= _FOLD_ROWS and until_ns > self._folded_until_ns

    def fold(self, until_ns: int, keep_ns: I64) -> None:
        """Forget rows before `until_ns`; earlier moments `keep_ns` can still be asked for."""
        self._kept = self.at(keep_ns[keep_ns < until_ns])
        self._folded_until_ns = until_ns
        self.pages.fold(until_ns, self._reclaiming)
        self.waits.fold(until_ns)
        for union in (self.worker, self._reclaiming, *self.actors.values()):
            union.fold(until_ns)

    def __len__(self) -> int:
        unions = sum(map(len, self.actors.values()))
        return unions + len(self.worker) + len(self._reclaiming) + len(self.waits) + len(self.pages)
