"""Puts events into time order: records of two CPUs arrive slightly out of it."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from ...batch import Batch


class ReorderBuffer:
    """Holds events back until nothing earlier can arrive any more."""

    def __init__(self, window_ns: int) -> None:
        self._window_ns = window_ns
        self._held: list[Batch] = []
        self._newest_ns = -1
        self.watermark_ns = -1
        self.late_events = 0

    def push(self, batch: Batch) -> Batch:
        """Take events in order of arrival, give back those that are due, in time order."""
        if not len(batch):
            return batch
        self._newest_ns = max(self._newest_ns, int(batch.header["time_ns"].max()))
        self._held.append(self._in_time(batch))
        return self._release(max(self._newest_ns - self._window_ns, self.watermark_ns))

    def flush(self) -> Batch:
        """Give back everything still held."""
        return self._release(self._newest_ns)

    def _in_time(self, batch: Batch) -> Batch:
        """Events that are later than the window allows happen now."""
        time_ns = batch.time_ns
        late = time_ns <= self.watermark_ns
        if not late.any():
            return batch
        self.late_events += int(late.sum())
        time_ns = np.maximum(time_ns, self.watermark_ns + 1)
        return Batch({**batch.header, "time_ns": time_ns.astype(np.uint64)}, batch.rows, batch.args)

    def _release(self, until_ns: int) -> Batch:
        cuts = [_after_last(batch, until_ns) for batch in self._held]
        pending = Batch.concat(batch.between(0, cut) for batch, cut in zip(self._held, cuts, strict=True))
        rest = [batch.between(cut, len(batch)) for batch, cut in zip(self._held, cuts, strict=True)]
        ordered = _in_time_order(pending)
        due = int(np.searchsorted(ordered.time_ns, until_ns, side="right"))
        self._held = [batch for batch in (ordered.between(due, len(ordered)), *rest) if len(batch)]
        self.watermark_ns = until_ns
        return ordered.between(0, due)


def _after_last(batch: Batch, until_ns: int) -> int:
    """Where in the order of arrival nothing is due any more."""
    due = np.flatnonzero(batch.time_ns <= until_ns)
    return int(due[-1]) + 1 if len(due) else 0


def _in_time_order(batch: Batch) -> Batch:
    """The events by time, which is how they mostly come."""
    time_ns = batch.time_ns
    return batch if (time_ns[1:] > time_ns[:-1]).all() else batch.take(_time_order(batch, time_ns))


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
