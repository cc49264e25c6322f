"""The part of a growing recording that is looked at: bytes from some offset on."""

from __future__ import annotations

from pathlib import Path


class Window:
    """A `Readable` that grows at its end and is forgotten at its beginning."""

    def __init__(self, path: Path, data: bytes = b"") -> None:
        self.path = path
        self._data = bytearray(data)
        self._start = 0

    @property
    def size(self) -> int:
        """Bytes there were so far, those forgotten included."""
        return self._start + len(self._data)

    def read(self, size: int, offset: int) -> bytes:
        """Up to `size` bytes from an offset that was not forgotten on."""
        at = offset - self._start
        return bytes(self._data[at : at + size])

    def add(self, data: bytes) -> None:
        """More bytes have come."""
        self._data += data

    def rest(self) -> Window:
        """What is held, as a recording of its own."""
        return Window(self.path, bytes(self._data))

    def forget(self, offset: int) -> None:
        """Nobody asks for what is before `offset`."""
        del self._data[: offset - self._start]
        self._start = offset
