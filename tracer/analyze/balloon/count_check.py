"""Whether events told of all the balloon's pages: the kernel's own counters say so wherever the balloon rests.

The kernel runs no program on a CPU on which the same one is under way, and no loss counter of the tracer's has that
(`recursion_misses` of struct bpf_prog_info): seen on 7.3 with the page allocator's tracepoints. And an interrupt frees
pages in the name of the thread that it interrupts: where frees are counted one by one in a run, they count as its own.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import accumulate
from operator import attrgetter
from typing import Final

from ...balloon_counters import INFLATED, LEAKED, MIGRATED
from ...batch import Samples
from ...schema import SAMPLE_NULL
from ..terms import Cause
from .compactions import Compactions
from .runs import Run
from .steps import Step

_MOST_KEPT: Final = 4096
"""Steps and runs kept for a reading to come; beyond, as where there are none, the check begins anew."""
_NEVER_NS: Final = 1 << 63

_end = attrgetter("end_ns")


@dataclass(frozen=True)
class _Reading:
    time_ns: int
    counts: tuple[int, int]
    migrated: int | None


class _Held:
    """Steps and runs that no reading has passed by yet, in order of their end."""

    def __init__(self, steps: Iterable[Step], runs: Iterable[Run], under_way: Iterable[Run]) -> None:
        self._steps = sorted(steps, key=_end)
        self._runs = sorted(runs, key=_end)
        self._step_ends = list(map(_end, self._steps))
        self._run_ends = list(map(_end, self._runs))
        open_ns = min((run.begin_ns for run in under_way), default=_NEVER_NS)
        backwards = accumulate((run.begin_ns for run in reversed(self._runs)), min, initial=open_ns)
        self._first_begins = list(backwards)[::-1]
        self._steps_past = self._runs_past = 0

    def pass_by(self, time_ns: int) -> list[Step]:
        """The steps up to a time, which are held no longer, nor are the runs that ended before it."""
        first = self._steps_past
        self._steps_past = max(first, bisect_right(self._step_ends, time_ns))
        self._runs_past = max(self._runs_past, bisect_left(self._run_ends, time_ns))
        return self._steps[first : self._steps_past]

    def first_begin_ns(self) -> int:
        """The first begin of a run, those under way included."""
        return self._first_begins[self._runs_past]

    def rest(self) -> tuple[list[Step], list[Run]]:
        """What is still held."""
        return self._steps[self._steps_past :], self._runs[self._runs_past :]


class CountCheck:
    """Adds up steps from one reading to another, if no run was under way at either, and compares.

    `missed_pages` are those that the counters have and the steps don't, `extra_pages` those that the steps have and the
    counters don't: into the balloon, out of it. Pages out that compaction can have taken are steps of its own instead,
    `compacted_pages` in all.
    """

    def __init__(self, compactions: Compactions) -> None:
        self._compactions = compactions
        self._steps: list[Step] = []
        self._runs: list[Run] = []
        self._open: list[Run] = []
        self._last: _Reading | None = None
        self._from_ns = -1
        self._begin_anew(None)
        self.missed_pages = (0, 0)
        self.extra_pages = (0, 0)
        self.compacted_pages = 0

    def advance(self, steps: Iterable[Step], ended: Iterable[Run], under_way: Iterable[Run]) -> None:
        """Take new steps, runs that ended, and all that are under way."""
        self._steps += steps
        self._runs += ended
        self._open = list(under_way)

    def forget(self) -> None:
        """The readings that are there are taken: begin anew where none comes for long."""
        if len(self._steps) + len(self._runs) > _MOST_KEPT:
            self._from_ns = max(*(step.end_ns for step in self._steps), *(run.end_ns for run in self._runs))
            self._steps, self._runs, self._last = [], [], None
            self._begin_anew(None)

    def sample(self, samples: Samples) -> list[Step]:
        """Take counter readings up to which all events have been seen; gives steps by compaction."""
        inflated, deflated = map(samples.column, (INFLATED, LEAKED))
        if inflated is None or deflated is None:
            return []
        migrated = samples.column(MIGRATED)
        rows = inflated.tolist(), deflated.tolist(), [None] * len(samples) if migrated is None else migrated.tolist()
        steps: list[Step] = []
        held = _Held(self._steps, self._runs, self._open)
        for time_ns, into, out, moved in zip(samples.time_ns.tolist(), *rows, strict=True):
            if SAMPLE_NULL not in (into, out) and time_ns > self._from_ns:
                reading = _Reading(time_ns, (into, out), None if moved == SAMPLE_NULL else moved)
                steps += self._read(reading, held)
        self._steps, self._runs = held.rest()
        return steps

    def _read(self, reading: _Reading, held: _Held) -> list[Step]:
        """A reading is made at some time between the one that it bears and that of the next."""
        last, self._last = self._last, reading
        if last is None:
            return []
        for step in held.pass_by(last.time_ns):
            self._told[step.pages < 0] += abs(step.pages)
            # Of a run whose begin was not seen nobody knows on which side of the base it began.
            self._is_sure &= step.span is not None
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
        self._base, self._told, self._is_sure = base, [0, 0], True
