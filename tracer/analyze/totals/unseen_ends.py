"""What reclaim gave that was under way when the recording, the import or the slice began: its end tells."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

import numpy as np
import numpy.typing as npt

from ..stream.stretch import PointRows, Stretch
from ..terms import Tier

I64 = npt.NDArray[np.int64]

_MOST_THREADS: Final = 4096


class UnseenEnds:
    """Takes ends without a begin; what their thread was seen to take off the LRU lists before is not counted twice."""

    def __init__(self) -> None:
        self._taken: dict[int, int] = {}

    def advance(self, stretch: Stretch) -> PointRows:
        """Ends in the next stretch; the value is pages beyond those that the thread's own LRU events tell of."""
        ended, lru = stretch.ended_unseen, stretch.lru
        loose = np.flatnonzero(lru.loose & (lru.tier >= Tier.DIRECT))
        if not len(ended.tid) and not len(loose):
            return ended
        beyond = ended.value.copy()
        edges = zip(ended.time_ns.tolist(), range(len(beyond)), ended.tid.tolist(), strict=True)
        rows = iter([*zip(*(column[loose].tolist() for column in (lru.time_ns, lru.tid, lru.pages)), strict=True)])
        row = next(rows, None)
        for end_ns, at, tid in edges:
            while row is not None and row[0] <= end_ns:
                self._take(row[1], row[2])
                row = next(rows, None)
            beyond[at] = max(int(beyond[at]) - self._taken.pop(tid, 0), 0)
        while row is not None:
            self._take(row[1], row[2])
            row = next(rows, None)
        return replace(ended, value=beyond)

    def _take(self, tid: int, pages: int) -> None:
        if len(self._taken) >= _MOST_THREADS and tid not in self._taken:
            self._taken.clear()
        self._taken[tid] = self._taken.get(tid, 0) + pages
