"""Side files: one JSON object a line."""

from __future__ import annotations

import json
from array import array
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from ..batch import Samples
from ..errors import RecordingError, shown
from ..schema import SAMPLE_NULL
from ..store.contents import SAMPLE_NAMES
from ..store.format import MOST_NS
from .lines import MOST_LINE_BYTES
from .sources import open_side_file

MOST_COLUMNS: Final = SAMPLE_NAMES.most - 3
"""Counters of a file; the three sizes that a host's log tells go beside them."""
MOST_CELLS: Final = 1 << 24
"""Numbers of a file: 128 MiB, of 250 counters a second for 18 hours."""
_NS: Final = 1_000_000_000

Record = Mapping[str, Any]


def read_records(path: Path) -> Iterator[Record]:
    """The objects of a file of JSON lines, plain, gzip or zstd.

    Raises RecordingError where the file can't be read or a line that is not the last is no object.
    """
    source = open_side_file(path)
    try:
        broken, number = 0, 0
        for lines in source.chunks():
            if source.long_lines:
                raise RecordingError(
                    f"{shown(path)}: has a line longer than {MOST_LINE_BYTES >> 10} KiB: not a sample or event"
                )
            for line in lines:
                number += 1
                if not line.strip():
                    continue
                if broken:
                    raise RecordingError(f"{shown(path)}: line {broken} is not a JSON object")
                record = _parse(line)
                if record is None:
                    broken = number
                else:
                    yield record
    finally:
        source.close()


def _parse(line: str) -> Record | None:
    try:
        record = json.loads(line)
    except (ValueError, RecursionError):
        return None
    return record if isinstance(record, dict) else None


def nanoseconds(seconds: object) -> int | None:
    """Seconds as JSON has them, in ns; None for anything that is no sensible time."""
    if isinstance(seconds, bool) or not isinstance(seconds, int | float) or not 0 <= seconds < 4e9:
        return None
    return round(seconds * _NS)


@dataclass(frozen=True)
class Readings:
    """Counters read at several times; a row for each time, SAMPLE_NULL where one was not read."""

    times: npt.NDArray[np.int64]
    names: tuple[str, ...]
    values: npt.NDArray[np.int64]

    def samples(self, offset_ns: int, first_ns: int, last_ns: int, *, lasting: bool = False) -> tuple[Samples, int]:
        """As samples on the trace's clock, and how many were left out.

        Those before the trace's first event are left out, and after its last event all but the next one. Where what was
        read lasts until it is read again, the last one before the first event is taken as of that event.
        """
        time_ns = self.times + offset_ns
        order = np.argsort(time_ns, kind="stable")
        start = int(np.searchsorted(time_ns[order], first_ns, side="left"))
        if lasting and start:
            start -= 1
            time_ns[order[start]] = first_ns
        stop = int(np.searchsorted(time_ns[order], last_ns, side="left")) + 1
        kept = order[start:stop]
        kept = kept[time_ns[kept] <= MOST_NS]
        return Samples(time_ns[kept], self.names, self.values[kept]), len(time_ns) - len(kept)


class ReadingTable:
    """The readings of a file, one after another.

    `names_left_out` are counters beyond those that a recording has room for.
    """

    def __init__(self, path: Path, most_cells: int = MOST_CELLS) -> None:
        self._path = path
        self.names_left_out: set[str] = set()
        self._most_cells = most_cells
        self._names: dict[str, int] = {}
        self._times = array("q")
        self._columns = array("H")
        self._values = array("q")
        self._sizes = array("H")

    def __len__(self) -> int:
        """Readings."""
        return len(self._times)

    @property
    def times(self) -> npt.NDArray[np.int64]:
        """When they were read, in ns."""
        return np.array(self._times, np.int64)

    def add(self, time_ns: int, row: Mapping[str, int]) -> None:
        """A reading of these counters. Raises RecordingError where all are too many to be held in memory."""
        before = len(self._values)
        for name, value in row.items():
            column = self._names.get(name)
            if column is None:
                if len(self._names) >= MOST_COLUMNS:
                    self._leave_out(name)
                    continue
                column = self._names[name] = len(self._names)
            self._columns.append(column)
            self._values.append(value)
        self._times.append(time_ns)
        self._sizes.append(len(self._values) - before)
        if len(self._times) * len(self._names) > self._most_cells:
            raise RecordingError(
                f"{shown(self._path)}: {len(self._times):,} readings of {len(self._names):,} counters are more than "
                f"{self._most_cells:,} numbers, the limit of what fits in memory; give fewer readings or counters"
            )

    def readings(self) -> Readings:
        """All of them."""
        rows = len(self._times)
        values = np.full((rows, len(self._names)), SAMPLE_NULL, np.int64)
        values[np.repeat(np.arange(rows), self._sizes), np.array(self._columns, np.intp)] = self._values
        return Readings(self.times, tuple(self._names), values)

    def _leave_out(self, name: str) -> None:
        if len(self.names_left_out) < MOST_COLUMNS:
            self.names_left_out.add(name)


def whole(number: object, scale: int = 1) -> int | None:
    """A number from JSON times `scale`, as an int64; None for anything else."""
    if isinstance(number, bool) or not isinstance(number, int | float):
        return None
    try:
        value = round(number * scale)
    except (OverflowError, ValueError):
        return None
    return value if abs(value) < 1 << 63 else None
