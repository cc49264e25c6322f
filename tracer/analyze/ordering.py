"""Puts events into time order: records of two CPUs arrive slightly out of it."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from ..batch import Batch


class ReorderBuffer:
    """Holds events back until nothing earlier can arrive any more."""

    def __init__(self, window_ns: int) -> None:
        self._window_ns = window_ns
        self._held = Batch.empty()
        self._newest_ns = -1
        self.watermark_ns = -1
        self.late_events = 0

    def push(self, batch: Batch) -> Batch:
        """Take events in order of arrival, give back those that are due, in time order."""
        if not len(batch):
            return batch
        self._newest_ns = max(self._newest_ns, int(batch.header["time_ns"].max()))
        return self._release(Batch.concat((self._held, batch)), self._newest_ns - self._window_ns)

    def flush(self) -> Batch:
        """Give back everything still held."""
        return self._release(self._held, self._newest_ns)

    def _release(self, pending: Batch, until_ns: int) -> Batch:
        until_ns = max(until_ns, self.watermark_ns)
        time_ns = pending.header["time_ns"].astype(np.int64)
        late = time_ns <= self.watermark_ns
        if late.any():
            self.late_events += int(late.sum())
            time_ns = np.maximum(time_ns, self.watermark_ns + 1)
            pending = Batch({**pending.header, "time_ns": time_ns.astype(np.uint64)}, pending.rows, pending.args)
        order = _time_order(pending, time_ns)
        due = int(np.searchsorted(time_ns[order], until_ns, side="right"))
        self._held = pending.take(order[due:])
        self.watermark_ns = until_ns
        return pending.take(order[:due])


def _time_order(batch: Batch, time_ns: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    """Positions by time; a tie is broken by thread, CPU and kind, so that the order of arrival does not matter."""
    order = np.argsort(time_ns, kind="stable")
    ordered = time_ns[order]
    same = ordered[1:] == ordered[:-1]
    if same.any():
        tied = np.flatnonzero(np.append(same, False) | np.append(False, same))
        rows = order[tied]
        kind, cpu, tid = (batch.header[name][rows] for name in ("kind", "cpu", "tid"))
        order[tied] = rows[np.lexsort((kind, cpu, tid, time_ns[rows]))]
    return order
