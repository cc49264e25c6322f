"""Where a recording goes, and how."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from ..buffer_sizes import MOST_QUEUE_BYTES, block_events
from ..errors import TracerError, UsageError, shown
from ..metadata import Metadata
from ..output_stream import OutputStream
from ..outputs import FileIdentity
from ..store import BackgroundWriter, Fsync, RotatingWriter, Rotation, Writer, check_output
from ..store.event_columns import EventEncoder
from ..store.rotating import find_parts, part_path


@dataclass(frozen=True)
class Output:
    """One file, or with `rotation` several, or a `stream`; `queue_bytes` is the memory for events that are not written
    yet."""

    path: Path
    force: bool = False
    fsync: Fsync = Fsync.CLOSE
    rotation: Rotation | None = None
    queue_bytes: int = MOST_QUEUE_BYTES
    stream: OutputStream | None = None

    def check(self) -> None:
        """Try whether it can be written. Raises TracerError."""
        if self.stream:
            return
        first = part_path(self.path, 1) if self.rotation else self.path
        parts = find_parts(self.path)
        if parts and not self.rotation and not self.force:
            example = shown(next(iter(parts.values())))
            raise TracerError(
                f"{shown(self.path)}: {example} belongs to a recording of that name in several files, "
                "which this one would hide; choose another path with -o or overwrite with --force"
            )
        for path in (first, *(parts.values() if self.rotation else ())):
            check_output(path, force=self.force)

    def open(self, metadata: Metadata) -> OpenOutput:
        """Create the first file. Raises TracerError."""
        encoder = EventEncoder(block_events(self.queue_bytes))
        if self.rotation is None:
            writer = Writer(
                self.path, metadata, force=self.force, fsync=self.fsync, encoder=encoder, stream=self.stream
            )
            return OpenOutput(writer, self)
        parts = RotatingWriter(self.path, metadata, self.rotation, force=self.force, fsync=self.fsync, encoder=encoder)
        return OpenOutput(parts, self)


class OpenOutput(BackgroundWriter):
    """A recording being written; `files` are those there are now, oldest first."""

    def __init__(self, writer: Writer | RotatingWriter, output: Output) -> None:
        super().__init__(writer, output.queue_bytes)
        self._output = output
        self._target = writer
        self._told = 0

    @property
    def files(self) -> tuple[Path, ...]:
        """The files there are now, oldest first."""
        return tuple(self.identities)

    @property
    def identities(self) -> Mapping[Path, FileIdentity]:
        """Which files these are."""
        if isinstance(self._target, RotatingWriter):
            return self._target.identities
        return {self._output.path: self._target.identity}

    def close(self) -> None:
        """As `BackgroundWriter.close`; a stream's reader that takes nothing is waited for some seconds only."""
        if self._output.stream:
            self._output.stream.hurry()
        super().close()

    def newly_skipped(self) -> tuple[Path, ...]:
        """Names that something else had when a file was to get them, which were not told before."""
        skipped = self._target.skipped if isinstance(self._target, RotatingWriter) else ()
        told, self._told = self._told, len(skipped)
        return skipped[told:]


def rotation_of(part_bytes: int | None, keep: int | None) -> Rotation | None:
    """What `--rotate` and `--keep` ask for. Raises UsageError for a `--keep` alone."""
    if part_bytes is None and keep is not None:
        raise UsageError("--keep needs --rotate: it limits the number of files")
    return None if part_bytes is None else Rotation(part_bytes, keep)
