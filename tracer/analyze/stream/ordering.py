"""Puts events into time order: records of two CPUs arrive slightly out of it."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from ...batch import Batch


class ReorderBuffer:
    """Holds events back until nothing earlier can arrive any more.

    What is held lies in batches that are in order, each behind the one before. One that arrives behind them all, as
    they mostly do, is not looked at again; one that reaches among them is merged with those that it reaches.
    """

    def __init__(self, window_ns: int) -> None:
        self._window_ns = window_ns
        self._held: list[Batch] = []
        self._newest_ns = -1
        self.watermark_ns = -1
        self.late_events = 0
        self.merged_events = 0
        """How many events lay in what was last merged, halved with every batch since: what the next one may cost."""

    def push(self, batch: Batch) -> list[Batch]:
        """Take events in order of arrival, give back those that are due, in time order from batch to batch."""
        if not len(batch):
            return []
        self._newest_ns = max(self._newest_ns, int(batch.header["time_ns"].max()))
        self._insert(_in_time_order(self._in_time(batch)))
        return self._release(max(self._newest_ns - self._window_ns, self.watermark_ns))

    def pass_to(self, time_ns: int) -> list[Batch]:
        """Nothing earlier is to come, although nothing later came: give back what is due."""
        return self._release(max(time_ns, self.watermark_ns))

    def flush(self) -> list[Batch]:
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

    def _insert(self, batch: Batch) -> None:
        reached = len(self._held)
        while reached and self._held[reached - 1].time_ns[-1] >= batch.time_ns[0]:
            reached -= 1
        self.merged_events //= 2
        if reached < len(self._held):
            batch = _in_time_order(Batch.concat((*self._held[reached:], batch)))
            self.merged_events = max(self.merged_events, len(batch))
        self._held[reached:] = [batch]

    def _release(self, until_ns: int) -> list[Batch]:
        self.watermark_ns = until_ns
        whole = 0
        while whole < len(self._held) and self._held[whole].time_ns[-1] <= until_ns:
            whole += 1
        due, self._held = self._held[:whole], self._held[whole:]
        if self._held:
            first = self._held[0]
            cut = int(np.searchsorted(first.time_ns, until_ns, side="right"))
            due.append(first.between(0, cut))
            rest = first.between(cut, len(first))
            # Copied only where most of it went, so that all copies together are no larger than what was pushed.
            self._held[0] = rest.copy() if len(rest) <= len(first) // 2 else rest
        return due


def _in_time_order(batch: Batch) -> Batch:
    """The events by time, which is how they mostly come."""
    time_ns = batch.time_ns
    if (time_ns[1:] > time_ns[:-1]).all():
        return batch
    order = _time_order(batch, time_ns)
    return batch if (order[1:] > order[:-1]).all() else batch.take(order)


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


def split_after(batch: Batch, until_ns: int) -> tuple[Batch, Batch]:
    """Events in time order in two: those up to a time, and those after it."""
    cut = int(np.searchsorted(batch.time_ns, until_ns, side="right"))
    return batch.between(0, cut), batch.between(cut, len(batch))
