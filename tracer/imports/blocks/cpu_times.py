"""Each CPU's newest time and its losses, where most lines are not read in turn."""

from __future__ import annotations

import heapq
from collections.abc import Iterable, Iterator
from functools import cached_property
from typing import Final

import numpy as np

from ...batch import LostStretch
from ..losses import Losses
from .certain import Known
from .heads import cpu_text
from .text import I64

_ROWS: Final = 64
"""Heads of a CPU that are looked at together: mostly the first is certain."""


class CpuTimes:
    """Keeps `losses` as if every line had been read in turn: a loss ends with the next line of its CPU.

    However many CPUs and losses there are, each head is looked at once, and those of a CPU found by bisection.
    """

    def __init__(self, losses: Losses, known: Known) -> None:
        self._losses = losses
        self._known = known
        self._lines: dict[str, int] = {}
        """The last line of each CPU among those that were read in turn."""
        self._due: list[tuple[int, str, int]] = []
        self._queued: set[int] = set()
        """CPUs in `_due`, each once: with its first line that is still certain."""
        self._caught_up = 0
        if losses.pending:
            self._look_ahead(-1, set(losses.pending).intersection(np.unique(known.heads.cpu).tolist()))

    @cached_property
    def _by_cpu(self) -> tuple[I64, I64]:
        """CPUs in their order, and their heads."""
        order = np.argsort(self._known.heads.cpu, kind="stable")
        return self._known.heads.cpu[order], order

    def saw(self, cpu: str, now_ns: int, line: int) -> list[LostStretch]:
        """A line that is read in turn; the loss that it ends."""
        self._losses.last[cpu] = now_ns
        self._lines[cpu] = line
        return self._losses.due(cpu, now_ns) if self._losses.pending else []

    def until(self, line: int) -> Iterator[tuple[int, LostStretch]]:
        """Losses that end before this line, each with the line that ends it."""
        while self._due and self._due[0][0] < line:
            at, cpu, now_ns = heapq.heappop(self._due)
            self._queued.discard(int(cpu))
            if self._known.certain[at]:
                yield from ((at, stretch) for stretch in self._losses.due(cpu, now_ns))
            else:
                self._look_ahead(at, (int(cpu),))

    def catch_up(self, line: int) -> None:
        """Bring the newest times up to this line."""
        heads = self._known.heads
        end = int(np.searchsorted(heads.lines, line))
        rows = np.arange(self._caught_up, end)
        self._caught_up = max(end, self._caught_up)
        rows = rows[self._known.are_certain(rows)][::-1]
        cpus, newest = np.unique(heads.cpu[rows], return_index=True)
        for cpu, row in zip(cpus.tolist(), rows[newest].tolist(), strict=True):
            if heads.lines[row] > self._lines.get(text := cpu_text(cpu), -1):
                self._losses.last[text] = int(heads.now_ns[row])

    def may_have_lost(self, line: int) -> None:
        """This line may have told of a loss."""
        self._look_ahead(line, self._losses.take_new())

    def _look_ahead(self, line: int, cpus: Iterable[int]) -> None:
        """Queue the next certain line of each of these CPUs that waits for one."""
        for cpu in cpus:
            if cpu in self._losses.pending and cpu not in self._queued:
                row = self._next_row(cpu, line)
                if row is not None:
                    heads = self._known.heads
                    heapq.heappush(self._due, (int(heads.lines[row]), cpu_text(cpu), int(heads.now_ns[row])))
                    self._queued.add(cpu)

    def _next_row(self, cpu: int, line: int) -> int | None:
        heads, (cpus, order) = self._known.heads, self._by_cpu
        rows = order[np.searchsorted(cpus, cpu) : np.searchsorted(cpus, cpu, "right")]
        rows = rows[np.searchsorted(rows, np.searchsorted(heads.lines, line, "right")) :]
        for start in range(0, len(rows), _ROWS):
            some = rows[start : start + _ROWS]
            certain = np.flatnonzero(self._known.are_certain(some))
            if len(certain):
                return int(some[certain[0]])
        return None
