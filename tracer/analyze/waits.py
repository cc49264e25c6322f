"""How long tasks waited in all within a range of time: intervals that may overlap, each counted in full."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from .growing import Growing
from .intervals import merge

I64 = npt.NDArray[np.int64]


class Waits:
    """Intervals of waiting; adding one in pieces is the same as adding it whole."""

    def __init__(self) -> None:
        self._rows = Growing()

    def __len__(self) -> int:
        return len(self._rows)

    def add(self, begin_ns: I64, end_ns: I64) -> None:
        """Add intervals, in any order."""
        self._rows.add(begin_ns, end_ns)

    def keep(self, begin_ns: I64, end_ns: I64) -> None:
        """Forget what lies outside of these intervals."""
        low, high = merge(begin_ns, end_ns)
        if not len(low):
            self._rows.replace(low, high)
            return
        begin, end = self._rows.columns()
        index = np.maximum(np.searchsorted(low, end, side="right") - 1, 0)
        touching = (begin <= high[index]) & (end >= low[index])
        self._rows.replace(begin[touching], end[touching])

    def within(self, begin_ns: list[int], end_ns: list[int]) -> list[int]:
        """For each range how long was waited in it, added up over tasks, in ns."""
        if not len(self):
            return [0] * len(begin_ns)
        begin, end = self._rows.columns()
        origin = int(begin.min())
        starts, ends = np.sort(begin - origin), np.sort(end - origin)
        before_starts = np.concatenate(([0], np.cumsum(starts)))
        before_ends = np.concatenate(([0], np.cumsum(ends)))

        def until(time_ns: int) -> int:
            time = time_ns - origin
            begun = int(np.searchsorted(starts, time, side="right"))
            ended = int(np.searchsorted(ends, time, side="right"))
            return (begun - ended) * time - int(before_starts[begun]) + int(before_ends[ended])

        return [until(stop) - until(start) for start, stop in zip(begin_ns, end_ns, strict=True)]
