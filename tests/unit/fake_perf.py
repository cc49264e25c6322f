"""A perf buffer in ordinary memory, written as the kernel writes one."""

from __future__ import annotations

import numpy as np

from tracer.collect.perf_buffer import HEAD_AT, HEADER_DTYPE, LOST, LOST_DTYPE, SAMPLE, SLOTS, TAIL_AT, PerfBuffer
from tracer.schema import EVENT_DTYPE
from tracer.short_records import SHORT_DTYPE

STRIDE, LONG_STRIDE = SLOTS
"""Bytes of a sample with a short record, and with a long one."""


class FakePerf:
    """One CPU's buffer and its writer, positions in the first page, records that wrap where the end is."""

    def __init__(self, size: int = 4096, start: int = 0, cpu: int = 0) -> None:
        self.size = size
        self.cpu = cpu
        self.control = np.zeros(4096, np.uint8)
        self.head = self.control[HEAD_AT : HEAD_AT + 8].view(np.uint64)
        self.tail = self.control[TAIL_AT : TAIL_AT + 8].view(np.uint64)
        self.head[0] = self.tail[0] = start
        self.data = np.full(size, 0xA5, np.uint8)
        self.lost = 0
        self.reader = PerfBuffer(self.control, self.data, size)

    @property
    def free(self) -> int:
        return self.size - int(self.head[0] - self.tail[0])

    def write(self, time_ns: int, misc: int = 1, *, long: bool = False) -> bool:
        """Add a sample, before it what was lost until now; False, and counted, where there is no room."""
        needed = (LONG_STRIDE if long else STRIDE) + (LOST_DTYPE.itemsize if self.lost else 0)
        if needed > self.free:
            self.lost += 1
            return False
        if self.lost:
            lost = np.array([((LOST, 0, LOST_DTYPE.itemsize), 7, self.lost)], LOST_DTYPE)
            self._append(lost.view(np.uint8))
            self.lost = 0
        record = np.zeros(1, EVENT_DTYPE if long else SHORT_DTYPE)
        record["time_ns"], record["cpu"] = time_ns, self.cpu
        record["args"] = np.uint64(time_ns).tobytes() * (record["args"].itemsize // 8)
        self.write_raw(SAMPLE, record.view(np.uint8), misc)
        return True

    def write_raw(self, kind: int, payload: np.ndarray, misc: int = 0) -> None:
        """Any record: its header, a length, and what fills it up."""
        size = HEADER_DTYPE.itemsize + 4 + len(payload) + 7 & ~7
        whole = np.zeros(size, np.uint8)
        whole[:8] = np.array([(kind, misc, size)], HEADER_DTYPE).view(np.uint8)
        whole[8:12] = np.array([size - 12], np.uint32).view(np.uint8)
        whole[12 : 12 + len(payload)] = payload
        self._append(whole)

    def read_all(self, most: int = 1000) -> list[int]:
        """The times of everything there is."""
        times: list[int] = []
        end = self.reader.written_bytes
        while len(slots := self.reader.run(end, most)):
            records = slots["record"].copy()
            dtype = EVENT_DTYPE if records.itemsize == EVENT_DTYPE.itemsize else SHORT_DTYPE
            assert (records.view(dtype)["time_ns"] == slots["time_ns"]).all()
            times += slots["time_ns"].tolist()
            self.reader.take(slots.nbytes)
        self.reader.release()
        return times

    def _append(self, values: np.ndarray) -> None:
        place = (int(self.head[0]) + np.arange(len(values))) % self.size
        self.data[place] = values
        self.head[0] += np.uint64(len(values))
