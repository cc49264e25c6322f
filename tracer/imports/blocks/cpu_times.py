"""Each CPU's newest time and its losses, where most lines are not read in turn."""

from __future__ import annotations

import heapq
from collections.abc import Iterator

import numpy as np

from ...batch import LostStretch
from ..losses import Losses
from .certain import Known
from .heads import cpu_text


class CpuTimes:
    """Keeps `losses` as if every line had been read in turn: a loss ends with the next line of its CPU."""

    def __init__(self, losses: Losses, known: Known) -> None:
        self._losses = losses
        self._known = known
        self._lines: dict[str, int] = {}
        """The last line of each CPU among those that were read in turn."""
        self._due: list[tuple[int, str, int]] = []
        self._look_ahead(-1)

    def saw(self, cpu: str, now_ns: int, line: int) -> list[LostStretch]:
        """A line that is read in turn; the loss that it ends."""
        self._losses.last[cpu] = now_ns
        self._lines[cpu] = line
        return self._losses.due(cpu, now_ns) if self._losses.pending else []

    def until(self, line: int) -> Iterator[tuple[int, LostStretch]]:
        """Losses that end before this line, each with the line that ends it."""
        while self._due and self._due[0][0] < line:
            at, cpu, now_ns = heapq.heappop(self._due)
            if self._known.certain[at]:
                yield from ((at, stretch) for stretch in self._losses.due(cpu, now_ns))
            else:
                self._look_ahead(at)

    def catch_up(self, line: int) -> None:
        """Bring the newest times up to this line."""
        heads = self._known.heads
        rows = np.arange(np.searchsorted(heads.lines, line))
        rows = rows[self._known.are_certain(rows)]
        cpus = heads.cpu[rows]
        for cpu in np.flatnonzero(np.bincount(cpus)).tolist() if len(rows) else []:
            row = rows[np.flatnonzero(cpus == cpu)[-1]]
            if heads.lines[row] > self._lines.get(text := cpu_text(cpu), -1):
                self._losses.last[text] = int(heads.now_ns[row])

    def may_have_lost(self, line: int) -> None:
        """This line may have told of a loss."""
        self._look_ahead(line)

    def _look_ahead(self, line: int) -> None:
        heads = self._known.heads
        for cpu in self._losses.pending:
            rows = np.flatnonzero((heads.cpu == cpu) & (heads.lines > line))
            rows = rows[self._known.are_certain(rows)]
            if len(rows):
                heapq.heappush(self._due, (int(heads.lines[rows[0]]), cpu_text(cpu), int(heads.now_ns[rows[0]])))
