"""What the recorder itself reclaimed and waited for: it needs memory like anybody."""

from __future__ import annotations

import numpy as np

from ...distinct_values import distinct_values
from ..model import RecorderReclaim
from ..stream.stretch import Stretch
from ..terms import Tier


class OwnReclaim:
    """Adds up the direct reclaim of one process, whose threads have its `tgid`."""

    def __init__(self, recorder_pid: int | None) -> None:
        self._pid = recorder_pid
        self._lru_pages = 0
        self._reclaimed_pages = 0
        self._stall_ns = 0
        self._spans = 0
        self.tids: set[int] = set()
        """Its threads that reclaimed."""

    def advance(self, stretch: Stretch) -> None:
        """Take the next stretch."""
        if self._pid is None:
            return
        own = stretch.batch.header["tgid"] == self._pid
        if not own.any():
            return
        spans = stretch.spans
        ended = np.flatnonzero(spans.is_root & spans.closed & ~spans.broken & (spans.tier == Tier.DIRECT))
        ended = ended[own[spans.begin_at[ended]]]
        self._stall_ns += int((spans.end_ns[ended] - spans.begin_ns[ended]).sum())
        self._spans += len(ended)
        self.tids.update(distinct_values(stretch.batch.header["tid"][own]).tolist())
        lru = stretch.lru
        self._lru_pages += int(lru.pages[own[lru.at] & (lru.tier == Tier.DIRECT)].sum())
        for rows in stretch.reclaimed.values():
            self._reclaimed_pages += int(rows.value[own[rows.at] & (rows.tier == Tier.DIRECT)].sum())

    def result(self) -> RecorderReclaim | None:
        """The sums; None where the recording does not say which process recorded it."""
        if self._pid is None:
            return None
        return RecorderReclaim(max(self._lru_pages, self._reclaimed_pages), self._stall_ns / 1e9, self._spans)
