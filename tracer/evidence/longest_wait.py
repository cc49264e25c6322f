"""The one wait for memory that took longest, noted while a recording is analysed."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ..analyze.stream.stretch import Stretch
from ..analyze.terms import Tier
from .values import text_of


@dataclass(frozen=True)
class Wait:
    """A task's span in direct reclaim or above; `id` counts spans over the whole recording."""

    id: int
    begin_ns: int
    end_ns: int
    tid: int
    comm: str
    tier: Tier

    @property
    def length_ns(self) -> int:
        """How long it took."""
        return self.end_ns - self.begin_ns


class LongestWait:
    """Follows the spans that count as stalls; `found` is None until there was one."""

    def __init__(self) -> None:
        self.found: Wait | None = None

    def __call__(self, stretch: Stretch) -> None:
        """As `on_stretch` of the engine."""
        spans = stretch.spans
        rows = np.flatnonzero(spans.is_root & spans.closed & ~spans.broken & (spans.tier >= Tier.DIRECT))
        if not len(rows):
            return
        row = int(rows[np.argmax(spans.end_ns[rows] - spans.begin_ns[rows])])
        begin_ns, end_ns = int(spans.begin_ns[row]), int(spans.end_ns[row])
        if self.found is None or end_ns - begin_ns > self.found.length_ns:
            comm = text_of(bytes(spans.comm[row]))
            tier = Tier(int(spans.tier[row]))
            self.found = Wait(int(spans.id[row]), begin_ns, end_ns, int(spans.tid[row]), comm, tier)
