"""Balloon steps from counters: `/proc/vmstat` says how many pages moved between two readings, spans say when."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Sequence
from itertools import accumulate, pairwise
from typing import Final

import numpy as np

from ...balloon_counters import EVENT_COUNTERS
from ...batch import Samples
from ...schema import SAMPLE_NULL
from ..terms import Cause
from .columns import I64
from .compactions import Compactions
from .runs import Run, Runs
from .steps import OOM_NOTIFY_PAGES, PUFF_NS, Step

READINGS_LATE_NS: Final = 60_000_000_000
"""How far readings may lag events in a recording; without any for so long, none is waited for."""
_MOST_RUNS: Final = 4096


class CountedSteps:
    """Shares the pages of each reading out among the runs since the last; `inflations`, `leaks`: which to make."""

    def __init__(self, compactions: Compactions, *, inflations: bool, leaks: bool) -> None:
        self._compactions = compactions
        self._inflations, self._leaks = inflations, leaks
        self._works: list[Run] = []
        self._notifiers: list[Run] = []
        self._shrinks: list[Run] = []
        self._open: tuple[list[Run], list[Run]] = ([], [])
        self._last: tuple[int, I64] | None = None
        self._rising = True
        self._moved: set[int | None] = set()
        self.migrated_pages = 0
        self._migrated = np.empty(0, np.int64)
        """The newest reading of the migrations' counter, if there is any."""

    @property
    def was_read(self) -> bool:
        """Whether the counters were read at all."""
        return self._last is not None

    def runs(self, works: Runs, notifiers: Runs, shrinks: Runs) -> None:
        """Take closed runs."""
        if self._inflations or self._leaks:
            for runs, new in ((self._works, works), (self._notifiers, notifiers), (self._shrinks, shrinks)):
                runs.extend(new.each())

    def forget(self) -> None:
        """The readings that are there are taken: runs that none comes for are forgotten after a minute."""
        for runs in (self._works, self._notifiers, self._shrinks):
            if len(runs) > _MOST_RUNS:
                since_ns = max(run.end_ns for run in runs) - READINGS_LATE_NS
                runs[:] = [run for run in runs if run.end_ns >= since_ns]

    def under_way(self, works: Runs, notifiers: Runs) -> None:
        """Take the runs that are still open, instead of those told before."""
        self._open = (works.each(), notifiers.each())

    def read_until(self, read_ns: int) -> int:
        """Up to when readings up to `read_ns` tell all steps: one that lacked these counters told nothing."""
        return read_ns if self._last is None or not (self._inflations or self._leaks) else min(read_ns, self._last[0])

    def pending_begins(self) -> list[int]:
        """Begins of what steps of the next reading may be: its runs so far, and the reading before it."""
        runs = (*self._works, *self._notifiers, *self._shrinks, *self._open[0], *self._open[1])
        begins = [run.begin_ns for run in runs]
        return begins if self._last is None else [*begins, self._last[0]]

    def sample(self, samples: Samples) -> list[Step]:
        """Steps up to these readings; all events up to them must have been seen."""
        columns = [samples.column(name) for name in EVENT_COUNTERS]
        if columns[0] is None or columns[1] is None:
            return []
        none = np.full(len(samples), SAMPLE_NULL)
        values = np.column_stack([none if column is None else column for column in columns])
        known = (values[:, :2] != SAMPLE_NULL).all(axis=1)
        if not known.any():
            return []
        times_ns, values = samples.time_ns[known], values[known]
        self._migrations(values[:, 2])
        values = values[:, :2]
        if self._last is not None:
            times_ns, values = np.append(self._last[0], times_ns), np.vstack((self._last[1], values))
        self._last = int(times_ns[-1]), values[-1]
        more = np.maximum(np.diff(values, axis=0), 0)
        return self._read(times_ns, more) if self._inflations or self._leaks else []

    def _migrations(self, counts: I64) -> None:
        """Readings may lack this counter; what it counted meanwhile shows in the next that has it."""
        known = np.append(self._migrated, counts[counts != SAMPLE_NULL])
        self.migrated_pages += int(np.maximum(np.diff(known), 0).sum())
        self._migrated = known[-1:]

    def _read(self, times_ns: I64, more: I64) -> list[Step]:
        """Steps between readings of ascending times, by how much more each counts than the one before."""
        steps: list[Step] = []
        works, notifiers, shrinks = (
            _Sorted(runs)
            for runs in ((*self._works, *self._open[0]), (*self._notifiers, *self._open[1]), self._shrinks)
        )
        for (begin_ns, end_ns), (inflated, leaked) in zip(pairwise(times_ns.tolist()), more.tolist(), strict=True):
            runs = works.within(begin_ns, end_ns), notifiers.within(begin_ns, end_ns), shrinks.within(begin_ns, end_ns)
            found = self._between(begin_ns, end_ns, inflated * self._inflations, leaked * self._leaks, *runs)
            steps += sorted(found, key=lambda step: (step.begin_ns, step.end_ns, step.pages))
        until_ns = int(times_ns[-1])
        if self._leaks:
            self._compactions.forget(until_ns)
        for kept in (self._works, self._notifiers, self._shrinks):
            kept[:] = [run for run in kept if run.end_ns > until_ns]
        return steps

    def _between(
        self,
        begin_ns: int,
        end_ns: int,
        inflated: int,
        leaked: int,
        works: list[Run],
        notifiers: list[Run],
        shrinks: list[Run],
    ) -> list[Step]:
        shrinks = [run for run in shrinks if run.end_ns <= end_ns]
        by_shrinker = min(leaked, sum(run.pages for run in shrinks))
        steps = _spread(-by_shrinker, shrinks, Cause.SHRINKER, begin_ns, end_ns)
        by_notifier = min(leaked - by_shrinker, OOM_NOTIFY_PAGES * len(notifiers))
        steps += _spread(-by_notifier, notifiers, Cause.OOM_NOTIFIER, begin_ns, end_ns)
        by_host = leaked - by_shrinker - by_notifier

        inflating, deflating = self._split(works, inflated, by_host)
        steps += _spread(inflated, inflating, None, begin_ns, end_ns)
        cause = Cause.HOST if works or not self._compactions.at_work(begin_ns, end_ns) else Cause.COMPACTION
        steps += _spread(-by_host, deflating, cause, begin_ns, end_ns)
        if self._inflations:
            self._moved |= {step.span for step in steps}
            steps += self._puffs([run for run in inflating if run.end_ns <= end_ns])
            self._moved &= {run.id for run in works if run.end_ns > end_ns}
        if inflated or by_host:
            self._rising = bool(inflated) and (not by_host or not self._rising)
        return steps

    def _puffs(self, works: Sequence[Run]) -> list[Step]:
        """Long runs that got nothing: the driver wanted pages and could not allocate any."""
        return [
            Step(run.begin_ns, run.end_ns, 0, None, run.id)
            for run in works
            if run.end_ns - run.begin_ns >= PUFF_NS and run.id not in self._moved
        ]

    def _split(self, works: list[Run], inflated: int, leaked: int) -> tuple[list[Run], list[Run]]:
        """Which runs inflated and which deflated: the last direction goes on, then it turns; shares as the pages'."""
        if not leaked:
            return works, []
        if not inflated:
            return [], works
        first = inflated if self._rising else leaked
        cut = max(1, min(len(works) - 1, round(len(works) * first / (inflated + leaked))))
        return (works[:cut], works[cut:]) if self._rising else (works[cut:], works[:cut])


class _Sorted:
    """Runs in order of their begin."""

    def __init__(self, runs: Iterable[Run]) -> None:
        self._runs = sorted(runs, key=lambda run: (run.begin_ns, run.id))
        self._begins_ns = [run.begin_ns for run in self._runs]
        self._reach_ns = list(accumulate((run.end_ns for run in self._runs), max))

    def within(self, begin_ns: int, end_ns: int) -> list[Run]:
        """Those that were under way in that time."""
        first, last = bisect_right(self._reach_ns, begin_ns), bisect_right(self._begins_ns, end_ns)
        return [run for run in self._runs[first:last] if run.end_ns > begin_ns]


def _spread(pages: int, runs: Sequence[Run], cause: Cause | None, begin_ns: int, end_ns: int) -> list[Step]:
    """Share pages out among runs, evenly, or by the pages that they report."""
    if not pages:
        return []
    if not runs:
        return [Step(begin_ns, end_ns, pages, cause, None)]
    reported = [max(run.pages, 0) for run in runs] if cause is Cause.SHRINKER else []
    weights = np.asarray(reported if sum(reported) else [1] * len(runs), np.float64)
    edges = np.rint(np.concatenate(([0.0], np.cumsum(weights))) * (pages / weights.sum())).astype(np.int64)
    return [
        Step(
            max(run.begin_ns, begin_ns),
            min(run.end_ns, end_ns),
            share,
            cause,
            run.id,
            rung=run.rung,
            priority=run.priority,
        )
        for run, share in zip(runs, np.diff(edges).tolist(), strict=True)
        if share
    ]
