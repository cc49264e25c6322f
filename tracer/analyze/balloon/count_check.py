"""Whether events told of all the balloon's pages: the kernel's own counters say so wherever the balloon rests.

The kernel runs no program on a CPU on which the same one is under way, and no loss counter of the tracer's has that
(`recursion_misses` of struct bpf_prog_info): seen on 7.3 with the page allocator's tracepoints. And an interrupt frees
pages in the name of the thread that it interrupts: where frees are counted one by one in a run, they count as its own.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from ...balloon_counters import INFLATED, LEAKED, MIGRATED
from ...batch import Samples
from ...schema import SAMPLE_NULL
from ..terms import Cause
from .columns import I64
from .compactions import Compactions
from .runs import Runs
from .step_columns import NO_SPAN, StepColumns
from .steps import Step

_MOST_KEPT: Final = 4096
"""Steps and runs kept for a reading to come; beyond, as where there are none, the check begins anew."""
_NEVER_NS: Final = np.iinfo(np.int64).max


@dataclass(frozen=True)
class _Reading:
    time_ns: int
    counts: tuple[int, int]
    migrated: int | None


class _Held:
    """Steps and runs that no reading has passed by yet, in order of their end."""

    def __init__(self, steps: StepColumns, runs: Runs, under_way: Runs) -> None:
        self._steps = steps.take(np.argsort(steps.end_ns, kind="stable"))
        self._runs = runs.take(np.argsort(runs.end_ns, kind="stable"))
        begins = np.append(self._runs.begin_ns, under_way.begin_ns.min(initial=_NEVER_NS))
        self._first_begins = np.minimum.accumulate(begins[::-1])[::-1]

    def passed(self, times_ns: I64) -> list[list[int]]:
        """For each time what its reading passes by that no earlier one did: pages in and out, and how many steps of
        runs whose begin was not seen; and the first begin of runs that did not end before, those under way included."""
        pages, unseen = self._steps.pages, self._steps.span == NO_SPAN
        told = [np.append(0, np.cumsum(column)) for column in (np.maximum(pages, 0), np.maximum(-pages, 0), unseen)]
        past = self._steps_past(times_ns)
        begins = self._first_begins[self._runs_past(times_ns)]
        rows: list[list[int]] = np.column_stack([*(np.diff(sums[past], prepend=0) for sums in told), begins]).tolist()
        return rows

    def rest(self, times_ns: I64) -> tuple[StepColumns, Runs]:
        """What readings of these times leave."""
        steps, runs = self._steps_past(times_ns).max(initial=0), self._runs_past(times_ns).max(initial=0)
        return self._steps.take(slice(steps, None)), self._runs.take(slice(runs, None))

    def _steps_past(self, times_ns: I64) -> I64:
        return np.maximum.accumulate(np.searchsorted(self._steps.end_ns, times_ns, side="right"))

    def _runs_past(self, times_ns: I64) -> I64:
        return np.maximum.accumulate(np.searchsorted(self._runs.end_ns, times_ns, side="left"))


class CountCheck:
    """Adds up steps from one reading to another, if no run was under way at either, and compares.

    `missed_pages` are those that the counters have and the steps don't, `extra_pages` those that the steps have and the
    counters don't: into the balloon, out of it. Pages out that compaction can have taken are steps of its own instead,
    `compacted_pages` in all.
    """

    def __init__(self, compactions: Compactions) -> None:
        self._compactions = compactions
        self._steps: list[StepColumns] = []
        self._runs: list[Runs] = []
        self._held = 0
        self._open = Runs.of(())
        self._last: _Reading | None = None
        self._from_ns = -1
        self._base: _Reading | None = None
        self._told = (0, 0)
        self._is_sure = True
        self.missed_pages = (0, 0)
        self.extra_pages = (0, 0)
        self.compacted_pages = 0

    def advance(self, steps: StepColumns, ended: Sequence[Runs], under_way: Sequence[Runs]) -> None:
        """Take new steps, runs that ended, and all that are under way."""
        self._steps.append(steps)
        self._runs += ended
        self._held += len(steps) + sum(map(len, ended))
        self._open = Runs.concat(under_way)

    def forget(self) -> None:
        """The readings that are there are taken: begin anew where none comes for long."""
        if self._held > _MOST_KEPT:
            ends_ns = (*(steps.end_ns for steps in self._steps), *(runs.end_ns for runs in self._runs))
            self._from_ns = int(np.concatenate(ends_ns).max())
            self._steps, self._runs, self._held, self._last = [], [], 0, None
            self._begin_anew(None)

    def sample(self, samples: Samples) -> list[Step]:
        """Take counter readings up to which all events have been seen; gives steps by compaction."""
        inflated, deflated = map(samples.column, (INFLATED, LEAKED))
        if inflated is None or deflated is None:
            return []
        known = (inflated != SAMPLE_NULL) & (deflated != SAMPLE_NULL) & (samples.time_ns > self._from_ns)
        migrated = samples.column(MIGRATED)
        moved = np.full(len(samples), SAMPLE_NULL) if migrated is None else migrated
        rows = np.column_stack((samples.time_ns, inflated, deflated, moved))[known].tolist()
        before_ns = np.append(-1 if self._last is None else self._last.time_ns, samples.time_ns[known])[:-1]
        held = _Held(StepColumns.concat(self._steps), Runs.concat(self._runs), self._open)
        steps: list[Step] = []
        for (time_ns, into, out, pages), passed in zip(rows, held.passed(before_ns), strict=True):
            steps += self._read(_Reading(time_ns, (into, out), None if pages == SAMPLE_NULL else pages), passed)
        rest_of_steps, rest_of_runs = held.rest(before_ns)
        self._steps, self._runs, self._held = [rest_of_steps], [rest_of_runs], len(rest_of_steps) + len(rest_of_runs)
        return steps

    def _read(self, reading: _Reading, passed: Sequence[int]) -> list[Step]:
        """A reading is made at some time between the one that it bears and that of the next."""
        last, self._last = self._last, reading
        if last is None:
            return []
        into, out, unseen, first_begin_ns = passed
        self._told = (self._told[0] + into, self._told[1] + out)
        # Of a run whose begin was not seen nobody knows on which side of the base it began.
        self._is_sure &= not unseen
        return self._compare(last, reading.time_ns) if first_begin_ns > reading.time_ns else []

    def _compare(self, reading: _Reading, next_ns: int) -> list[Step]:
        base, steps = self._base, list[Step]()
        if base is not None and self._is_sure:
            into, out = (
                now - before - told for now, before, told in zip(reading.counts, base.counts, self._told, strict=True)
            )
            if by_compaction := self._compacted(base, reading, next_ns, out):
                self.compacted_pages += by_compaction
                out -= by_compaction
                steps.append(Step(reading.time_ns, next_ns, -by_compaction, Cause.COMPACTION, None))
            self.missed_pages = (self.missed_pages[0] + max(0, into), self.missed_pages[1] + max(0, out))
            self.extra_pages = (self.extra_pages[0] + max(0, -into), self.extra_pages[1] + max(0, -out))
        self._begin_anew(reading)
        self._compactions.forget(reading.time_ns)
        return steps

    def _compacted(self, base: _Reading, reading: _Reading, next_ns: int, out: int) -> int:
        """Pages of those that left untold that compaction can have taken."""
        known = base.migrated is not None and reading.migrated is not None
        migrated = (reading.migrated or 0) - (base.migrated or 0) if known else None
        most = self._compactions.may_have_leaked(base.time_ns, next_ns, migrated) if out > 0 else 0
        return out if most is None else max(min(out, most), 0)

    def _begin_anew(self, base: _Reading | None) -> None:
        self._base, self._told, self._is_sure = base, (0, 0), True
