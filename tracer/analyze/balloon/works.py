"""The balloon's work runs over the recording: how many, how long, out of puff, and after what pauses."""

from __future__ import annotations

from bisect import insort

import numpy as np

from ..model import EVIDENCE_SPANS
from ..stream.grouping import grouped, is_among
from .columns import I64
from .runs import Runs
from .step_columns import StepColumns
from .steps import PUFF_NS, RUN_PAGES

_UNKNOWN_NS = -1


class WorkLog:
    """Takes runs as they begin and end; keeps sums, the runs under way, and the recent ones."""

    def __init__(self, idle_gap_ns: int, horizon_ns: int) -> None:
        self._horizon_ns = horizon_ns
        self._idle_gap_ns = idle_gap_ns
        self._newest_id = -1
        self._previous: tuple[int, int] | None = None
        """The id and the end of the run that began last."""
        self._recent: list[Runs] = []
        self._unsettled = self._under_way = Runs.of(())
        self._moving = self._moved_pages = np.empty(0, np.int64)
        """Ids of unsettled runs that moved pages, ascending, and how many each."""
        self._long: list[tuple[int, int]] = []
        self._long_until_ns = 0
        self.no_puffs = np.empty(0, np.int64)
        """Ids of runs that took long for another reason than that no page could be had."""
        self.count = 0
        self.busy_ns = 0
        self.puffs = 0
        self.starts = 0

    @property
    def long_ids(self) -> list[int]:
        """Ids of the first runs of 200 ms and more, at most EVIDENCE_SPANS."""
        return [number for _, number in self._long]

    @property
    def long_ns(self) -> tuple[int, int]:
        """From the first begin of these runs to the last end."""
        return self._long[0][0], self._long_until_ns

    def advance(self, ended: Runs, under_way: Runs) -> None:
        """Take the runs that ended in a stretch, and those that are open at its end."""
        self._begin(ended, under_way)
        self._end(ended)
        self._under_way = under_way

    def _begin(self, ended: Runs, under_way: Runs) -> None:
        """Count runs after an idle balloon: a run still under way when the next one begins leaves no pause."""
        if self._previous is not None:
            same = np.flatnonzero(ended.id == self._previous[0])
            self._previous = (self._previous[0], int(ended.end_ns[same[0]]) if len(same) else self._previous[1])
        runs = Runs.concat((ended, under_way))
        end_ns = np.concatenate((ended.end_ns, np.full(len(under_way), _UNKNOWN_NS)))
        begun = np.lexsort((runs.id, runs.begin_ns))
        begun = begun[runs.id[begun] > self._newest_id]
        if not len(begun):
            return
        before_ns = np.append(_UNKNOWN_NS if self._previous is None else self._previous[1], end_ns[begun[:-1]])
        paused = (before_ns != _UNKNOWN_NS) & (runs.begin_ns[begun] - before_ns > self._idle_gap_ns)
        self.starts += int(paused.sum()) + (self._previous is None)
        self._previous = (int(runs.id[begun[-1]]), int(end_ns[begun[-1]]))
        self._newest_id = int(runs.id[begun].max())

    def _end(self, ended: Runs) -> None:
        if not len(ended):
            return
        self.count += len(ended)
        self.busy_ns += int((ended.end_ns - ended.begin_ns).sum())
        self._unsettled = Runs.concat((self._unsettled, ended))
        self._recent.append(ended)
        long = self._returned_late(ended)
        for key in zip(long.begin_ns.tolist(), long.id.tolist(), strict=True):
            insort(self._long, key)
            del self._long[EVIDENCE_SPANS:]
        self._long_until_ns = max(self._long_until_ns, int(long.end_ns.max(initial=0)))

    def _returned_late(self, runs: Runs) -> Runs:
        long = runs.long(PUFF_NS)
        return long.take(~long.among(self.no_puffs)) if len(self.no_puffs) else long

    def moved(self, steps: StepColumns) -> None:
        """Take steps: their pages are their runs'."""
        of_run = steps.span >= 0
        ids = np.concatenate((self._moving, steps.span[of_run]))
        pages = np.concatenate((self._moved_pages, np.abs(steps.pages[of_run])))
        order, starts = grouped(ids)
        self._moving = ids[order[starts]]
        self._moved_pages = np.add.reduceat(pages[order], starts) if len(starts) else pages

    def settle(self, until_ns: int, since_ns: int) -> None:
        """All steps up to `until_ns` are taken; nobody will ask for pauses that began before `since_ns`.

        Runs of 200 ms and more that moved less than half of what a run can are out of puff.
        """
        over = self._unsettled.end_ns <= until_ns
        long = self._returned_late(self._unsettled.take(over))
        if len(long):
            self.puffs += int((self._pages_of(long.id) < RUN_PAGES // 2).sum())
        self._unsettled = self._unsettled.take(~over)
        still = is_among(self._moving, np.concatenate((self._unsettled.id, self._under_way.id)))
        self._moving, self._moved_pages = self._moving[still], self._moved_pages[still]
        self._recent = [runs for runs in self._recent if runs.begin_ns.max() >= since_ns - self._horizon_ns]

    def _pages_of(self, ids: I64) -> I64:
        """What each run moved, into the balloon and out of it."""
        row = np.searchsorted(self._moving, ids)
        pages: I64 = np.where(np.append(self._moving, -1)[row] == ids, np.append(self._moved_pages, 0)[row], 0)
        return pages

    def paused(self, since_ns: int, until_ns: int) -> bool:
        """Whether a run began in between after a long pause: it re-queues itself only while a target is unreached.

        The pause may have begun before. Runs that began earlier than the horizon before are not asked. Without any run
        about it was idle, too.
        """
        from_ns = since_ns - self._horizon_ns
        around = Runs.concat((*self._recent, self._under_way))
        around = around.take((around.begin_ns >= from_ns) & (around.begin_ns <= until_ns))
        if not len(around):
            return True
        around = around.take(np.argsort(around.begin_ns, kind="stable"))
        reach_ns = np.maximum.accumulate(np.append(from_ns, around.end_ns[:-1]))
        return bool((around.begin_ns > np.maximum(since_ns, reach_ns + self._idle_gap_ns)).any())

    def unsettled_begins(self) -> I64:
        """When runs began that are not settled yet."""
        return np.concatenate((self._unsettled.begin_ns, self._under_way.begin_ns))
