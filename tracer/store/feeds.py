"""Where the bytes of a recording come from that is still being written: a pipe, a file that grows, a rotated family."""

from __future__ import annotations

import os
import select
import time
from collections.abc import Callable
from pathlib import Path
from typing import Final, Protocol

from ..errors import RecordingError, UsageError, shown
from ..outputs import is_locked
from .rotating import find_parts, part_path
from .source import Source

STDIN: Final = Path("-")
"""Standard input, as a name on the command line."""
_STDIN_NAME: Final = Path("standard input")
WAIT_S: Final = 0.1
"""How long a feed waits for more, and how often a file that grows is looked at: a recorder writes ten times a second at
most."""
_STILL_S: Final = 12.0
"""A file that does not grow for so long has no writer where file locks can't tell: more than twice the longest that a
recorder waits before it writes (`QUIET_FLUSH_S`)."""
_NEXT_PART_S: Final = 2.0
"""How long after the end of one file of a family the next may take to appear."""
_CHUNK_BYTES: Final = 1 << 18


class Feed(Protocol):
    """Bytes in order. `path` is what messages call it."""

    path: Path

    def read(self) -> bytes | None:
        """What is there now; None where nothing has come for WAIT_S, empty where nothing more will.

        Raises RecordingError where it can't be read.
        """
        ...

    def part_ended(self) -> None:
        """The end mark was read: what follows is the next file of a family, if anything."""
        ...


class PipeFeed:
    """A descriptor that is read to its end: a pipe, a socket, redirected input."""

    def __init__(self, descriptor: int, path: Path = _STDIN_NAME) -> None:
        """Raises UsageError for a terminal."""
        if os.isatty(descriptor):
            raise UsageError(f"{path}: is a terminal; pipe a recording into it, or name a file")
        self.path = path
        self._descriptor = descriptor
        self._poll = select.poll()
        self._poll.register(descriptor, select.POLLIN)

    def read(self) -> bytes | None:
        """As Feed.read."""
        try:
            return os.read(self._descriptor, _CHUNK_BYTES) if self._poll.poll(WAIT_S * 1e3) else None
        except OSError as error:
            raise RecordingError(f"{self.path}: can't be read: {error.strerror}") from error

    def part_ended(self) -> None:
        """Files of a family may come one after the other."""


class FileFeed:
    """A file, to its end mark; without one until nobody writes it any more.

    A recorder holds a lock on its file (flock) as long as it has it open, and dies with it.
    """

    def __init__(self, path: Path, sleep: Callable[[float], None] = time.sleep) -> None:
        """Raises RecordingError."""
        self.path = path
        self._source = Source(path)
        self._sleep = sleep
        self._offset = 0
        self._has_ended = False
        self._still_s = 0.0

    def read(self) -> bytes | None:
        """As Feed.read."""
        # Asked before: what was written until then is still read.
        is_open = not self._has_ended and is_written(self.path, unknown=self._still_s < _STILL_S)
        if data := self._source.read(_CHUNK_BYTES, self._offset):
            self._offset += len(data)
            self._still_s = 0.0
            return data
        if not is_open:
            return b""
        self._sleep(WAIT_S)
        self._still_s += WAIT_S
        return None

    def part_ended(self) -> None:
        """There is no more."""
        self._has_ended = True


class FamilyFeed:
    """The files of a recording in several, oldest first, as they appear."""

    def __init__(self, path: Path, sleep: Callable[[float], None] = time.sleep) -> None:
        """Raises RecordingError where none is there."""
        self.path = path
        self._sleep = sleep
        parts = find_parts(path)
        if not parts:
            raise RecordingError(f"{shown(path)}: can't be read: No such file or directory")
        self._number = min(parts)
        self._part = FileFeed(parts[self._number], sleep)
        self._waited_s: float | None = None

    def read(self) -> bytes | None:
        """As Feed.read."""
        data = self._part.read()
        if data != b"":
            return data
        later = [number for number in find_parts(self.path) if number > self._number]
        if later:
            self._number, self._waited_s = min(later), None
            self._part = FileFeed(part_path(self.path, self._number), self._sleep)
            return self._part.read()
        if self._waited_s is None or self._waited_s >= _NEXT_PART_S:
            return b""
        self._sleep(WAIT_S)
        self._waited_s += WAIT_S
        return None

    def part_ended(self) -> None:
        """The next file appears soon, or never."""
        self._part.part_ended()
        self._waited_s = 0.0


def feed_of(path: Path) -> Feed:
    """Standard input (`-`), the file of that name, or the family. Raises RecordingError, UsageError."""
    if path == STDIN:
        return PipeFeed(0)
    return FileFeed(path) if path.exists() else FamilyFeed(path)


def is_written(path: Path, *, unknown: bool = False) -> bool:
    """Whether a recorder has the recording open, in its newest file; `unknown` where file locks can't tell."""
    parts = {} if path.exists() else find_parts(path)
    try:
        descriptor = os.open(parts[max(parts)] if parts else path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
    except OSError:
        return False
    try:
        locked = is_locked(descriptor)
    finally:
        os.close(descriptor)
    return unknown if locked is None else locked
