"""Reading the BPF ring buffer straight from its mapping, many records at a time.

Layout and flags: kernel/bpf/ringbuf.c, include/uapi/linux/bpf.h. One page holds the consumer's position, the next the
producer's, then the data twice in a row, so that no record ever wraps.
"""

from __future__ import annotations

import mmap
from collections.abc import Iterator
from contextlib import suppress
from typing import Any, Final, Self

import numpy as np
import numpy.typing as npt

from ..schema import EVENT_DTYPE
from ..short_records import SHORT_DTYPE
from .positions import Position, acquire_fence

HEADER_BYTES: Final = 8
BUSY: Final = 1 << 31
DISCARDED: Final = 1 << 30
"""BPF_RINGBUF_BUSY_BIT and BPF_RINGBUF_DISCARD_BIT."""

SHORT_STRIDE: Final = HEADER_BYTES + SHORT_DTYPE.itemsize
"""Bytes from one short record to the next."""

_MAX_RECORDS: Final = 1 << 13
"""Most records of a batch: what is done with them next finds them in the second-level cache (0.9 MB)."""
_RECORDS: Final = {dtype.itemsize: dtype for dtype in (SHORT_DTYPE, EVENT_DTYPE)}
"""By their length, which is a multiple of eight: so many bytes and a header lie from one record to the next."""
_SLOTS: Final = {
    length: np.dtype(
        {
            "names": ["length", "record"],
            "formats": ["u4", f"V{length}"],
            "offsets": [0, HEADER_BYTES],
            "itemsize": HEADER_BYTES + length,
        }
    )
    for length in _RECORDS
}
_LENGTH_MASK: Final = DISCARDED - 1
_NOTHING: Final = np.empty(0, _SLOTS[SHORT_DTYPE.itemsize])

Records = npt.NDArray[np.void]


class Ring:
    """The reading end of a ring of records of two sizes, of which one seldom follows the other.

    `malformed` counts what was skipped because it is no record of ours. Not thread-safe: one reader.
    """

    def __init__(self, consumer: Any, producer: Any, data: Any, size: int, fd: int = -1) -> None:  # noqa: ANN401 - buffers
        """`consumer` and `producer` begin with a position each; `data` is `size` bytes twice, `size` a power of two.

        `fd` becomes readable when there are records.
        """
        self.fd = fd
        self.size = size
        self.malformed = 0
        self._consumer = Position(consumer)
        self._producer = Position(producer)
        self._data = np.frombuffer(data, np.uint8, 2 * size)
        self._position = self._consumer.load()
        self._fence = acquire_fence()
        self._maps: tuple[mmap.mmap, ...] = ()

    @classmethod
    def map(cls, fd: int, size: int) -> Self:
        """The ring behind a map's descriptor, `size` bytes large. Raises OSError."""
        page = mmap.PAGESIZE
        consumer = mmap.mmap(fd, page, mmap.MAP_SHARED, mmap.PROT_READ | mmap.PROT_WRITE, offset=0)
        rest = mmap.mmap(fd, page + 2 * size, mmap.MAP_SHARED, mmap.PROT_READ, offset=page)
        ring = cls(consumer, rest, memoryview(rest)[page:], size, fd)
        ring._maps = (consumer, rest)
        return ring

    @property
    def fullness(self) -> float:
        """The ring's share that is reserved by writers and not read yet."""
        return self._unread_bytes / self.size

    @property
    def written_bytes(self) -> int:
        """How far writers have reserved, in bytes since the ring's start."""
        return self._producer.load()

    @property
    def read_bytes(self) -> int:
        """How far `batches` has read, in bytes since the ring's start."""
        return self._position

    def batches(self) -> Iterator[Records]:
        """Every record finished at the call that no unfinished one is before, in batches of at most 8,192.

        Each is of records of one size, SHORT_DTYPE or EVENT_DTYPE, and a view of the ring, good until the next is asked
        for: its room is freed then.
        """
        goal = self.written_bytes
        while len(run := self._front()):
            yield run["record"].view(_RECORDS[run.itemsize - HEADER_BYTES])
            self._advance(len(run) * run.itemsize)
            if self._position >= goal:
                return

    def longest_wait_s(self) -> None:
        """For ever: the kernel wakes the reader for the first record behind what has been read."""

    def refresh(self) -> None:
        """Nothing to do: one ring serves every CPU."""

    def close(self) -> None:
        """Unmap, once the last batch is gone too; the ring itself is the descriptor's. Idempotent."""
        maps, self._maps = self._maps, ()
        if not maps:
            return
        # A mapping with views on it cannot be closed.
        del self._consumer, self._producer, self._data
        for mapping in maps:
            with suppress(BufferError):
                mapping.close()

    @property
    def _unread_bytes(self) -> int:
        return self._producer.load() - self._position

    def _front(self) -> Records:
        """The finished records at the front, behind what is not one of ours. What follows an unfinished one waits."""
        run = self._finished_run()
        while not len(run) and self._skip_foreign():
            run = self._finished_run()
        return run

    def _finished_run(self) -> Records:
        start, unread = self._position & (self.size - 1), self._unread_bytes
        length = self._length_at(start) if unread else 0
        if length not in _SLOTS:
            return _NOTHING
        slot = _SLOTS[length]
        slots = np.ndarray(min(unread // slot.itemsize, _MAX_RECORDS), slot, self._data, start)
        # One read of each length: a busy bit cleared between two reads would give two answers. The first one was
        # not busy when it was read above, and stays as it was.
        foreign = slots["length"] != length
        self._fence()
        first = int(foreign.argmax()) if len(slots) else 0
        return slots[:first] if len(slots) and foreign[first] else slots

    def _skip_foreign(self) -> bool:
        """Step over a discarded or malformed record at the front; False where there is none."""
        if self._unread_bytes < HEADER_BYTES:
            return False
        length = self._length_at(self._position & (self.size - 1))
        if length & BUSY or length in _SLOTS:
            return length in _SLOTS
        whole = HEADER_BYTES + (length & _LENGTH_MASK) + 7 & ~7
        self.malformed += not length & DISCARDED
        self._advance(min(whole, self._unread_bytes))
        return True

    def _length_at(self, start: int) -> int:
        return int(self._data[start : start + 4].view(np.uint32)[0])

    def _advance(self, size: int) -> None:
        if size:
            self._position += size
            self._consumer.store(self._position)
