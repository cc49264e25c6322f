"""Of the spans in a stretch of time those that tell most, where there are too many to be drawn."""

from __future__ import annotations

import heapq
from collections.abc import Iterable
from typing import Final

import numpy as np
import numpy.typing as npt

from ..analyze.stream.closed import NO_SPAN, NO_TIME, ClosedSpans
from ..analyze.stream.lane import SPAN_KINDS
from ..schema import SpanKind
from .rows import SpanRow

I64 = npt.NDArray[np.int64]
F64 = npt.NDArray[np.float64]

_WEIGHT: Final = {
    **dict.fromkeys((SpanKind.BALLOON_WORK, SpanKind.UPDATE_BALLOON_SIZE), 4),
    **dict.fromkeys((SpanKind.OUT_OF_MEMORY, SpanKind.OOM_NOTIFIER, SpanKind.OOM_NOTIFY, SpanKind.KSWAPD), 4),
    **dict.fromkeys((SpanKind.BALANCE_PGDAT, SpanKind.BALLOON_SHRINKER, SpanKind.LEAK_BALLOON), 3),
    **dict.fromkeys((SpanKind.DIRECT_RECLAIM, SpanKind.MEMCG_RECLAIM, SpanKind.NODE_RECLAIM), 4),
}
"""Of these kinds so many times more spans are kept than of the others."""
_WEIGHTS: Final = np.asarray([_WEIGHT.get(kind, 1) for kind in SPAN_KINDS], np.int64)
_UNSEEN_NS: Final = 1000
_NAMED: Final = 1e6
_DEEPER: Final = 8
"""So deep do spans nest, and deeper ones need not be shown with what is around them."""


class Thinned:
    """Counts all spans and threads that it is shown, and keeps the `most` that tell most.

    Those `named` come before all; then of each kind the longest, of kinds that tell more so many times more; what lies
    around a span before the span.
    """

    def __init__(self, most: int, named: frozenset[int]) -> None:
        self._most = most
        self._named = named
        self._kept: list[tuple[float, int, int, SpanRow]] = []
        self._worth: dict[tuple[int, int, str], float] = {}
        self._threads: set[int] = set()
        self._taken = 0
        self.seen = 0

    @property
    def threads(self) -> int:
        """How many threads the spans were of."""
        return len(self._threads)

    @property
    def rows(self) -> list[SpanRow]:
        """What is kept, by begin; of spans that begin together the outer first."""
        return sorted((each[-1] for each in self._kept), key=lambda row: (row.time_ns, row.depth))

    def of_stretch(self, closed: ClosedSpans, chosen: I64, ids: I64) -> I64:
        """Which of the chosen rows are worth a look; `ids` are all rows' ids in the recording."""
        self.seen += len(chosen)
        self._threads.update(closed.tid[chosen].tolist())
        worth = self._worths(closed, chosen, ids)
        best = np.argsort(-worth, kind="stable")[: self._most]
        rows = chosen[best]
        begin_ns = np.where(closed.begin_ns[rows] == NO_TIME, closed.end_ns[rows], closed.begin_ns[rows])
        columns = closed.tid[rows].tolist(), begin_ns.tolist(), closed.code[rows].tolist(), worth[best].tolist()
        for tid, time_ns, code, each in zip(*columns, strict=True):
            self._worth[tid, time_ns, SPAN_KINDS[code].value] = each
        return np.sort(rows)

    def take(self, rows: Iterable[SpanRow]) -> None:
        """Rows that were worth a look."""
        for row in rows:
            worth = self._worth.pop((row.tid, row.time_ns, row.kind), 0.0)
            self._taken += 1
            heapq.heappush(self._kept, (worth, row.duration_ns or 0, -self._taken, row))
            if len(self._kept) > self._most:
                heapq.heappop(self._kept)

    def _worths(self, closed: ClosedSpans, chosen: I64, ids: I64) -> F64:
        code = closed.code[chosen]
        known = (closed.begin_ns != NO_TIME) & (closed.end_ns != NO_TIME)
        length_ns = np.where(known, closed.end_ns - closed.begin_ns, _UNSEEN_NS)[chosen]
        order = np.lexsort((-length_ns, code))
        starts = np.searchsorted(code[order], np.arange(len(SPAN_KINDS)))
        worth = np.empty(len(chosen))
        worth[order] = _WEIGHTS[code[order]] / (1 + np.arange(len(order)) - starts[code[order]])
        worth[np.isin(ids[chosen], list(self._named))] += _NAMED
        _raise_outer(worth, closed.id[chosen], closed.parent[chosen])
        return worth


def _raise_outer(worth: F64, ids: I64, parents: I64) -> None:
    """Let no span be worth less than what lies in it."""
    by_id = np.argsort(ids, kind="stable")
    place = np.searchsorted(ids[by_id], parents).clip(max=len(ids) - 1)
    outer = by_id[place]
    inner = np.flatnonzero((ids[outer] == parents) & (parents != NO_SPAN))
    for _ in range(_DEEPER):
        before = worth.copy()
        np.maximum.at(worth, outer[inner], worth[inner])
        if (before == worth).all():
            return
