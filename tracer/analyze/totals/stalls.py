"""How long tasks had to wait for memory."""

from __future__ import annotations

from collections.abc import Container, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

import numpy as np
import numpy.typing as npt

from ..model import Stall
from ..stream.attribution import RUNGS, scope_of_rung, tier_of_rung
from ..stream.cells import Cells
from ..stream.grouping import grouped, numbered
from ..stream.stretch import Stretch
from ..terms import Tier
from ..wait_lengths import WaitHistogram
from .wait_histograms import WaitHistograms

I64 = npt.NDArray[np.int64]


_MOST_PENDING: Final = 65_536
"""Waits kept before they are added to their tasks' sums: a task is looked up once for many of them."""
_POWERS: Final = 64
_LONGEST_NS: Final = 1 << 62
"""Some 146 years, and what power of two is above it: two to the power of less than _POWERS."""


@dataclass
class _Waited:
    comm: bytes
    spans: int = 0
    total_ns: int = 0
    max_ns: int = 0
    powers: dict[int, int] = field(default_factory=dict)
    """Waits by the least power of two that is above their length in ns."""

    def add(self, comm: bytes, spans: int, total_ns: int, max_ns: int) -> None:
        self.comm = comm
        self.spans += spans
        self.total_ns += total_ns
        self.max_ns = max(self.max_ns, max_ns)


@dataclass(frozen=True)
class _Waits:
    """Single waits as columns."""

    tid: I64
    rung: I64
    cgroup_id: I64
    waited_ns: I64
    comm: npt.NDArray[np.bytes_]


class StallTable:
    """Adds up each task's spans of tier 2 and above by rung, and by the cgroup that it was in when they began. A tier 3
    wait lies inside the task's tier 2 span."""

    def __init__(self) -> None:
        self._tasks: dict[tuple[int, int, int], _Waited] = {}
        self._pending: list[_Waits] = []
        self._count = 0
        self._histograms = WaitHistograms()

    def advance(self, stretch: Stretch) -> None:
        """Take the next stretch."""
        spans = stretch.spans
        ended = np.flatnonzero(spans.is_root & spans.closed & ~spans.broken & (spans.tier >= Tier.DIRECT))
        waited_ns = spans.end_ns[ended] - spans.begin_ns[ended]
        cgroup_id = stretch.cgroup_id(spans.begin_at[ended])
        self._keep(_Waits(spans.tid[ended], stretch.rung[ended], cgroup_id, waited_ns, spans.comm[ended]))
        rows, _ = stretch.args.all("throttled")
        waited = stretch.retries.value[: len(rows)]
        comm = stretch.batch.header["comm"][rows].astype(np.bytes_, copy=False)
        tid, rung = stretch.retries.tid[: len(rows)], stretch.retries.rung[: len(rows)]
        self._keep(_Waits(tid, rung, stretch.cgroup_id(rows), waited, comm))

    def _keep(self, waits: _Waits) -> None:
        if len(waits.tid):
            self._pending.append(waits)
            self._count += len(waits.tid)
        if self._count > _MOST_PENDING:
            self.sum_up()

    def sum_up(self) -> None:
        """Add what has come: results need it, and what waits takes memory and the time of each look."""
        if not self._pending:
            return
        tid, rung, cgroup_id, waited_ns = (
            np.concatenate([getattr(waits, name) for waits in self._pending])
            for name in ("tid", "rung", "cgroup_id", "waited_ns")
        )
        comm = np.concatenate([waits.comm for waits in self._pending])
        self._pending, self._count = [], 0
        self._histograms.add(rung, waited_ns)
        cgroups, number = numbered(cgroup_id)
        order, starts = grouped((tid * RUNGS + rung) * len(cgroups) + number)
        spans = np.diff(np.append(starts, len(order)))
        newest = order[starts + spans - 1]
        total_ns = np.add.reduceat(waited_ns[order], starts)
        max_ns = np.maximum.reduceat(waited_ns[order], starts)
        keys = zip(tid[newest].tolist(), rung[newest].tolist(), cgroup_id[newest].tolist(), strict=True)
        added = zip(comm[newest].tolist(), spans.tolist(), total_ns.tolist(), max_ns.tolist(), strict=True)
        tasks = [self._tasks.setdefault(key, _Waited(b"")) for key in keys]
        for task, waited in zip(tasks, added, strict=True):
            task.add(*waited)
        self._add_lengths(tasks, np.repeat(np.arange(len(starts)), spans), waited_ns[order])

    @staticmethod
    def _add_lengths(tasks: Sequence[_Waited], task: I64, waited_ns: I64) -> None:
        """Count waits of the tasks with these numbers by their lengths."""
        powers = np.frexp(np.clip(waited_ns, 0, _LONGEST_NS).astype(np.float64))[1]
        cells = Cells(task * _POWERS + powers)
        for key, waits in zip(cells.keys.tolist(), cells.count().tolist(), strict=True):
            found = tasks[key // _POWERS].powers
            found[key % _POWERS] = found.get(key % _POWERS, 0) + waits

    def histograms(self) -> list[WaitHistogram]:
        """All tasks' waits by how long they were."""
        self.sum_up()
        return self._histograms.told()

    def stalls(self, paths: Mapping[int, str], recorder: Container[int] = ()) -> list[Stall]:
        """All tasks' waits by tier, scope and cgroup, the longest first.

        `paths` are the cgroups', `recorder` the recorder's threads.
        """
        self.sum_up()
        stalls = [
            Stall(
                comm=task.comm.decode("utf-8", "replace"),
                pid=tid,
                tier=tier_of_rung(rung),
                spans=task.spans,
                stall_s=task.total_ns / 1e9,
                max_ns=task.max_ns,
                is_recorder=tid in recorder,
                scope=scope_of_rung(rung),
                cgroup=paths.get(cgroup_id),
                cgroup_id=cgroup_id or None,
                lengths={1 << power: waits for power, waits in sorted(task.powers.items())},
            )
            for (tid, rung, cgroup_id), task in self._tasks.items()
        ]
        return sorted(
            stalls, key=lambda stall: (-stall.stall_s, stall.pid, stall.tier, stall.scope or "", stall.cgroup_id or 0)
        )
