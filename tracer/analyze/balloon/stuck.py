"""Runs of the balloon's worker that do not return: the host does not answer, or memory can't be had."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np

from ...schema import KIND_BY_NAME, KIND_BY_NUMBER
from ..stream.stretch import Stretch
from .runs import Run, Runs

STUCK_NS: Final = 10_000_000_000
"""A run moves 256 pages or sleeps 200 ms for lack of memory; one that takes so long waits for somebody."""


@dataclass(frozen=True)
class StuckRun:
    """A run that was open for long when the recording ended, and the kind of its thread's last event."""

    run: Run
    until_ns: int
    last_kind: str
    last_ns: int


class StuckRuns:
    """Remembers what the runs under way did last."""

    def __init__(self, made_up: frozenset[str]) -> None:
        """`made_up` are kinds of ends that the source does not have."""
        self._made_up = [KIND_BY_NAME[name].number for name in made_up if name in KIND_BY_NAME]
        self._open: dict[int, tuple[Run, str, int]] = {}
        self.found: list[StuckRun] = []

    def advance(self, stretch: Stretch, under_way: Runs) -> None:
        """Take the runs that are open at the end of a stretch."""
        newest = self._newest(stretch) if len(under_way) else {}
        self._open = {run.id: (run, *self._last(stretch, run, newest.get(run.tid))) for run in under_way.each()}

    def end(self, end_ns: int) -> None:
        """The recording ends: those that are open for long are stuck."""
        self.found = [
            StuckRun(run, end_ns, kind, last_ns)
            for run, kind, last_ns in self._open.values()
            if end_ns - run.begin_ns >= STUCK_NS
        ]

    def _newest(self, stretch: Stretch) -> dict[int, int]:
        """Where each thread's last event is."""
        kind = stretch.batch.header["kind"]
        told = np.flatnonzero(~np.isin(kind, self._made_up))[::-1]
        tid, first = np.unique(stretch.batch.header["tid"][told], return_index=True)
        return dict(zip(tid.tolist(), told[first].tolist(), strict=True))

    def _last(self, stretch: Stretch, run: Run, row: int | None) -> tuple[str, int]:
        _, kind, last_ns = self._open.get(run.id, (run, "", run.begin_ns))
        if row is not None and int(stretch.time_ns[row]) > last_ns:
            found = KIND_BY_NUMBER.get(int(stretch.batch.header["kind"][row]))
            return found.name if found else "", int(stretch.time_ns[row])
        return kind, last_ns
