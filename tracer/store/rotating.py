"""A recording in several files, each of which opens on its own."""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import numpy.typing as npt

from ..batch import LostStretch, Samples
from ..errors import TracerError, shown
from ..metadata import Metadata
from .event_columns import EventEncoder
from .format import BLOCK_EVENTS, JSON
from .note_keys import PART_NOTE
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
    """The files of a recording in several that are there, by their number and in its order.

    By the very names that `part_path` gives: another spelling of a number is another file, and hides none.
    """
    name = re.compile(rf"{re.escape(path.stem)}\.((?!0000)[0-9]{{4}}|[1-9][0-9]{{4,}}){re.escape(path.suffix)}")
    try:
        found = {int(match[1]): file for file in path.parent.iterdir() if (match := name.fullmatch(file.name))}
    except OSError:
        return {}
    return dict(sorted(found.items()))


class RotatingWriter:
    """Writes blocks into one file after the other; events of one block are never torn apart and none is left out.

    Each file begins with the same description, of which only the start's times move on, and holds all symbols and notes
    so far, so that it needs no other file.
    """

    def __init__(
        self, path: Path, metadata: Metadata, rotation: Rotation, *, force: bool = False, fsync: Fsync = Fsync.CLOSE
    ) -> None:
        """Create the first file; with `force` all files of that name are replaced. Raises TracerError."""
        self._path = path
        self._metadata = metadata
        self._rotation = rotation
        self._force, self._fsync = force, fsync
        self._encoder = EventEncoder(BLOCK_EVENTS)
        self._number = 0
        self._parts: deque[Path] = deque()
        self._symbols: dict[int, str] = {}
        self._notes: dict[str, JSON] = {}
        self._earlier_bytes = self._earlier_events = 0
        self._writer = self._next(metadata.start_ns)
        for number, older in find_parts(path).items() if force else ():
            if number > 1:
                self._remove(older)

    @property
    def parts(self) -> tuple[Path, ...]:
        """The files there are now, oldest first."""
        return tuple(self._parts)

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
        self._writer.close()

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
            self._remove(self._parts.popleft())

    def _next(self, start_ns: int, events_before: int = 0) -> Writer:
        self._number += 1
        path = part_path(self._path, self._number)
        later_ns = start_ns - self._metadata.start_ns
        metadata = replace(self._metadata, start_ns=start_ns, start_utc_ns=self._metadata.start_utc_ns + later_ns)
        writer = Writer(
            path,
            metadata,
            force=self._force,
            fsync=self._fsync,
            encoder=self._encoder,
            events_before=events_before,
        )
        self._parts.append(path)
        writer.write_symbols(self._symbols)
        for key, value in {**self._notes, PART_NOTE: self._number}.items():
            writer.write_note(key, value)
        return writer

    @staticmethod
    def _remove(path: Path) -> None:
        try:
            path.unlink(missing_ok=True)
        except OSError as error:
            raise TracerError(f"{shown(path)}: recording stopped: can't remove it: {error.strerror}") from error
