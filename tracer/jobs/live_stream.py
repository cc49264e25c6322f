"""Where a live view's bytes come from: taken as they come, whoever is to look at them."""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable
from pathlib import Path
from typing import Final

from ..errors import RecordingError, TracerError, shown
from ..outputs import FileIdentity, NewFile, write_at
from ..store.feeds import WAIT_S, Feed, FileFeed, feed_of
from ..store.rotating import part_path

MOST_BEHIND_BYTES: Final = 32 << 20
"""What may wait for the analysis, some four million events. Beyond it nothing is read: then the recorder's queue fills,
and what it has to drop it counts and tells."""


class HaltingFeed:
    """A feed that ends when it is told to."""

    def __init__(self, feed: Feed) -> None:
        self.path: Path = feed.path
        self._feed = feed
        self._halted = False

    def read(self) -> bytes | None:
        """As Feed.read."""
        return b"" if self._halted else self._feed.read()

    def part_ended(self) -> None:
        """As Feed.part_ended."""
        self._feed.part_ended()

    def halt(self) -> None:
        """Nothing more will come; from any thread."""
        self._halted = True


class Backlog:
    """Takes what a pipe gives as it comes, in a thread of its own, and holds it for whoever reads more slowly."""

    def __init__(self, feed: Feed, most_bytes: int = MOST_BEHIND_BYTES) -> None:
        self.path: Path = feed.path
        self._feed = feed
        self._most_bytes = most_bytes
        self._pieces: deque[bytes] = deque()
        self._bytes = 0
        self._ended = self._halted = False
        self._failure: RecordingError | None = None
        self._changed = threading.Condition()
        self._thread = threading.Thread(target=self._take, name="stream", daemon=True)
        self._thread.start()

    def read(self) -> bytes | None:
        """As Feed.read."""
        with self._changed:
            if not self._pieces and not self._ended:
                self._changed.wait(WAIT_S)
            if self._pieces:
                data = self._pieces.popleft()
                self._bytes -= len(data)
                self._changed.notify_all()
                return data
            if self._failure:
                raise self._failure
            return b"" if self._ended else None

    def part_ended(self) -> None:
        """As Feed.part_ended."""

    def halt(self) -> None:
        """Take no more; from any thread. Nothing reads from the pipe then."""
        with self._changed:
            self._halted = self._ended = True
            self._changed.notify_all()
        self._thread.join()

    def _take(self) -> None:
        try:
            while not self._halted and (data := self._feed.read()) != b"":
                self._put(data)
        except RecordingError as error:
            self._failure = error
        with self._changed:
            self._ended = True
            self._changed.notify_all()

    def _put(self, data: bytes | None) -> None:
        if not data:
            return
        with self._changed:
            self._pieces.append(data)
            self._bytes += len(data)
            self._changed.notify_all()
            while self._bytes > self._most_bytes and not self._halted:
                self._changed.wait(WAIT_S)


class Copying:
    """A feed that writes a stream to a file as it comes, in a thread of its own, and gives what is in the file."""

    def __init__(self, feed: Feed, path: Path, *, force: bool) -> None:
        """Make the file. Raises TracerError."""
        self.path = path
        self._stream = feed
        self._halted = False
        self._failure: TracerError | None = None
        self._file = NewFile(path, force=force)
        self._file.start(b"")
        self._file.publish()
        self._thread = threading.Thread(target=self._copy, name="stream", daemon=True)
        self._written = FileFeed(path)
        self._thread.start()

    def read(self) -> bytes | None:
        """As Feed.read. Raises TracerError where the file could not be written: what came by then is in it."""
        data = self._written.read()
        if data == b"" and self._failure:
            raise self._failure
        return data

    def part_ended(self) -> None:
        """Files of a family may come one after the other."""

    def halt(self) -> None:
        """Copy no more; the file is closed then, which ends the feed. From any thread."""
        self._halted = True
        self._thread.join()

    def _copy(self) -> None:
        offset = 0
        try:
            while not self._halted and (data := self._stream.read()) != b"":
                write_at(self._file.descriptor, data or b"", offset)
                offset += len(data or b"")
        except RecordingError as error:
            self._failure = error
        except OSError as error:
            self._failure = TracerError(f"{shown(self.path)}: no longer written: {error.strerror}")
        finally:
            self._file.close()


def first_identity(path: Path, *, rotated: bool) -> FileIdentity | None:
    """Which file has the name that a recording's first file gets; None where none has."""
    try:
        return FileIdentity.of((part_path(path, 1) if rotated else path).stat())
    except OSError:
        return None


def await_file(
    path: Path,
    before: FileIdentity | None,
    has_ended: Callable[[], bool],
    *,
    rotated: bool,
    wanted: Callable[[], bool],
) -> Feed | None:
    """The file that a recorder makes, once it has its name: another than was there `before`.

    None where the recorder `has_ended` first, or it is not `wanted` any more.
    """
    while wanted():
        is_last = has_ended()
        if (there := first_identity(path, rotated=rotated)) is not None and there != before:
            return feed_of(path)
        if is_last:
            return None
        time.sleep(WAIT_S / 2)
    return None
