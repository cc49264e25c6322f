"""The balloon's movements for whoever draws or lists them: all of a short recording, joined in time of a long one."""

from __future__ import annotations

from typing import Final

import numpy as np
import numpy.typing as npt

from ..model import BalloonStep
from .step_columns import CAUSES, QUALITIES, StepColumns

I64 = npt.NDArray[np.int64]

MOST_STEPS: Final = 8192
_FIRST_WIDTH_NS: Final = 1_000_000


class StepLog:
    """Keeps steps in order of their end; when there are too many, those of a cause in the same stretch of time are one.

    The stretch doubles until few enough are left.
    """

    def __init__(self) -> None:
        self._parts: list[I64] = []
        """Rows of begin, end, pages and kind, by parts."""
        self._count = 0
        self._width_ns = _FIRST_WIDTH_NS

    def add(self, steps: StepColumns) -> None:
        """Take the next steps."""
        kind = steps.cause * len(QUALITIES) + steps.quality
        rows = np.column_stack((steps.begin_ns, steps.end_ns, steps.pages, kind))
        while len(rows):
            room = MOST_STEPS + 1 - self._count
            self._parts.append(rows[:room])
            self._count += len(rows[:room])
            rows = rows[room:]
            while self._count > MOST_STEPS:
                self._join()
                self._width_ns *= 2

    def _join(self) -> None:
        begin_ns, end_ns, pages, kind = np.concatenate(self._parts).T
        stretch = end_ns // self._width_ns
        order = np.lexsort((kind, stretch))
        other = (np.diff(stretch[order]) != 0) | (np.diff(kind[order]) != 0)
        starts = np.append(0, np.flatnonzero(other) + 1)
        joined = (
            np.minimum.reduceat(begin_ns[order], starts),
            np.maximum.reduceat(end_ns[order], starts),
            np.add.reduceat(pages[order], starts),
            kind[order][starts],
        )
        by_end = np.lexsort((order[starts], joined[2], joined[0], joined[1]))
        self._parts = [np.column_stack(joined)[by_end]]
        self._count = len(by_end)

    def steps(self, origin_ns: int) -> list[BalloonStep]:
        """All that is kept, in order of end."""
        rows = np.concatenate(self._parts).tolist() if self._parts else []
        return [
            BalloonStep(
                (begin_ns - origin_ns) / 1e9,
                (end_ns - origin_ns) / 1e9,
                pages,
                CAUSES[kind // len(QUALITIES)],
                QUALITIES[kind % len(QUALITIES)],
            )
            for begin_ns, end_ns, pages, kind in rows
        ]
