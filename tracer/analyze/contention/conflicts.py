"""Inflation and reclaim at the same time."""

from __future__ import annotations

from bisect import bisect_left, insort
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Final

from ..balloon.steps import Step, StepSpans
from ..model import Conflict
from .meter import Actor, Mark, Marks

NEVER_NS: Final = 1 << 63


@dataclass(slots=True)
class _Inflation:
    """An interval in which the balloon inflated, pauses included."""

    start: Mark
    stop: Mark
    pages: int
    spans: StepSpans = field(default_factory=StepSpans)

    def absorb(self, other: _Inflation) -> None:
        self.start = min(self.start, other.start, key=_time)
        self.stop = max(self.stop, other.stop, key=_time)
        self.pages += other.pages
        self.spans.merge(other.spans)

    def extend(self, steps: Sequence[Step], begin: Mark, end: Mark) -> None:
        """Take steps later than those taken before."""
        if begin.time_ns <= self.start.time_ns:
            self.start = begin
        if end.time_ns >= self.stop.time_ns:
            self.stop = end
        self.pages += sum(step.pages for step in steps)
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
            spans=self.spans.ids(),
        )


class ConflictFinder:
    """Takes inflating steps and joins them to intervals; those that reclaim overlaps are conflicts.

    What is kept are the intervals that a later step may still join, and the conflicts found.
    """

    def __init__(self, origin_ns: int, gap_ns: int) -> None:
        self._origin_ns = origin_ns
        self._gap_ns = gap_ns
        self._open: list[_Inflation] = []
        self._found: list[Conflict] = []

    def rise(self, steps: Sequence[Step], marks: Marks) -> None:
        """Take inflating steps in order (or those that tried to be) with the sums at their edges."""
        for begin_ns, joined in self._joined(steps):
            begin, end = marks[begin_ns], marks[joined[-1].end_ns]
            if self._goes_on(begin, end):
                self._open[-1].extend(joined, begin, end)
            else:
                self._insert(joined, begin, end)

    def _joined(self, steps: Sequence[Step]) -> Iterator[tuple[int, Sequence[Step]]]:
        """Steps no further apart than the gap, with their first begin."""
        first, begin_ns, reach_ns = 0, steps[0].begin_ns, steps[0].end_ns + self._gap_ns
        for index, step in enumerate(steps):
            if step.begin_ns > reach_ns:
                yield begin_ns, steps[first:index]
                first, begin_ns = index, step.begin_ns
            elif step.begin_ns < begin_ns:
                begin_ns = step.begin_ns
            reach_ns = step.end_ns + self._gap_ns
        yield begin_ns, steps[first:]

    def _insert(self, steps: Sequence[Step], begin: Mark, end: Mark) -> None:
        inflation = _Inflation(begin, end, sum(step.pages for step in steps))
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
        self._found += [inflation.conflict(self._origin_ns) for inflation in over if inflation.reclaim_ns]
        self._open = self._open[len(over) :]

    def conflicts(self) -> list[Conflict]:
        """One for each inflating interval that reclaim overlaps, in order of start; nothing more will be taken."""
        self.settle(NEVER_NS, lambda _: None)
        self._found.sort(key=lambda conflict: (conflict.start_s, conflict.end_s))
        for number, conflict in enumerate(self._found, 1):
            conflict.id = number
        return self._found


def _time(mark: Mark) -> int:
    return mark.time_ns
