"""What can no longer change: steps up to a time when nothing earlier can come, and all that follows from them."""

from __future__ import annotations

from bisect import bisect_left
from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass, field
from itertools import pairwise
from operator import attrgetter
from typing import Final

import numpy as np
import numpy.typing as npt

from ...metadata import Metadata
from ..balloon.step_columns import CAUSES, StepColumns
from ..balloon.step_log import StepLog
from ..balloon.steps import Step
from ..balloon.tracker import BalloonTracker
from ..model import Cycle
from ..options import Options
from ..stream.grouping import groups
from ..stream.readings import Readings
from ..terms import Cause
from ..totals.kills import Kill
from ..totals.ladder import Ladders
from ..totals.timeline import TimelineBuilder
from .conflicts import NEVER_NS, ConflictFinder
from .cycles import PressureCycles, numbered
from .meter import Marks, Meter
from .oscillation import Oscillations

I64 = npt.NDArray[np.int64]

_BY_HOST: Final = CAUSES.index(Cause.HOST)
_end = attrgetter("end_ns")


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
        origin_ns, traced = metadata.start_ns, balloon.targets_told
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

    def settle(self, until_ns: int, open_ns: I64, open_works_ns: I64) -> None:
        """Everything up to `until_ns` was seen. Spans open since `open_ns` may still tell of earlier begins, those open
        since `open_works_ns` of inflating ones."""
        until_ns = self._until_ns = max(self._until_ns, until_ns)
        steps, changes = self._balloon.due(until_ns)
        columns = StepColumns.of(steps)
        marks = self._meter.at(np.concatenate((columns.begin_ns, columns.end_ns, np.asarray(changes, np.int64))))
        self._take(steps, columns, deque(changes), marks, until_ns)
        self._add_up(steps, columns, marks)
        self._take_kills(until_ns)
        self._balloon.works.settle(until_ns, since_ns=self._cycles.settle(until_ns))
        pending_ns = np.asarray(self._balloon.pending_begins(), np.int64)
        waiting_ns = np.concatenate((pending_ns, open_works_ns))
        self.conflicts.settle(int(waiting_ns.min(initial=until_ns)), self._meter.look_ahead)
        self._meter.fold(until_ns, np.concatenate((pending_ns, open_ns)))
        self._readings.forget(until_ns)

    def cycles(self) -> list[Cycle]:
        """Every cycle in order of start; nothing more will be taken."""
        return numbered([*self._cycles.finish(), *self._oscillations.finish()])

    def _take(self, steps: list[Step], columns: StepColumns, changes: deque[int], marks: Marks, until_ns: int) -> None:
        """Take steps in stretches that are alike, with nothing in between that matters."""
        for start, stop in pairwise(columns.stretches()):
            first = start
            while first < stop:
                self._take_changes(changes, steps[first].end_ns, marks)
                self._take_kills(steps[first].end_ns - 1)
                before_ns, last = self._next_ns(changes), stop
                if steps[stop - 1].end_ns >= before_ns:
                    last = max(first + 1, bisect_left(steps, before_ns, first, stop, key=_end))
                self._move(steps[first:last], marks)
                first = last
        self._take_changes(changes, until_ns, marks)

    def _next_ns(self, changes: deque[int]) -> int:
        """The end of a step that comes behind the next change or kill."""
        kill_ns = self._kills[0].time_ns + 1 if self._kills else NEVER_NS
        return min(kill_ns, changes[0]) if changes else kill_ns

    def _move(self, steps: list[Step], marks: Marks) -> None:
        self._cycles.take(steps, marks)
        self._oscillations.take(steps, marks)
        self.totals.add(steps[0].cause, sum(step.pages for step in steps))

    def _add_up(self, steps: list[Step], columns: StepColumns, marks: Marks) -> None:
        """What takes steps without regard to the changes, kills and other steps in between."""
        if rising := [step for step in steps if step.cause is None]:
            self.conflicts.rise(rising, marks)
        self._ladders.leak(columns.take((columns.cause > 0) & (columns.cause != _BY_HOST)))
        self._balloon.works.moved(steps)
        self.log.add(columns.take(columns.pages != 0))
        for number, rows in groups(columns.cause):
            cause = CAUSES[number]
            name = "inflated_pages" if cause is None else f"leaked_pages.{cause.value}"
            self._timeline.add(f"balloon.{name}", columns.end_ns[rows], np.abs(columns.pages[rows]))

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
