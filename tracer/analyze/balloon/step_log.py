"""The balloon's movements for whoever draws or lists them: all of a short recording, joined in time of a long one."""

from __future__ import annotations

from collections.abc import Sequence
from operator import itemgetter
from typing import Final

from ..model import BalloonStep, Cause, Quality
from .steps import Step

MOST_STEPS: Final = 8192
_FIRST_WIDTH_NS: Final = 1_000_000

_Kept = tuple[int, int, int, Cause | None, Quality]

_kept = itemgetter(*map(Step._fields.index, ("begin_ns", "end_ns", "pages", "cause", "quality")))


class StepLog:
    """Keeps steps in order of their end; when there are too many, those of a cause in the same stretch of time are one.

    The stretch doubles until few enough are left. Each step is [begin, end, pages, cause, quality].
    """

    def __init__(self) -> None:
        self._steps: list[_Kept] = []
        self._width_ns = _FIRST_WIDTH_NS

    def add(self, steps: Sequence[Step]) -> None:
        """Take the next steps."""
        while steps:
            room = MOST_STEPS + 1 - len(self._steps)
            self._steps += map(_kept, steps[:room])
            steps = steps[room:]
            while len(self._steps) > MOST_STEPS:
                self._join()
                self._width_ns *= 2

    def _join(self) -> None:
        joined: dict[tuple[int, int, int], _Kept] = {}
        for begin_ns, end_ns, pages, cause, quality in self._steps:
            # By identity: an enumeration's own hash is a call of a Python function.
            key = end_ns // self._width_ns, id(cause), id(quality)
            before = joined.get(key, (begin_ns, end_ns, 0))
            joined[key] = min(before[0], begin_ns), max(before[1], end_ns), before[2] + pages, cause, quality
        self._steps = sorted(joined.values(), key=itemgetter(1, 0, 2))

    def steps(self, origin_ns: int) -> list[BalloonStep]:
        """All that is kept, in order of end."""
        return [
            BalloonStep((begin_ns - origin_ns) / 1e9, (end_ns - origin_ns) / 1e9, pages, cause, quality)
            for begin_ns, end_ns, pages, cause, quality in self._steps
        ]
