"""The balloon's work runs over the recording: how many, how long, out of puff, and after what pauses."""

from __future__ import annotations

from bisect import bisect_left, insort
from collections.abc import Iterable, Sequence

from ..model import EVIDENCE_SPANS
from .runs import Run
from .steps import PUFF_NS, RUN_PAGES, Step


class WorkLog:
    """Takes runs as they begin and end; keeps sums, the runs under way, and the recent ones."""

    def __init__(self, idle_gap_ns: int, horizon_ns: int) -> None:
        self._horizon_ns = horizon_ns
        self._idle_gap_ns = idle_gap_ns
        self._newest_id = -1
        self._previous: tuple[int, int | None] | None = None
        self._recent: list[Run] = []
        self._unsettled: list[Run] = []
        self._under_way: list[Run] = []
        self._moved: dict[int, int] = {}
        self._long: list[tuple[int, int]] = []
        self._long_until_ns = 0
        self.never_returned: frozenset[int] = frozenset()
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

    def advance(self, ended: Sequence[Run], under_way: Sequence[Run]) -> None:
        """Take the runs that ended in a stretch, and those that are open at its end."""
        ends = {run.id: run.end_ns for run in ended}
        if self._previous is not None and self._previous[0] in ends:
            self._previous = (self._previous[0], ends[self._previous[0]])
        begun = [run for run in (*ended, *under_way) if run.id > self._newest_id]
        for run in sorted(begun, key=_by_begin):
            self._begin(run, ends.get(run.id))
        self._newest_id = max((run.id for run in begun), default=self._newest_id)
        for run in ended:
            self._end(run)
        self._under_way = list(under_way)

    def _begin(self, run: Run, end_ns: int | None) -> None:
        """Count runs after an idle balloon: a run still under way when this one begins leaves no pause."""
        if self._previous is None:
            self.starts += 1
        elif self._previous[1] is not None:
            self.starts += run.begin_ns - self._previous[1] > self._idle_gap_ns
        self._previous = (run.id, end_ns)

    def _end(self, run: Run) -> None:
        self.count += 1
        self.busy_ns += run.end_ns - run.begin_ns
        self._unsettled.append(run)
        if not self._recent or self._recent[-1].begin_ns < run.begin_ns:
            self._recent.append(run)
        else:
            insort(self._recent, run, key=_by_begin)
        if run.end_ns - run.begin_ns >= PUFF_NS and run.id not in self.never_returned:
            insort(self._long, _by_begin(run))
            del self._long[EVIDENCE_SPANS:]
            self._long_until_ns = max(self._long_until_ns, run.end_ns)

    def moved(self, steps: Iterable[Step]) -> None:
        """Take steps: their pages are their runs'."""
        moved = self._moved
        for step in steps:
            if step.span is not None:
                moved[step.span] = moved.get(step.span, 0) + abs(step.pages)

    def settle(self, until_ns: int, since_ns: int) -> None:
        """All steps up to `until_ns` are taken; nobody will ask for pauses that began before `since_ns`.

        Runs of 200 ms and more that moved less than half of what a run can are out of puff.
        """
        for run in self._unsettled:
            if run.end_ns - run.begin_ns >= PUFF_NS and run.end_ns <= until_ns and run.id not in self.never_returned:
                self.puffs += self._moved.get(run.id, 0) < RUN_PAGES // 2
        self._unsettled = [run for run in self._unsettled if run.end_ns > until_ns]
        open_ids = {run.id for run in (*self._unsettled, *self._under_way)}
        self._moved = {number: pages for number, pages in self._moved.items() if number in open_ids}
        del self._recent[: bisect_left(self._recent, since_ns - self._horizon_ns, key=lambda run: run.begin_ns)]

    def paused(self, since_ns: int, until_ns: int) -> bool:
        """Whether a run began in between after a long pause: it re-queues itself only while a target is unreached.

        The pause may have begun before. Runs that began earlier than the horizon before are not asked. Without any run
        about it was idle, too.
        """
        around = sorted((*self._recent, *self._under_way), key=_by_begin)
        around = around[bisect_left(around, since_ns - self._horizon_ns, key=lambda run: run.begin_ns) :]
        reach_ns, seen = since_ns - self._horizon_ns, False
        for run in around:
            if run.begin_ns > until_ns:
                break
            if run.begin_ns > max(since_ns, reach_ns + self._idle_gap_ns):
                return True
            reach_ns, seen = max(reach_ns, run.end_ns), True
        return not seen

    def unsettled_begins(self) -> list[int]:
        """When runs began that are not settled yet."""
        return [run.begin_ns for run in (*self._unsettled, *self._under_way)]


def _by_begin(run: Run) -> tuple[int, int]:
    return run.begin_ns, run.id
