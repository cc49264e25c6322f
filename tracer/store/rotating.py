"""A recording in several files, each of which opens on its own."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import numpy.typing as npt

from ..batch import LostStretch, Samples
from ..errors import TracerError, shown
from ..metadata import Metadata
from ..outputs import FileIdentity, NameTakenError, hold_folder_of
from .event_columns import EventEncoder
from .format import BLOCK_EVENTS, JSON
from .note_keys import MOST_SKIPPED_PARTS, PART_NOTE, SKIPPED_PARTS_NOTE
from .writer import Fsync, Writer


@dataclass(frozen=True)
class Rotation:
    """A new file once one has reached `part_bytes`; only the newest `keep` files stay, all of them without it."""

    part_bytes: int
    keep: int | None = None


def part_path(path: Path, number: int) -> Path:
    """`x.0001.rtrace` for the first part of `x.rtrace`."""
    return path.with_name(f"{path.stem}.{number:04}{path.suffix}")


def find_parts(path: Path) -> dict[int, Path]:
    """The files of a recording in several that are there, by their number and in its order."""
    try:
        return parts_among(path, os.listdir(path.parent))  # noqa: PTH208 - names are wanted
    except OSError:
        return {}


def parts_among(path: Path, names: Iterable[str]) -> dict[int, Path]:
    """Those of a directory's names that are of a recording in several, by their number and in its order.

    By the very names that `part_path` gives: another spelling of a number is another file, and hides none.
    """
    name = re.compile(rf"{re.escape(path.stem)}\.((?!0000)[0-9]{{4}}|[1-9][0-9]{{4,}}){re.escape(path.suffix)}")
    found = {int(match[1]): path.with_name(match[0]) for match in map(name.fullmatch, names) if match}
    return dict(sorted(found.items()))


class RotatingWriter:
    """Writes blocks into one file after the other; events of one block are never torn apart and none is left out.

    Each file begins with the same description, of which only the start's times move on, and holds all symbols and notes
    so far, so that it needs no other file. All are made, named and removed in one directory, which is held: whoever may
    rename it, or what leads to it, leads nobody elsewhere. A later file whose name is taken gets the next free number.
    """

    def __init__(
        self,
        path: Path,
        metadata: Metadata,
        rotation: Rotation,
        *,
        force: bool = False,
        fsync: Fsync = Fsync.CLOSE,
        encoder: EventEncoder | None = None,
    ) -> None:
        """Create the first file; with `force` all files of that name are replaced. Raises TracerError."""
        self._path = path
        self._metadata = metadata
        self._rotation = rotation
        self._force, self._fsync = force, fsync
        self._encoder = encoder or EventEncoder(BLOCK_EVENTS)
        self._number = 0
        self._parts: dict[Path, FileIdentity] = {}
        self._skipped: list[int] = []
        self._symbols: dict[int, str] = {}
        self._cgroups: dict[int, str] = {}
        self._notes: dict[str, JSON] = {}
        self._earlier_bytes = self._earlier_events = 0
        self._folder: int | None = hold_folder_of(path)
        try:
            self._writer = self._next(metadata.start_ns)
            if force:
                self._remove_older()
        except BaseException:
            self._release_folder()
            raise

    @property
    def parts(self) -> tuple[Path, ...]:
        """The files there are now, oldest first."""
        return tuple(self._parts)

    @property
    def identities(self) -> Mapping[Path, FileIdentity]:
        """Which files these are."""
        return dict(self._parts)

    @property
    def skipped(self) -> tuple[Path, ...]:
        """Names that no file of it got, because something else had them."""
        return tuple(part_path(self._path, number) for number in self._skipped)

    @property
    def buffer_bytes(self) -> int:
        """As `Writer.buffer_bytes`."""
        return self._encoder.buffer_bytes

    @property
    def bytes_written(self) -> int:
        """Bytes in all files, also those that were removed."""
        return self._earlier_bytes + self._writer.bytes_written

    @property
    def events_written(self) -> int:
        """Events in all files, also those that were removed."""
        return self._earlier_events + self._writer.events_written

    def write_block(self, records: npt.NDArray[np.void]) -> None:
        """As `Writer.write_block`."""
        self._rotate(lambda: int(records["time_ns"].min()))
        self._writer.write_block(records)

    def write_samples(self, samples: Samples) -> None:
        """As `Writer.write_samples`."""
        self._rotate(lambda: int(samples.time_ns.min()))
        self._writer.write_samples(samples)

    def write_symbols(self, symbols: Mapping[int, str]) -> None:
        """As `Writer.write_symbols`; they are repeated in every later file."""
        self._symbols.update(symbols)
        self._writer.write_symbols(symbols)

    def write_cgroups(self, paths: Mapping[int, str]) -> None:
        """As `Writer.write_cgroups`; they are repeated in every later file."""
        self._cgroups.update(paths)
        self._writer.write_cgroups(paths)

    def write_lost(self, stretch: LostStretch) -> None:
        """As `Writer.write_lost`."""
        self._writer.write_lost(stretch)

    def write_note(self, key: str, value: JSON) -> None:
        """As `Writer.write_note`; repeated in every later file."""
        self._writer.write_note(key, value)
        self._notes[key] = value

    def flush(self) -> None:
        """As `Writer.flush`."""
        self._writer.flush()

    def close(self) -> None:
        """As `Writer.close`."""
        try:
            self._writer.close()
        finally:
            self._release_folder()

    def _rotate(self, starts_ns: Callable[[], int]) -> None:
        """Begin the next file, if this one is full and whole."""
        if self._writer.bytes_written < self._rotation.part_bytes or not self._writer.is_open:
            return
        start_ns = starts_ns()
        full = self._writer
        full.close()
        self._writer = self._next(start_ns, self.events_written)
        self._earlier_bytes += full.bytes_written
        self._earlier_events += full.events_written
        while self._rotation.keep and len(self._parts) > self._rotation.keep:
            oldest = next(iter(self._parts))
            self._remove(oldest, self._parts.pop(oldest))

    def _next(self, start_ns: int, events_before: int = 0) -> Writer:
        later_ns = start_ns - self._metadata.start_ns
        metadata = replace(self._metadata, start_ns=start_ns, start_utc_ns=self._metadata.start_utc_ns + later_ns)
        path, writer = self._made(metadata, events_before)
        self._parts[path] = writer.identity
        writer.write_symbols(self._symbols)
        writer.write_cgroups(self._cgroups)
        skipped: dict[str, JSON] = {SKIPPED_PARTS_NOTE: [*self._skipped]} if self._skipped else {}
        for key, value in {**self._notes, PART_NOTE: self._number, **skipped}.items():
            writer.write_note(key, value)
        if skipped:
            # At once: without it a reader takes what has the name for one of the recording's files.
            writer.flush()
        return writer

    def _made(self, metadata: Metadata, events_before: int) -> tuple[Path, Writer]:
        """The file of the next number whose name is free; the first one's has to be."""
        while True:
            self._number += 1
            path = part_path(self._path, self._number)
            try:
                return path, Writer(
                    path,
                    metadata,
                    force=self._force,
                    fsync=self._fsync,
                    encoder=self._encoder,
                    events_before=events_before,
                    folder=self._folder,
                )
            except NameTakenError as error:
                if self._number == 1:
                    raise
                self._skip(error, events_before)

    def _skip(self, error: NameTakenError, events_before: int) -> None:
        """Raises TracerError where too many names were taken already."""
        if len(self._skipped) == MOST_SKIPPED_PARTS:
            kept = f"kept the first {events_before:,} events"
            reason = f"{MOST_SKIPPED_PARTS:,} file names were already taken"
            raise TracerError(f"{error}; recording stopped, {reason}; {kept}") from error
        self._skipped.append(self._number)

    def _remove_older(self) -> None:
        """Files that an earlier recording of that name has left."""
        for number, path in parts_among(self._path, os.listdir(self._folder)).items():  # noqa: PTH208 - of a descriptor
            if number > 1:
                self._remove(path)

    def _release_folder(self) -> None:
        folder, self._folder = self._folder, None
        if folder is not None:
            os.close(folder)

    def _remove(self, path: Path, identity: FileIdentity | None = None) -> None:
        """Of a file with an `identity` only that one: what somebody has put in its place stays."""
        try:
            there = os.stat(path.name, dir_fd=self._folder, follow_symlinks=False)
            if identity in (None, FileIdentity.of(there)):
                os.unlink(path.name, dir_fd=self._folder)
        except FileNotFoundError:
            return
        except OSError as error:
            raise TracerError(f"{shown(path)}: recording stopped: can't remove it: {error.strerror}") from error
