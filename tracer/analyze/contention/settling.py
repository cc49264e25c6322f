"""What can no longer change: steps up to a time when nothing earlier can come, and all that follows from them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Final

import numpy as np

from ...distinct_values import distinct_values
from ...metadata import Metadata
from ..balloon.columns import I64
from ..balloon.step_columns import CAUSES, StepColumns
from ..balloon.step_log import StepLog
from ..balloon.tracker import BalloonTracker
from ..model import Cycle, Storm
from ..options import Options
from ..stream.grouping import groups
from ..stream.readings import FREE, Readings
from ..terms import Cause
from ..totals.kills import Kill
from ..totals.ladder import Ladders
from ..totals.timeline import TimelineBuilder
from .cache_drops import CacheDrops
from .conflicts import ConflictFinder
from .cycles import PressureCycles
from .found_oscillations import Oscillation
from .meter import Marks, Meter
from .moves import BY_HOST, Moves
from .oscillation import Oscillations
from .past_cycles import PastCycles
from .recent_waits import BEFORE_S
from .shortage_ticks import TickMaker, Ticks
from .shortages import Shortages
from .user_kills import UserKills

_ASKED_LATER_NS: Final = (BEFORE_S + 1) * 1_000_000_000
"""How long before what is settled readings may still be asked for."""
_RISING: Final = CAUSES.index(None)


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
        self._origin_ns = origin_ns
        self._cycles = PressureCycles(horizon_ns, balloon.works.paused, changes_traced=traced)
        self._oscillations = Oscillations(idle_gap_ns, metadata.page_size_bytes, changes_traced=traced)
        self.past = PastCycles(origin_ns, options.horizon_s, options.cycles_kept)
        self._marks = Marks.none()
        self._kills: list[Kill] = []
        self._until_ns = -1
        self.over_ns = 0
        """Before it nothing is waited for that conflicts are made of."""
        self.conflicts = ConflictFinder(origin_ns, idle_gap_ns)
        self.ticks = TickMaker(metadata)
        self.shortages, self.cache_drops = Shortages(metadata), CacheDrops(metadata.page_size_bytes)
        self.log = StepLog()
        self.totals = Totals()
        self.kills: list[Kill] = []
        self.forgotten_kills: dict[int, int] = {}
        """Earlier ones than those that are kept, by the victim's cgroup."""
        self.user_kills = UserKills(readings, metadata.recorder_pid)

    def kill(self, kills: Iterable[Kill]) -> None:
        """Take kills in order of time; each waits until the balloon's size at its time is known."""
        new = list(kills)
        self.ticks.kill(new)
        self._kills += new

    def settle(self, until_ns: int, open_ns: I64, open_works_ns: I64) -> None:
        """Everything up to `until_ns` was seen. Spans open since `open_ns` may still tell of earlier begins, those open
        since `open_works_ns` of inflating ones."""
        until_ns = self._until_ns = max(self._until_ns, until_ns)
        steps, changes_ns = self._balloon.due(until_ns)
        self._timeline.targets_changed(changes_ns)
        since_ns = self._take(steps, changes_ns, until_ns)
        self._take_kills(steps, until_ns)
        self.user_kills.settle(until_ns)
        self._add_up(steps)
        self.ticks.step(steps)
        if self.ticks.is_due(until_ns):
            self._judge(self.ticks.due(until_ns))
        self._balloon.works.settle(until_ns, since_ns)
        pending_ns = self._balloon.pending_begins()
        waiting_ns = np.concatenate((pending_ns, open_works_ns))
        self.over_ns = int(waiting_ns.min(initial=until_ns))
        self.conflicts.settle(self.over_ns, self._meter.look_ahead)
        if self._meter.folds(until_ns):
            self._meter.fold(until_ns, np.concatenate((pending_ns, open_ns)))
        self._readings.forget(until_ns - _ASKED_LATER_NS)

    def finish(self, end_ns: int) -> None:
        """The recording ends, and everything up to its end was settled."""
        self._judge(self.ticks.last(end_ns))
        self.shortages.finish()
        self.cache_drops.finish()

    def _judge(self, ticks: Ticks) -> None:
        self.shortages.take(ticks)
        self.cache_drops.take(ticks)

    def keep_past(self, open_ns: I64) -> int:
        """Make, once for all, the results of what lies before all that is open, spans since `open_ns` among it. Gives
        the time before which that is."""
        open_begins = (*self._cycles.begins_ns(), *self._oscillations.begins_ns())
        begins_ns = np.concatenate((self._balloon.pending_begins(), open_ns, np.asarray(open_begins, np.int64)))
        before_ns = int(begins_ns.min(initial=self._until_ns))
        early = (found.take_before(before_ns) for found in (self._cycles.found, self._oscillations.found))
        self.past.take(next(early).and_then(next(early)))
        self.log.keep(self._origin_ns)
        return before_ns

    def forget(self, before_ns: int) -> None:
        """Keep only sums of conflicts, cycles, storms and kills that ended before a time."""
        before_s = (before_ns - self._origin_ns) / 1e9
        self.conflicts.forget(before_s)
        self.past.forget(before_s)
        self.user_kills.forget(before_ns)
        over = [kill.cgroup_id for kill in self.kills if kill.time_ns < before_ns]
        self.forgotten_kills = dict(Counter(self.forgotten_kills) + Counter(over))
        self.kills = [kill for kill in self.kills if kill.time_ns >= before_ns]

    def cycles(self) -> tuple[list[Cycle], list[Storm]]:
        """Every cycle in order of start, and the storms; nothing more will be taken."""
        self._cycles.finish(self._marks)
        self._oscillations.finish(self._marks)
        return self.past.and_then(self._cycles.found.and_then(self._oscillations.found))

    def oscillations(self) -> list[Oscillation]:
        """Every oscillation of the host in order of start; to be asked after `cycles`."""
        return self._oscillations.oscillations.found(self._origin_ns)

    def _take(self, steps: StepColumns, changes_ns: I64, until_ns: int) -> int:
        """Take steps with the sums at the edges of what they make; gives the time since which pauses are asked for."""
        moves = Moves.of(steps, changes_ns)
        self._cycles.take(moves)
        self._oscillations.take(moves)
        rising = steps.take(steps.cause == _RISING)
        rises = self.conflicts.rises(rising)
        marks = self._meter.at(np.concatenate((self._edges_ns(), rises.begin_ns, rises.end_ns)))
        self.conflicts.rise(rising, rises, marks)
        marks = marks.beside(self._marks)
        since_ns = self._cycles.settle(until_ns, marks)
        self._oscillations.settle(marks)
        self._marks = marks.take(marks.at(distinct_values(self._edges_ns())))
        return since_ns

    def _edges_ns(self) -> I64:
        return np.concatenate((self._cycles.edges_ns(), self._oscillations.edges_ns()))

    def _add_up(self, steps: StepColumns) -> None:
        """What takes steps without regard to the changes and other steps in between."""
        self._ladders.leak(steps.take((steps.cause != _RISING) & (steps.cause != BY_HOST)))
        self._balloon.works.moved(steps)
        self.log.add(steps.take(steps.pages != 0))
        for number, rows in groups(steps.cause):
            cause, pages = CAUSES[number], steps.pages[rows]
            self.totals.add(cause, int(pages.sum()))
            name = "inflated_pages" if cause is None else f"leaked_pages.{cause.value}"
            self._timeline.add(f"balloon.{name}", steps.end_ns[rows], np.abs(pages))

    def _take_kills(self, steps: StepColumns, until_ns: int) -> None:
        """Kills up to a time, and the balloon then: what counters since boot say, else what was seen to enter it."""
        over = [kill for kill in self._kills if kill.time_ns <= until_ns]
        self._kills = self._kills[len(over) :]
        net = self.totals.net + np.append(0, np.cumsum(steps.pages))
        for kill in over:
            kill.free_bytes = self._readings.newest(FREE, kill.time_ns)
            counted = self._readings.balloon_pages(kill.time_ns)
            seen = int(net[np.searchsorted(steps.end_ns, kill.time_ns, side="right")])
            kill.balloon_pages = (seen if seen > 0 else None) if counted is None else counted
        self.kills += over
