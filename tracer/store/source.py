"""The file a recording is read from."""

from __future__ import annotations

import os
import threading
import weakref
from pathlib import Path
from typing import Final, Protocol

from ..errors import RecordingError, shown
from ..outputs import FileIdentity, kind_of_file

_FLAGS: Final = os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK
"""O_NONBLOCK: a pipe is refused, not waited for."""


class Readable(Protocol):
    """What blocks are found in and unpacked from; `size` is how many bytes there are."""

    path: Path

    @property
    def size(self) -> int:
        """Bytes that there are."""
        ...

    def read(self, size: int, offset: int) -> bytes:
        """Up to `size` bytes, fewer only at the end."""
        ...


class _Descriptor:
    """Closed as soon as nothing refers to it: a read on one thread keeps it open while another lets it go."""

    def __init__(self, number: int) -> None:
        self.number = number
        weakref.finalize(self, os.close, number)


class Source:
    """A regular file opened for reading; `size` is its length at that time. Every failure is a RecordingError.

    Threads may read at once, and `rest` while another reads. With an `identity` no other file than that one is read,
    however it is named. `read_bytes` is what was read so far.
    """

    def __init__(self, path: Path, identity: FileIdentity | None = None) -> None:
        self.path = path
        self.read_bytes = 0
        descriptor = self._open()
        self._descriptor: _Descriptor | None = descriptor
        self._counting = threading.Lock()
        status = os.fstat(descriptor.number)
        self._identity = FileIdentity.of(status)
        self._size = status.st_size
        if what := kind_of_file(status.st_mode):
            raise RecordingError(f"{shown(path)}: is {what}; name a recording's file (.rtrace)")
        if identity not in (None, self._identity):
            raise RecordingError(f"{shown(path)}: is no longer the recorded file: it was replaced")

    @property
    def size(self) -> int:
        """The file's length when it was opened."""
        return self._size

    def rest(self) -> None:
        """Hold no descriptor until the next read: a recording may have more files than a process may open."""
        self._descriptor = None

    def read(self, size: int, offset: int) -> bytes:
        """Up to `size` bytes, fewer only at the end of the file."""
        try:
            descriptor = self._descriptor or self._open_again()
            piece = os.pread(descriptor.number, size, offset)
            if len(piece) < size:
                piece = self._continued(descriptor.number, piece, size, offset)
        except OSError as error:
            raise self._unreadable(error) from error
        with self._counting:
            self.read_bytes += len(piece)
        return piece

    def _open(self) -> _Descriptor:
        try:
            return _Descriptor(os.open(self.path, _FLAGS))
        except OSError as error:
            raise self._unreadable(error) from error

    def _open_again(self) -> _Descriptor:
        descriptor = self._open()
        if FileIdentity.of(os.fstat(descriptor.number)) != self._identity:
            raise RecordingError(f"{shown(self.path)}: was replaced while being read; read it again")
        self._descriptor = descriptor
        return descriptor

    @staticmethod
    def _continued(descriptor: int, piece: bytes, size: int, offset: int) -> bytes:
        """The same read after a short one, which is the file's end or not."""
        pieces = [piece]
        while piece and (size := size - len(piece)) > 0:
            offset += len(piece)
            piece = os.pread(descriptor, size, offset)
            pieces.append(piece)
        return b"".join(pieces)

    def _unreadable(self, error: OSError) -> RecordingError:
        reason = os.strerror(error.errno) if error.errno else str(error)
        return RecordingError(f"{shown(self.path)}: can't be read: {reason}")
