"""Whether events told of all the balloon's pages: the kernel's own counters say so wherever the balloon rests.

The kernel runs no program on a CPU on which the same one is under way, and no loss counter of the tracer's has that
(`recursion_misses` of struct bpf_prog_info): seen on 7.3 with the page allocator's tracepoints. And an interrupt frees
pages in the name of the thread that it interrupts: where frees are counted one by one in a run, they count as its own.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from ...balloon_counters import INFLATED, LEAKED, MIGRATED
from ...batch import Samples
from ...schema import SAMPLE_NULL
from ..terms import Cause
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
        self._step_ends, self._run_ends = self._steps.end_ns.tolist(), self._runs.end_ns.tolist()
        begins = np.append(self._runs.begin_ns, under_way.begin_ns.min(initial=_NEVER_NS))
        self._first_begins = np.minimum.accumulate(begins[::-1])[::-1].tolist()
        pages = self._steps.pages
        told = np.maximum(pages, 0), np.maximum(-pages, 0), self._steps.span == NO_SPAN
        self._told = np.column_stack([np.append(0, np.cumsum(column)) for column in told]).tolist()
        self._steps_past = self._runs_past = 0

    def pass_by(self, time_ns: int) -> tuple[int, int, bool]:
        """Pages in and out of the steps up to a time, and whether all are of a run whose begin was seen; they are held
        no longer, nor are the runs that ended before it."""
        first = self._steps_past
        self._steps_past = max(first, bisect_right(self._step_ends, time_ns))
        self._runs_past = max(self._runs_past, bisect_left(self._run_ends, time_ns))
        into, out, unseen = (
            now - before for now, before in zip(self._told[self._steps_past], self._told[first], strict=True)
        )
        return into, out, not unseen

    def first_begin_ns(self) -> int:
        """The first begin of a run, those under way included."""
        begin_ns: int = self._first_begins[self._runs_past]
        return begin_ns

    def rest(self) -> tuple[StepColumns, Runs]:
        """What is still held."""
        return self._steps.take(slice(self._steps_past, None)), self._runs.take(slice(self._runs_past, None))


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
        migrated = samples.column(MIGRATED)
        rows = inflated.tolist(), deflated.tolist(), [None] * len(samples) if migrated is None else migrated.tolist()
        steps: list[Step] = []
        held = _Held(StepColumns.concat(self._steps), Runs.concat(self._runs), self._open)
        for time_ns, into, out, moved in zip(samples.time_ns.tolist(), *rows, strict=True):
            if SAMPLE_NULL not in (into, out) and time_ns > self._from_ns:
                reading = _Reading(time_ns, (into, out), None if moved == SAMPLE_NULL else moved)
                steps += self._read(reading, held)
        rest_of_steps, rest_of_runs = held.rest()
        self._steps, self._runs, self._held = [rest_of_steps], [rest_of_runs], len(rest_of_steps) + len(rest_of_runs)
        return steps

    def _read(self, reading: _Reading, held: _Held) -> list[Step]:
        """A reading is made at some time between the one that it bears and that of the next."""
        last, self._last = self._last, reading
        if last is None:
            return []
        into, out, sure = held.pass_by(last.time_ns)
        self._told = (self._told[0] + into, self._told[1] + out)
        # Of a run whose begin was not seen nobody knows on which side of the base it began.
        self._is_sure &= sure
        return self._compare(last, reading.time_ns) if held.first_begin_ns() > reading.time_ns else []

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
