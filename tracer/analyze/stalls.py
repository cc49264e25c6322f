"""How long tasks had to wait for memory."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from .grouping import groups
from .model import Stall, Tier
from .stretch import Stretch


@dataclass
class _Waited:
    comm: bytes
    spans: int = 0
    total_ns: int = 0
    max_ns: int = 0


class StallTable:
    """Adds up each task's spans of tier 2 and above. A tier 3 wait lies inside the task's tier 2 span."""

    def __init__(self) -> None:
        self._tasks: dict[tuple[int, int], _Waited] = {}

    def advance(self, stretch: Stretch) -> None:
        """Take the next stretch."""
        spans = stretch.spans
        ended = np.flatnonzero(spans.is_root & spans.closed & ~spans.broken & (spans.tier >= Tier.DIRECT))
        tid = spans.tid[ended]
        self._add(tid, spans.tier[ended], spans.end_ns[ended] - spans.begin_ns[ended], spans.comm[ended])
        rows, _ = stretch.args.all("throttled")
        waited = stretch.retries.value[: len(rows)]
        comm = stretch.batch.header["comm"][rows].astype(np.bytes_)
        self._add(stretch.retries.tid[: len(rows)], stretch.retries.tier[: len(rows)], waited, comm)

    def _add(
        self,
        tid: npt.NDArray[np.int64],
        tier: npt.NDArray[np.int64],
        waited_ns: npt.NDArray[np.int64],
        comm: npt.NDArray[np.bytes_],
    ) -> None:
        for key, rows in groups(tid * len(Tier) + tier):
            task = self._tasks.setdefault((key // len(Tier), key % len(Tier)), _Waited(bytes(comm[rows[-1]])))
            task.comm = bytes(comm[rows[-1]])
            task.spans += len(rows)
            task.total_ns += int(waited_ns[rows].sum())
            task.max_ns = max(task.max_ns, int(waited_ns[rows].max()))

    def stalls(self) -> list[Stall]:
        """All tasks, the one that waited longest first."""
        stalls = [
            Stall(task.comm.decode("utf-8", "replace"), tid, Tier(tier), task.spans, task.total_ns / 1e9, task.max_ns)
            for (tid, tier), task in self._tasks.items()
        ]
        return sorted(stalls, key=lambda stall: (-stall.stall_s, stall.pid, stall.tier))
