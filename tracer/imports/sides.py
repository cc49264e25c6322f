"""Side files: one JSON object a line."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np

from ..batch import Samples
from ..errors import RecordingError, shown
from ..schema import SAMPLE_NULL
from .sources import open_side_file

MOST_COLUMNS: Final = 2000
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
            for line in lines:
                number += 1
                if not line.strip():
                    continue
                if broken:
                    raise RecordingError(f"{shown(path)}: line {broken} is no JSON object")
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
    if isinstance(seconds, bool) or not isinstance(seconds, int | float) or not 0 <= seconds < 9e9:
        return None
    return round(seconds * _NS)


@dataclass(frozen=True)
class Readings:
    """Counters read at several times; a row for each time, SAMPLE_NULL where one was not read."""

    times: Sequence[int]
    names: tuple[str, ...]
    rows: Sequence[Sequence[int]]

    def samples(self, offset_ns: int, first_ns: int, last_ns: int) -> tuple[Samples, int]:
        """As samples on the trace's clock, and how many were left out.

        Those before the trace's first event are left out, and after its last event all but the next one.
        """
        time_ns = np.asarray(self.times, np.int64) + offset_ns
        values = np.asarray(self.rows, np.int64).reshape(len(time_ns), len(self.names))
        order = np.argsort(time_ns, kind="stable")
        start = int(np.searchsorted(time_ns[order], first_ns, side="left"))
        stop = int(np.searchsorted(time_ns[order], last_ns, side="left")) + 1
        kept = order[start:stop]
        return Samples(time_ns[kept], self.names, values[kept]), len(time_ns) - len(kept)


def readings(times: Sequence[int], rows: Sequence[Mapping[str, int]]) -> Readings:
    """Rows of whatever names, as one table; names in the order in which they first appear."""
    names = tuple(dict.fromkeys(name for row in rows for name in row))[:MOST_COLUMNS]
    return Readings(times, names, [[row.get(name, SAMPLE_NULL) for name in names] for row in rows])


def whole(number: object, scale: int = 1) -> int | None:
    """A number from JSON times `scale`, as an int64; None for anything else."""
    if isinstance(number, bool) or not isinstance(number, int | float):
        return None
    try:
        value = round(number * scale)
    except (OverflowError, ValueError):
        return None
    return value if abs(value) < 1 << 63 else None
