"""The time in which at least one span of some sort was open."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from .edges import BEGIN, END, Edges

I64 = npt.NDArray[np.int64]


class Union:
    """Takes the stretches one after another and gives where the union begins and ends."""

    def __init__(self) -> None:
        self._open: set[int] = set()

    def advance(self, edges: Edges, member: npt.NDArray[np.bool_]) -> tuple[I64, I64]:
        """Times and types (BEGIN, END) of the union's edges; `member` tells which of the stretch's spans count."""
        spans = edges.stretch.spans
        counted = member & (spans.begin_at >= edges.stretch.carried)
        for row in np.flatnonzero(spans.begin_at < edges.stretch.carried).tolist() if self._open else ():
            counted[row] = int(spans.id[row]) in self._open
        rows = np.flatnonzero(edges.span >= 0)
        rows = rows[counted[edges.span[rows]]]
        step = np.where(edges.type[rows] == BEGIN, 1, -1)
        open_after = len(self._open) + np.cumsum(step)
        turns = np.flatnonzero(((open_after == 1) & (step > 0)) | ((open_after == 0) & (step < 0)))
        self._open = set(spans.id[counted & ~spans.closed].tolist())
        return edges.time_ns[rows[turns]], np.where(step[turns] > 0, BEGIN, END)
