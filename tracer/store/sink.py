"""Where a payload grows: one buffer, used again for every block."""

from __future__ import annotations

from typing import Final

import numpy as np
import numpy.typing as npt

Octets = npt.NDArray[np.uint8]

_START_BYTES: Final = 1 << 19


class Sink:
    """Bytes put one after the other. The buffer doubles when it is full and never shrinks; `capacity` is its size."""

    def __init__(self, capacity: int = _START_BYTES) -> None:
        self._buffer = np.zeros(capacity, np.uint8)
        self._memory = self._buffer.data
        self._filled = 0

    @property
    def capacity(self) -> int:
        """Bytes the buffer takes."""
        return len(self._buffer)

    def put(self, data: bytes) -> None:
        """Append a copy of `data`."""
        start = self._filled
        self._filled = start + len(data)
        if self._filled > len(self._buffer):
            self._grow(start)
        self._memory[start : self._filled] = data

    def reserve(self, size: int) -> Octets:
        """The next `size` bytes, to be written by the caller before anything else is put."""
        start, self._filled = self._filled, self._filled + size
        if self._filled > len(self._buffer):
            self._grow(start)
        return self._buffer[start : self._filled]

    def view(self) -> memoryview:
        """What was put since the last `clear`, not copied: it holds until the next `put`."""
        return self._memory[: self._filled]

    def clear(self) -> None:
        """Forget what was put."""
        self._filled = 0

    def _grow(self, kept: int) -> None:
        larger = np.zeros(max(2 * len(self._buffer), self._filled), np.uint8)
        larger[:kept] = self._buffer[:kept]
        self._buffer, self._memory = larger, larger.data
