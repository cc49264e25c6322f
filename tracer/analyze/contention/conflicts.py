"""Inflation and reclaim at the same time."""

from __future__ import annotations

from bisect import bisect_left, insort
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Final, Self

import numpy as np

from ..balloon.columns import I64, Columns
from ..balloon.step_columns import StepColumns
from ..model import EVIDENCE_SPANS, Conflict
from .meter import Actor, Mark, Marks

NEVER_NS: Final = 1 << 63


@dataclass(frozen=True)
class Rises(Columns):
    """Inflating steps no further apart than the gap: the steps from row `first` up to `last`, that one left out."""

    begin_ns: I64
    end_ns: I64
    pages: I64
    first: I64
    last: I64

    @classmethod
    def joined(cls, steps: StepColumns, gap_ns: int) -> Self:
        """Of inflating steps (or runs that tried to be) in order."""
        if not len(steps):
            return cls.of(())
        first = np.append(0, np.flatnonzero(steps.begin_ns[1:] > steps.end_ns[:-1] + gap_ns) + 1)
        last = np.append(first[1:], len(steps))
        begin_ns, pages = np.minimum.reduceat(steps.begin_ns, first), np.add.reduceat(steps.pages, first)
        return cls(begin_ns, steps.end_ns[last - 1], pages, first, last)


class _OrderedSpans(dict[int, tuple[int, ...]]):
    """Ids of the spans behind steps with the place of their first step, each once, in order, at most EVIDENCE_SPANS."""

    def add(self, steps: StepColumns) -> None:
        """Take steps in order that are later than those taken before."""
        at = 0
        while len(self) < EVIDENCE_SPANS and at < len(steps):
            part = steps.take(slice(at, at + EVIDENCE_SPANS))
            places = np.column_stack((part.end_ns, part.begin_ns, part.pages, part.span)).tolist()
            for place in places:
                if place[-1] >= 0 and len(self) < EVIDENCE_SPANS:
                    self.setdefault(place[-1], tuple(place))
            at += EVIDENCE_SPANS

    def merge(self, other: _OrderedSpans) -> None:
        """Take all of another's."""
        for span, place in other.items():
            self[span] = min(place, self.get(span, place))
        first = sorted(self.items(), key=lambda item: item[1])[:EVIDENCE_SPANS]
        self.clear()
        self.update(first)


@dataclass(slots=True)
class _Inflation:
    """An interval in which the balloon inflated, pauses included."""

    start: Mark
    stop: Mark
    pages: int
    spans: _OrderedSpans = field(default_factory=_OrderedSpans)

    def absorb(self, other: _Inflation) -> None:
        self.start = min(self.start, other.start, key=_time)
        self.stop = max(self.stop, other.stop, key=_time)
        self.pages += other.pages
        self.spans.merge(other.spans)

    def extend(self, steps: StepColumns, pages: int, begin: Mark, end: Mark) -> None:
        """Take steps later than those taken before."""
        if begin.time_ns <= self.start.time_ns:
            self.start = begin
        if end.time_ns >= self.stop.time_ns:
            self.stop = end
        self.pages += pages
        self.spans.add(steps)

    @property
    def reclaim_ns(self) -> int:
        return self.stop.reclaim_ns - self.start.reclaim_ns

    def conflict(self, origin_ns: int) -> Conflict:
        """What reclaim did in it, not numbered yet; times are seconds since `origin_ns`."""
        start, stop = self.start, self.stop
        busy_ns = [until - since for since, until in zip(start.actor_ns, stop.actor_ns, strict=True)]
        first_ns = start.time_ns if start.busy_from_ns is None else start.busy_from_ns
        return Conflict(
            id=0,
            start_s=(first_ns - origin_ns) / 1e9,
            end_s=(stop.busy_until_ns - origin_ns) / 1e9,
            overlap_s={actor.value: busy / 1e9 for actor, busy in zip(Actor, busy_ns, strict=True)},
            reclaimed_pages=stop.pages - start.pages_before,
            inflated_pages=self.pages,
            spans=list(self.spans),
        )


@dataclass(frozen=True, slots=True)
class _Found:
    """A conflict that nothing changes any more, its number apart."""

    conflict: Conflict


class ConflictFinder:
    """Takes inflating steps and joins them to intervals; those that reclaim overlaps are conflicts.

    What is kept are the intervals that a later step may still join, and the conflicts found.
    """

    def __init__(self, origin_ns: int, gap_ns: int) -> None:
        self._origin_ns = origin_ns
        self._gap_ns = gap_ns
        self._open: list[_Inflation] = []
        self._found: list[_Found] = []
        self.forgotten = 0
        """Earlier conflicts than those that are kept."""
        self.forgotten_overlap_s = dict.fromkeys((actor.value for actor in Actor), 0.0)

    def rises(self, steps: StepColumns) -> Rises:
        """Inflating steps in order, joined."""
        return Rises.joined(steps, self._gap_ns)

    def rise(self, steps: StepColumns, rises: Rises, marks: Marks) -> None:
        """Take these rises of the next inflating steps with the sums at their edges."""
        begins, ends = marks.each(marks.at(rises.begin_ns)), marks.each(marks.at(rises.end_ns))
        columns = (rises.pages.tolist(), rises.first.tolist(), rises.last.tolist())
        for begin, end, pages, first, last in zip(begins, ends, *columns, strict=True):
            joined = steps.take(slice(first, last))
            if self._goes_on(begin, end):
                self._open[-1].extend(joined, pages, begin, end)
            else:
                self._insert(joined, pages, begin, end)

    def _insert(self, steps: StepColumns, pages: int, begin: Mark, end: Mark) -> None:
        inflation = _Inflation(begin, end, pages)
        inflation.spans.add(steps)
        first = bisect_left(self._open, begin.time_ns - self._gap_ns, key=lambda other: other.stop.time_ns)
        while first < len(self._open) and self._open[first].start.time_ns <= inflation.stop.time_ns + self._gap_ns:
            inflation.absorb(self._open.pop(first))
        insort(self._open, inflation, key=lambda other: other.start.time_ns)

    def _goes_on(self, begin: Mark, end: Mark) -> bool:
        """Whether the last interval, and no other, is no further away than the gap."""
        if not self._open:
            return False
        last, reach_ns = self._open[-1], begin.time_ns - self._gap_ns
        before_ns = self._open[-2].stop.time_ns if len(self._open) > 1 else reach_ns - 1
        return last.start.time_ns <= end.time_ns + self._gap_ns and before_ns < reach_ns <= last.stop.time_ns

    def settle(self, until_ns: int, look_ahead: Callable[[list[Mark]], None]) -> None:
        """No step will come that begins before `until_ns`."""
        look_ahead([inflation.start for inflation in self._open])
        over = [inflation for inflation in self._open if inflation.stop.time_ns + self._gap_ns < until_ns]
        self._found += [_Found(inflation.conflict(self._origin_ns)) for inflation in over if inflation.reclaim_ns]
        self._open = self._open[len(over) :]

    def forget(self, before_s: float) -> None:
        """Keep none that ended before a time."""
        kept = [one for one in self._found if one.conflict.end_s >= before_s]
        self.forgotten += len(self._found) - len(kept)
        for conflict in (one.conflict for one in self._found if one.conflict.end_s < before_s):
            for actor, overlap_s in conflict.overlap_s.items():
                self.forgotten_overlap_s[actor] += overlap_s
        self._found = kept

    def conflicts(self) -> list[Conflict]:
        """One for each inflating interval that reclaim overlaps, in order of start; nothing more will be taken."""
        self.settle(NEVER_NS, lambda _: None)
        found = sorted((one.conflict for one in self._found), key=lambda conflict: (conflict.start_s, conflict.end_s))
        return [replace(conflict, id=number) for number, conflict in enumerate(found, self.forgotten + 1)]


def _time(mark: Mark) -> int:
    return mark.time_ns
