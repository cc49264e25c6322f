"""The balloon's movements for whoever draws or lists them: all of a short recording, joined in time of a long one."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final

import numpy as np
import numpy.typing as npt

from ..balloon_result import BalloonStep
from .step_columns import CAUSES, QUALITIES, StepColumns

I64 = npt.NDArray[np.int64]

MOST_STEPS: Final = 8192
_FIRST_WIDTH_NS: Final = 1_000_000


@dataclass(frozen=True, eq=False)
class _Made:
    """Steps as results tell them, from the first on. States of one recording share them: one that is further than
    another has made more of them."""

    steps: list[BalloonStep] = field(default_factory=list)


class StepLog:
    """Keeps steps in order of their end; when there are too many, those of a cause in the same stretch of time are one.

    The stretch doubles until few enough are left.
    """

    def __init__(self) -> None:
        self._parts: list[I64] = []
        """Rows of begin, end, pages and kind, by parts."""
        self._count = 0
        self._width_ns = _FIRST_WIDTH_NS
        self._made = _Made()

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
                self._made = _Made()

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

    def keep(self, origin_ns: int) -> None:
        """Make, once for all, what is told of the steps so far."""
        self._made.steps.extend(self._told(len(self._made.steps), origin_ns))

    def steps(self, origin_ns: int) -> list[BalloonStep]:
        """All that is kept, in order of end. Whoever is given them must not change them."""
        return [*self._made.steps[: self._count], *self._told(len(self._made.steps), origin_ns)]

    def _told(self, first: int, origin_ns: int) -> Iterator[BalloonStep]:
        """Those behind the first so many."""
        for part in self._parts:
            for begin_ns, end_ns, pages, kind in part[first:].tolist():
                yield BalloonStep(
                    (begin_ns - origin_ns) / 1e9,
                    (end_ns - origin_ns) / 1e9,
                    pages,
                    CAUSES[kind // len(QUALITIES)],
                    QUALITIES[kind % len(QUALITIES)],
                )
            first = max(first - len(part), 0)
