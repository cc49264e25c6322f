"""Reading one CPU's perf buffer straight from its mapping, many records at a time.

Layout: struct perf_event_mmap_page and enum perf_event_type, include/uapi/linux/perf_event.h. One page holds the
positions, the data follow it once only: a record that reaches the end goes on at the beginning. The kernel moves its
position beyond whole records only (kernel/events/ring_buffer.c), so that none here is ever half written.
"""

from __future__ import annotations

import mmap
from typing import Any, Final, Self

import numpy as np
import numpy.typing as npt

from ..schema import EVENT_DTYPE
from ..short_records import SHORT_DTYPE
from .positions import Position

HEAD_AT: Final = 1024
TAIL_AT: Final = 1032
"""`data_head` and `data_tail` in the first page."""

LOST: Final = 2
SAMPLE: Final = 9
"""PERF_RECORD_LOST and PERF_RECORD_SAMPLE."""

HEADER_DTYPE: Final[np.dtype[np.void]] = np.dtype([("type", "u4"), ("misc", "u2"), ("size", "u2")])
"""struct perf_event_header."""
LOST_DTYPE: Final[np.dtype[np.void]] = np.dtype([("header", HEADER_DTYPE), ("id", "u8"), ("lost", "u8")])

RECORD_AT: Final = HEADER_DTYPE.itemsize + 4
"""A raw sample is the header, a 32-bit length, the record, and what fills it up to eight bytes."""
_TIME_AT: Final = int(EVENT_DTYPE.fields["time_ns"][1]) if EVENT_DTYPE.fields else 0


def _slot(length: int) -> np.dtype[np.void]:
    return np.dtype(
        {
            "names": ["header", "type", "size", "time_ns", "record"],
            "formats": ["u8", "u4", "u2", "u8", f"V{length}"],
            "offsets": [0, 0, 6, RECORD_AT + _TIME_AT, RECORD_AT],
            "itemsize": RECORD_AT + length + 7 & ~7,
        }
    )


SLOTS: Final = {slot.itemsize: slot for slot in map(_slot, (SHORT_DTYPE.itemsize, EVENT_DTYPE.itemsize))}
"""Samples with a record by the size that their headers tell."""

Slots = npt.NDArray[np.void]


def _header_word(kind: int, size: int) -> int:
    """A header without `misc`, which tells user from kernel mode, as one 64-bit number of this machine's."""
    return int(np.array([(kind, 0, size)], HEADER_DTYPE).view(np.uint64)[0])


_MASK: Final = np.uint64(_header_word(0xFFFFFFFF, 0xFFFF))
_WHOLE_SAMPLES: Final = {_header_word(SAMPLE, size): size for size in SLOTS}


class PerfBuffer:
    """The reading end of one CPU's buffer of samples of two sizes, of which one seldom follows the other.

    `lost` sums up what PERF_RECORD_LOST says, `malformed` counts samples that are no record of ours. Not thread-safe.
    """

    def __init__(self, control: Any, data: Any, size: int) -> None:  # noqa: ANN401 - buffers
        """`control` is the first page, `data` the `size` bytes behind it, a power of two."""
        self.size = size
        self.lost = 0
        self.malformed = 0
        self._head = Position(control, HEAD_AT)
        self._tail = Position(control, TAIL_AT)
        self._data = np.frombuffer(data, np.uint8, size)
        self.read_bytes = self._tail.load()
        self._mapping: mmap.mmap | None = None

    @classmethod
    def map(cls, fd: int, size: int) -> Self:
        """The buffer of a perf event's descriptor, of `size` bytes and one page. Raises OSError."""
        page = mmap.PAGESIZE
        mapping = mmap.mmap(fd, page + size, mmap.MAP_SHARED, mmap.PROT_READ | mmap.PROT_WRITE)
        buffer = cls(mapping, memoryview(mapping)[page:], size)
        buffer._mapping = mapping
        return buffer

    @property
    def written_bytes(self) -> int:
        """How far the kernel has written, in bytes since the start."""
        return self._head.load()

    def run(self, end: int, most: int) -> Slots:
        """A view of at most `most` samples of one size, the next before the position `end`; none where there is none.

        Records that are no samples of ours are stepped over and counted.
        """
        while self.read_bytes < end:
            header = self._header_word()
            slots = self._contiguous(_WHOLE_SAMPLES.get(header), end, most)
            foreign = (slots["header"] & _MASK) != np.uint64(header)
            if len(slots):
                first = int(foreign.argmax())
                return slots[:first] if foreign[first] else slots
            if (wrapped := self._step(end)) is not None:
                return wrapped
        return np.empty(0, SLOTS[min(SLOTS)])

    def take(self, size: int) -> None:
        """Go beyond the next samples, of so many bytes; `release` frees their room."""
        self.read_bytes += size

    def release(self) -> None:
        """Give the kernel back what was read."""
        self._tail.store(self.read_bytes)

    def close(self) -> None:
        """Unmap; the event is the descriptor's. Idempotent."""
        mapping, self._mapping = self._mapping, None
        if mapping is not None:
            # A mapping with views on it cannot be closed.
            del self._head, self._tail, self._data
            mapping.close()

    def _header_word(self) -> int:
        """What the record at the front begins with, without `misc`; headers never wrap."""
        start = self.read_bytes & (self.size - 1)
        return int(self._data[start : start + 8].view(np.uint64)[0] & _MASK)

    def _contiguous(self, size: int | None, end: int, most: int) -> Slots:
        """Samples of that size at the front, before they wrap, if they are any."""
        if size is None:
            return np.empty(0, SLOTS[min(SLOTS)])
        start = self.read_bytes & (self.size - 1)
        count = min((min(end, self.read_bytes + self.size - start) - self.read_bytes) // size, most)
        return np.ndarray(count, SLOTS[size], self._data, start)

    def _step(self, end: int) -> Slots | None:
        """The sample at the front, which wraps, as a copy; anything else is counted and left behind."""
        header = self._copy(HEADER_DTYPE.itemsize).view(HEADER_DTYPE)[0]
        kind, size = int(header["type"]), int(header["size"])
        if kind == SAMPLE and size in SLOTS:
            slots: Slots = self._copy(size).view(SLOTS[size])
            return slots
        if kind == LOST and size >= LOST_DTYPE.itemsize:
            self.lost += int(self._copy(LOST_DTYPE.itemsize).view(LOST_DTYPE)["lost"][0])
        self.malformed += kind == SAMPLE or not size
        self.read_bytes = min(self.read_bytes + size, end) if size else end
        return None

    def _copy(self, size: int) -> npt.NDArray[np.uint8]:
        """So many bytes at the front, whether they wrap or not."""
        start = self.read_bytes & (self.size - 1)
        return np.concatenate((self._data[start : start + size], self._data[: max(0, start + size - self.size)]))
