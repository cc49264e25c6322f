"""Reading the BPF ring buffer straight from its mapping, many records at a time.

Layout and flags: kernel/bpf/ringbuf.c, include/uapi/linux/bpf.h. One page holds the consumer's position, the next the
producer's, then the data twice in a row, so that no record ever wraps.
"""

from __future__ import annotations

import ctypes
import mmap
import platform
from collections.abc import Callable
from typing import Any, Final, Self

import numpy as np
import numpy.typing as npt

from ..schema import EVENT_DTYPE

HEADER_BYTES: Final = 8
BUSY: Final = 1 << 31
DISCARDED: Final = 1 << 30
"""BPF_RINGBUF_BUSY_BIT and BPF_RINGBUF_DISCARD_BIT."""

STRIDE: Final = HEADER_BYTES + EVENT_DTYPE.itemsize
"""Bytes from one record to the next: headers and records are multiples of eight."""

_MAX_RECORDS: Final = 1 << 13
"""Most records copied out at once: what is done with them next finds them in the second-level cache (0.9 MB)."""
_SLOT: Final = np.dtype(
    {
        "names": ["length", "record"],
        "formats": ["u4", f"V{EVENT_DTYPE.itemsize}"],
        "offsets": [0, HEADER_BYTES],
        "itemsize": STRIDE,
    }
)
_LENGTH_MASK: Final = DISCARDED - 1

Records = npt.NDArray[np.void]


class Ring:
    """The reading end of a ring of fixed-size records.

    `malformed` counts what was skipped because it is no record of ours. Not thread-safe: one reader.
    """

    def __init__(self, consumer: Any, producer: Any, data: Any, size: int) -> None:  # noqa: ANN401 - buffers
        """`consumer` and `producer` begin with a position each; `data` is `size` bytes twice, `size` a power of two."""
        self.size = size
        self.malformed = 0
        self._consumer = _Position(consumer)
        self._producer = _Position(producer)
        self._data = np.frombuffer(data, np.uint8, 2 * size)
        self._position = self._consumer.load()
        self._maps: tuple[mmap.mmap, ...] = ()

    @classmethod
    def map(cls, fd: int, size: int) -> Self:
        """The ring behind a map's descriptor, `size` bytes large. Raises OSError."""
        page = mmap.PAGESIZE
        consumer = mmap.mmap(fd, page, mmap.MAP_SHARED, mmap.PROT_READ | mmap.PROT_WRITE, offset=0)
        rest = mmap.mmap(fd, page + 2 * size, mmap.MAP_SHARED, mmap.PROT_READ, offset=page)
        ring = cls(consumer, rest, memoryview(rest)[page:], size)
        ring._maps = (consumer, rest)
        return ring

    @property
    def unread_bytes(self) -> int:
        """Bytes reserved by writers and not read yet."""
        return self._producer.load() - self._position

    @property
    def written_bytes(self) -> int:
        """How far writers have reserved, in bytes since the ring's start."""
        return self._producer.load()

    @property
    def read_bytes(self) -> int:
        """How far `drain` has read, in bytes since the ring's start."""
        return self._position

    def drain(self) -> Records:
        """A copy of the finished records at the ring's front, perhaps none; frees their room.

        At most 8,192 at once: call again until it gives none. What follows a record still being written waits.
        """
        run = self._finished_run()
        while not len(run) and self._skip_foreign():
            run = self._finished_run()
        records = run["record"].copy().view(EVENT_DTYPE)
        self._advance(len(run) * STRIDE)
        return records

    def close(self) -> None:
        """Unmap; the ring itself is the descriptor's. Idempotent."""
        maps, self._maps = self._maps, ()
        if not maps:
            return
        # A mapping with views on it cannot be closed.
        del self._consumer, self._producer, self._data
        for mapping in maps:
            mapping.close()

    def _finished_run(self) -> Records:
        count = min(self.unread_bytes // STRIDE, _MAX_RECORDS)
        slots = np.ndarray(count, _SLOT, self._data, self._position & (self.size - 1))
        # One read of each length: a busy bit that is cleared between two reads would give two answers.
        foreign = slots["length"] != EVENT_DTYPE.itemsize
        _fence()
        first = int(foreign.argmax()) if count else 0
        return slots[:first] if count and foreign[first] else slots

    def _skip_foreign(self) -> bool:
        """Step over a discarded or malformed record at the front; False where there is none."""
        if self.unread_bytes < HEADER_BYTES:
            return False
        start = self._position & (self.size - 1)
        length = int(self._data[start : start + 4].view(np.uint32)[0])
        if length & BUSY or length == EVENT_DTYPE.itemsize:
            return length == EVENT_DTYPE.itemsize
        whole = HEADER_BYTES + (length & _LENGTH_MASK) + 7 & ~7
        self.malformed += not length & DISCARDED
        self._advance(min(whole, self.unread_bytes))
        return True

    def _advance(self, size: int) -> None:
        if size:
            self._position += size
            self._consumer.store(self._position)


class _PlainPosition:
    """A position where aligned eight-byte accesses are ordered as the ring needs them: x86."""

    def __init__(self, buffer: Any) -> None:  # noqa: ANN401
        self._value = np.frombuffer(buffer, np.uint64, 1)

    def load(self) -> int:
        return int(self._value[0])

    def store(self, position: int) -> None:
        self._value[0] = position


class _AtomicPosition:
    """A position read with acquire and written with release by libatomic: arm64 and everything else."""

    _ACQUIRE: Final = 2
    _RELEASE: Final = 3

    def __init__(self, buffer: Any) -> None:  # noqa: ANN401
        self._memory = np.frombuffer(buffer, np.uint64, 1)
        self._address = ctypes.c_void_p(self._memory.ctypes.data)
        library = ctypes.CDLL("libatomic.so.1")
        self._load, self._store = library["__atomic_load_8"], library["__atomic_store_8"]
        self._load.restype = ctypes.c_uint64

    def load(self) -> int:
        return int(self._load(self._address, self._ACQUIRE))

    def store(self, position: int) -> None:
        self._store(self._address, ctypes.c_uint64(position), self._RELEASE)


def _no_fence() -> None:
    pass


def _acquire_fence() -> None:
    ctypes.CDLL("libatomic.so.1").atomic_thread_fence(2)


_ORDERED = platform.machine() in ("x86_64", "i686")
_Position: type[_PlainPosition | _AtomicPosition] = _PlainPosition if _ORDERED else _AtomicPosition
_fence: Callable[[], None] = _no_fence if _ORDERED else _acquire_fence
