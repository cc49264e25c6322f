"""`--samples`: counters read in the guest beside the trace, as lines of JSON."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import numpy as np

from ..balloon_counters import INFLATED, LEAKED
from ..errors import RecordingError, shown
from ..store.contents import SAMPLE_NAME
from .clocks import Offset, by_matching
from .sides import Readings, ReadingTable, Record, nanoseconds, read_records, whole
from .survey import Survey

_KIB: Final = 1024
_MOST_NAME: Final = SAMPLE_NAME.most - 32
"""Characters of a counter's name, to which `meminfo.` and the like are added; no counter's is longer."""
_MOST_MEMORY_BYTES: Final = 1 << 62
_IDLE_NS: Final = 1_000_000_000


@dataclass
class GuestSamples:
    """Counters with the guest's CLOCK_MONOTONIC; `wall_ns` is a wall clock's reading minus that clock's."""

    readings: Readings
    interval_s: float
    wall_ns: int | None = None
    memory_total_bytes: int = 0
    moves: list[int] = field(default_factory=list)
    names_left_out: int = 0
    """Counters that a recording has no room for."""

    def offset(self, survey: Survey) -> Offset:
        """How to put them on the trace's clock; 0 where both clocks tell the same times."""
        first_ns, last_ns = int(self.readings.times.min()), int(self.readings.times.max())
        if first_ns <= survey.last_ns and last_ns >= survey.first_ns:
            return Offset(0, 0, "the trace's clock is the guest's")
        found = by_matching(self.moves, survey.work_starts, None, "beginnings of balloon movement")
        if found is None:
            raise RecordingError(
                f"the samples ({first_ns / 1e9:.1f}-{last_ns / 1e9:.1f} s) and the trace ({survey.first_ns / 1e9:.1f}-"
                f"{survey.last_ns / 1e9:.1f} s) do not overlap in time, and the balloon moved too little to match them"
            )
        interval_ns = round(self.interval_s * 1e9)
        return Offset(found.ns, found.uncertainty_ns + interval_ns, found.method)


def read_guest_samples(path: Path) -> GuestSamples:
    """`{"mono": s, "vmstat": {...}, "meminfo_kb": {...}, "psi": {...}}` a line. Raises RecordingError."""
    table, moves = ReadingTable(path), _Moves()
    wall_ns, memory_total = None, 0
    for record in read_records(path):
        time_ns, row = nanoseconds(record.get("mono")), _row(record)
        if time_ns is None or not row:
            continue
        if not len(table):
            memory_total = row.get("meminfo.MemTotal_bytes", 0)
        table.add(time_ns, row)
        moves.take(time_ns, row)
        real_ns = nanoseconds(record.get("real"))
        wall_ns = real_ns - time_ns if wall_ns is None and real_ns is not None else wall_ns
    if not len(table):
        raise RecordingError(f'{shown(path)}: has no line with "mono" and "vmstat" or "meminfo_kb"')
    steps = np.sort(np.diff(table.times))
    return GuestSamples(
        readings=table.readings(),
        interval_s=abs(float(steps[len(steps) // 2])) / 1e9 if len(steps) else 0.0,
        wall_ns=wall_ns,
        memory_total_bytes=memory_total if 0 <= memory_total < _MOST_MEMORY_BYTES else 0,
        moves=moves.times,
        names_left_out=len(table.names_left_out),
    )


def _row(record: Record) -> dict[str, int]:
    row: dict[str, int] = {}
    for key, form, scale in (
        ("vmstat", "vmstat.{}", 1),
        ("meminfo_kb", "meminfo.{}_bytes", _KIB),
        ("psi", "psi.{}", 1),
    ):
        part = record.get(key)
        for name, number in part.items() if isinstance(part, dict) else ():
            value = whole(number, scale)
            if value is not None and len(name) <= _MOST_NAME:
                row[form.format(name)] = value
    return row


class _Moves:
    """Times just before the balloon's counters began to grow after a second of rest."""

    def __init__(self) -> None:
        self.times: list[int] = []
        self._moved: int | None = None
        self._read_ns = 0
        self._last_ns = -_IDLE_NS

    def take(self, time_ns: int, row: Mapping[str, int]) -> None:
        """The next reading."""
        moved = sum(row.get(name, 0) for name in (INFLATED, LEAKED))
        if self._moved is not None and moved != self._moved:
            if time_ns - self._last_ns >= _IDLE_NS:
                self.times.append(self._read_ns)
            self._last_ns = time_ns
        self._moved, self._read_ns = moved, time_ns
