"""What can no longer change: steps up to a time when nothing earlier can come, and all that follows from them."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

import numpy as np

from ...metadata import Metadata
from ..balloon.step_log import StepLog
from ..balloon.steps import Step
from ..balloon.tracker import BalloonTracker
from ..model import Cause, Cycle
from ..options import Options
from ..stream.readings import Readings
from ..totals.kills import Kill
from ..totals.ladder import Ladders
from ..totals.timeline import TimelineBuilder
from .conflicts import NEVER_NS, ConflictFinder
from .cycles import PressureCycles, numbered
from .meter import Marks, Meter
from .oscillation import Oscillations


@dataclass
class Totals:
    """Guest pages that entered, and that left by cause."""

    inflated: int = 0
    leaked: dict[Cause, int] = field(default_factory=lambda: dict.fromkeys(Cause, 0))

    def add(self, cause: Cause | None, pages: int) -> None:
        """Count pages of one cause; those that left are negative."""
        if cause is None:
            self.inflated += pages
        else:
            self.leaked[cause] -= pages

    @property
    def net(self) -> int:
        """Pages that entered and did not leave."""
        return self.inflated - sum(self.leaked.values())


class Settling:
    """Hands the balloon's steps on in order, each with the sums at its edges, and forgets what nobody can ask for."""

    def __init__(
        self,
        balloon: BalloonTracker,
        meter: Meter,
        readings: Readings,
        ladders: Ladders,
        timeline: TimelineBuilder,
        metadata: Metadata,
        options: Options,
    ) -> None:
        self._balloon = balloon
        self._meter = meter
        self._readings = readings
        self._ladders = ladders
        self._timeline = timeline
        horizon_ns, idle_gap_ns = round(options.horizon_s * 1e9), round(options.inflate_gap_s * 1e9)
        origin_ns, traced = metadata.start_ns, balloon.changes_traced
        self._cycles = PressureCycles(origin_ns, horizon_ns, balloon.works.paused, changes_traced=traced)
        self._oscillations = Oscillations(
            origin_ns, horizon_ns, idle_gap_ns, metadata.page_size_bytes, changes_traced=traced
        )
        self._kills: list[Kill] = []
        self._until_ns = -1
        self.conflicts = ConflictFinder(origin_ns, idle_gap_ns)
        self.log = StepLog()
        self.totals = Totals()
        self.kills: list[Kill] = []

    def kill(self, kills: Iterable[Kill]) -> None:
        """Take kills in order of time; each waits until the balloon's size at its time is known."""
        self._kills += kills

    def settle(self, until_ns: int, open_ns: Iterable[int], open_works_ns: Iterable[int]) -> None:
        """Everything up to `until_ns` was seen. Spans open since `open_ns` may still tell of earlier begins, those open
        since `open_works_ns` of inflating ones."""
        until_ns = self._until_ns = max(self._until_ns, until_ns)
        steps, changes = self._balloon.due(until_ns)
        edges = {edge for step in steps for edge in (step.begin_ns, step.end_ns)}
        marks = self._meter.at(edges | set(changes))
        self._take(steps, deque(changes), marks, until_ns)
        self._take_kills(until_ns)
        self._balloon.works.settle(until_ns, since_ns=self._cycles.settle(until_ns))
        pending_ns = self._balloon.pending_begins()
        self.conflicts.settle(min((until_ns, *pending_ns, *open_works_ns)), self._meter.look_ahead)
        self._meter.fold(until_ns, {*pending_ns, *open_ns})
        self._readings.forget(until_ns)

    def cycles(self) -> list[Cycle]:
        """Every cycle in order of start; nothing more will be taken."""
        return numbered([*self._cycles.finish(), *self._oscillations.finish()])

    def _take(self, steps: list[Step], changes: deque[int], marks: Marks, until_ns: int) -> None:
        first = 0
        moved: dict[str, list[Step]] = {}
        while first < len(steps):
            step = steps[first]
            self._take_changes(changes, step.end_ns, marks)
            self._take_kills(step.end_ns - 1)
            before_ns = self._next_ns(changes)
            alike, stop = _alike(step), first + 1
            while stop < len(steps) and steps[stop].end_ns < before_ns and _alike(steps[stop]) == alike:
                stop += 1
            self._move(steps[first:stop], marks)
            name = "inflated_pages" if step.cause is None else f"leaked_pages.{step.cause.value}"
            moved.setdefault(f"balloon.{name}", []).extend(steps[first:stop])
            first = stop
        self._take_changes(changes, until_ns, marks)
        for name, those in moved.items():
            pages = np.array([abs(step.pages) for step in those])
            self._timeline.add(name, np.array([step.end_ns for step in those]), pages)

    def _next_ns(self, changes: deque[int]) -> int:
        """The end of a step that comes behind the next change or kill."""
        kill_ns = self._kills[0].time_ns + 1 if self._kills else NEVER_NS
        return min(kill_ns, changes[0]) if changes else kill_ns

    def _move(self, steps: Sequence[Step], marks: Marks) -> None:
        """Take steps that are alike, with nothing in between that matters."""
        cause = steps[0].cause
        self._cycles.take(steps, marks)
        self._oscillations.take(steps, marks)
        if cause is None:
            self.conflicts.rise(steps, marks)
        elif cause is not Cause.HOST:
            for step in steps:
                self._ladders.leak(step)
        self._balloon.works.moved(steps)
        self.totals.add(cause, sum(step.pages for step in steps))
        if steps[0].pages:
            self.log.add(steps)

    def _take_changes(self, changes: deque[int], until_ns: int, marks: Marks) -> None:
        while changes and changes[0] <= until_ns:
            self._cycles.change(marks[changes.popleft()])
            self._oscillations.change()

    def _take_kills(self, until_ns: int) -> None:
        """Kills up to a time, and the balloon then: what counters since boot say, else what was seen to enter it."""
        while self._kills and self._kills[0].time_ns <= until_ns:
            kill = self._kills.pop(0)
            counted = self._readings.balloon_pages(kill.time_ns)
            seen = self.totals.net if self.totals.net > 0 else None
            kill.balloon_pages = seen if counted is None else counted
            self.kills.append(kill)


def _alike(step: Step) -> tuple[Cause | None, bool, bool, bool]:
    """What steps that can be taken together have in common."""
    return step.cause, step.teardown, step.pages > 0, step.pages < 0
