"""How long tasks waited in all within a range of time: intervals that may overlap, each counted in full."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from .intervals import merge

I64 = npt.NDArray[np.int64]


class Waits:
    """Intervals of waiting; adding one in pieces is the same as adding it whole."""

    def __init__(self) -> None:
        self._begin = np.empty(0, np.int64)
        self._end = np.empty(0, np.int64)

    def __len__(self) -> int:
        return len(self._begin)

    def add(self, begin_ns: I64, end_ns: I64) -> None:
        """Add intervals, in any order."""
        self._begin = np.concatenate((self._begin, begin_ns))
        self._end = np.concatenate((self._end, end_ns))

    def keep(self, begin_ns: I64, end_ns: I64) -> None:
        """Forget what lies outside of these intervals."""
        low, high = merge(begin_ns, end_ns)
        if not len(low):
            self._begin, self._end = low, high
            return
        index = np.maximum(np.searchsorted(low, self._end, side="right") - 1, 0)
        touching = (self._begin <= high[index]) & (self._end >= low[index])
        self._begin, self._end = self._begin[touching], self._end[touching]

    def within(self, begin_ns: list[int], end_ns: list[int]) -> list[int]:
        """For each range how long was waited in it, added up over tasks, in ns."""
        if not len(self):
            return [0] * len(begin_ns)
        origin = int(self._begin.min())
        starts, ends = np.sort(self._begin - origin), np.sort(self._end - origin)
        before_starts = np.concatenate(([0], np.cumsum(starts)))
        before_ends = np.concatenate(([0], np.cumsum(ends)))

        def until(time_ns: int) -> int:
            time = time_ns - origin
            begun = int(np.searchsorted(starts, time, side="right"))
            ended = int(np.searchsorted(ends, time, side="right"))
            return (begun - ended) * time - int(before_starts[begun]) + int(before_ends[ended])

        return [until(end) - until(begin) for begin, end in zip(begin_ns, end_ns, strict=True)]
