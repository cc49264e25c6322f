"""Pages that left the balloon under pressure and came back: for nothing."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from statistics import median
from typing import Final

from ..balloon.steps import Step, StepSpans
from ..model import Cycle, Storm
from ..terms import Cause, CycleClass
from .meter import Mark, Marks

STORM_CYCLES: Final = 3
"""Cycles of one class in a row that make a storm."""

_LULL_LEAST_S: Final = 2.0
_LULL_FACTOR: Final = 10.0
"""A pause in a row of cycles is a lull when it is that long, and so many times the median of the row's pauses."""

PRESSURE: Final = (Cause.SHRINKER, Cause.OOM_NOTIFIER)

WasIdle = Callable[[int, int], bool]
"""Whether the balloon's worker was idle for long between two times."""


@dataclass(slots=True)
class Burst:
    """Pages that left in one go and what came back of them.

    `turn`: the last leak before pages first came back, or where the host brought them back, when it did.
    """

    begin_ns: int
    turn: Mark
    end: Mark
    cause: Cause
    leaked: int = 0
    regained: int = 0
    class_: CycleClass | None = None
    spans: StepSpans = field(default_factory=StepSpans)

    def reach(self, end: Mark) -> None:
        """It goes on to that moment at least."""
        if end.time_ns > self.end.time_ns:
            self.end = end

    def cycle(self, origin_ns: int) -> Cycle:
        """What came of it, not numbered yet; times are seconds since `origin_ns`."""
        since, until = self.turn, self.end
        known = since.refaults is not None and until.refaults is not None
        return Cycle(
            id=0,
            cycle_class=self.class_ or CycleClass.HOST_OSCILLATION,
            start_s=(since.time_ns - origin_ns) / 1e9,
            end_s=(until.time_ns - origin_ns) / 1e9,
            leak_start_s=(self.begin_ns - origin_ns) / 1e9,
            leaked_pages=self.leaked,
            reinflated_pages=self.regained,
            wasted_pages=2 * min(self.leaked, self.regained),
            worker_s=(until.worker_ns - since.worker_ns) / 1e9,
            reclaim_s=(until.reclaim_ns - since.reclaim_ns) / 1e9,
            stall_s=(until.waited_ns - since.waited_ns) / 1e9,
            refault_pages=round(max((until.refaults or 0) - (since.refaults or 0), 0)) if known else None,
            spans=self.spans.ids(),
        )


@dataclass
class _Pool:
    """Pages leaked under pressure that may still come back; each part is time, pages and burst."""

    horizon_ns: int
    parts: deque[list[int]] = field(default_factory=deque)

    def put(self, steps: Iterable[Step], burst: int) -> None:
        self.parts.extend([step.end_ns, -step.pages, burst] for step in steps)

    def expire(self, time_ns: int) -> None:
        """Those out for longer than the horizon stay out."""
        while self.parts and time_ns - self.parts[0][0] > self.horizon_ns:
            self.parts.popleft()

    def take(self, time_ns: int, pages: int) -> dict[int, int]:
        """Pages taken from each burst, the newest first."""
        self.expire(time_ns)
        taken: dict[int, int] = {}
        while pages and self.parts:
            part = self.parts[-1]
            share = min(pages, part[1])
            pages -= share
            part[1] -= share
            taken[part[2]] = taken.get(part[2], 0) + share
            if not part[1]:
                self.parts.pop()
        return taken


class PressureCycles:
    """Takes steps in order; keeps leak bursts whose pages may come back, and those of which some did.

    Once the host takes pages out too, those that leaked before are where it wants them, and so they are when the driver
    gives up all its pages.
    """

    def __init__(self, origin_ns: int, horizon_ns: int, was_idle: WasIdle, *, changes_traced: bool) -> None:
        """`changes_traced`: whether config changes were; else only the worker's pauses tell the host's word."""
        self._origin_ns = origin_ns
        self._pool = _Pool(horizon_ns)
        self._was_idle = was_idle
        self._changes_traced = changes_traced
        self._changes: list[Mark] = []
        self._bursts: dict[int, Burst] = {}
        self._newest = -1
        self._leaking = False
        self.found: list[Cycle] = []

    def change(self, mark: Mark) -> None:
        """Take a config change no earlier than those taken before, ahead of the steps after it."""
        self._changes.append(mark)

    def take(self, steps: Sequence[Step], marks: Marks) -> None:
        """Take the next steps, which are alike, with the sums at their edges."""
        cause = steps[0].cause
        if cause is Cause.HOST:
            self._pool.parts.clear()
        elif cause in PRESSURE:
            self._leak(steps, cause, marks)
        elif steps[0].pages > 0:
            self._leaking = False
            for step in steps:
                if not self._pool.parts:
                    break
                for number, pages in self._pool.take(step.end_ns, step.pages).items():
                    self._regain(number, step, pages, marks)

    def settle(self, until_ns: int) -> int:
        """All steps and changes up to `until_ns` are taken; gives the time since which runs may still be asked for."""
        self._pool.expire(until_ns)
        awaited = {part[2] for part in self._pool.parts}
        alive = awaited | {self._newest} if self._leaking else awaited
        for number in [number for number in self._bursts if number not in alive]:
            burst = self._bursts.pop(number)
            if burst.regained:
                self.found.append(burst.cycle(self._origin_ns))
        since_ns = min((until_ns, *(self._bursts[number].turn.time_ns for number in awaited)))
        del self._changes[: bisect_left(self._changes, since_ns, key=_time)]
        return since_ns

    def finish(self) -> list[Cycle]:
        """Every cycle, not numbered yet."""
        self._leaking = False
        self._pool.parts.clear()
        self.settle(0)
        return self.found

    def _leak(self, steps: Sequence[Step], cause: Cause, marks: Marks) -> None:
        first, last = steps[0], steps[-1]
        if not self._leaking or self._bursts[self._newest].cause is not cause:
            self._newest += 1
            begin, end = marks[first.begin_ns], marks[first.end_ns]
            self._bursts[self._newest] = Burst(first.begin_ns, begin, end, cause)
        self._leaking = True
        burst = self._bursts[self._newest]
        burst.leaked -= sum(step.pages for step in steps)
        burst.spans.add(steps)
        burst.turn = marks[last.begin_ns]
        burst.reach(marks[last.end_ns])
        self._pool.put(steps, self._newest)

    def _regain(self, number: int, step: Step, pages: int, marks: Marks) -> None:
        """Pages of an older burst that come back behind a newer one's are wasted too, but not the cycle's time."""
        burst = self._bursts[number]
        if burst.class_ is None:
            burst.class_ = self._class_of(burst, step)
            if burst.class_ is CycleClass.HOST_REINFLATE:
                burst.turn = self._host_turned(burst, step) or marks[step.begin_ns]
            burst.reach(marks[step.end_ns])
        burst.regained += pages
        burst.spans.add((step,))
        if number == self._newest:
            burst.reach(marks[step.end_ns])

    def _class_of(self, burst: Burst, step: Step) -> CycleClass:
        """What brought the pages back: an inflation that went on had its target all along, a new one is the host's."""
        if burst.cause is Cause.SHRINKER:
            return CycleClass.SHRINKER_REINFLATE
        if self._changes_traced:
            by_host = self._host_turned(burst, step) is not None
        else:
            by_host = self._was_idle(burst.turn.time_ns, step.begin_ns)
        return CycleClass.HOST_REINFLATE if by_host else CycleClass.NOTIFIER_REINFLATE

    def _host_turned(self, burst: Burst, step: Step) -> Mark | None:
        """The host's last config change between leak and inflation; None where there is none, or none was traced."""
        index = bisect_right(self._changes, step.end_ns, key=_time) - 1
        found = index >= 0 and self._changes[index].time_ns >= burst.turn.time_ns
        return self._changes[index] if found else None


def numbered(cycles: Sequence[Cycle]) -> list[Cycle]:
    """Cycles in order of their start, numbered."""
    ordered = sorted(cycles, key=lambda cycle: (cycle.start_s, cycle.end_s, cycle.leak_start_s, cycle.cycle_class))
    for number, cycle in enumerate(ordered, 1):
        cycle.id = number
    return ordered


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


def _time(mark: Mark) -> int:
    return mark.time_ns
