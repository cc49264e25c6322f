"""`--samples`: counters read in the guest beside the trace, as lines of JSON."""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from typing import Final

from ..errors import RecordingError, shown
from .clocks import Offset, by_matching
from .sides import Readings, Record, nanoseconds, read_records, readings, whole
from .survey import Survey

_KIB: Final = 1024
_IDLE_NS: Final = 1_000_000_000
_MOVED: Final = ("vmstat.balloon_inflate", "vmstat.balloon_deflate")


@dataclass
class GuestSamples:
    """Counters with the guest's CLOCK_MONOTONIC; `wall_ns` is a wall clock's reading minus that clock's."""

    readings: Readings
    interval_s: float
    wall_ns: int | None = None
    memory_total_bytes: int = 0
    moves: list[int] = field(default_factory=list)

    def offset(self, survey: Survey) -> Offset:
        """How to put them on the trace's clock; 0 where both clocks tell the same times."""
        first_ns, last_ns = min(self.readings.times), max(self.readings.times)
        if first_ns <= survey.last_ns and last_ns >= survey.first_ns:
            return Offset(0, 0, "the trace's clock is the guest's")
        found = by_matching(self.moves, survey.work_starts, None, "beginnings of balloon movement")
        if found is None:
            raise RecordingError(
                f"the samples ({first_ns / 1e9:.1f}-{last_ns / 1e9:.1f} s) and the trace ({survey.first_ns / 1e9:.1f}-"
                f"{survey.last_ns / 1e9:.1f} s) have no time in common, and the balloon moved too little to match them"
            )
        interval_ns = round(self.interval_s * 1e9)
        return Offset(found.ns, found.uncertainty_ns + interval_ns, found.method)


def read_guest_samples(path: Path) -> GuestSamples:
    """`{"mono": s, "vmstat": {...}, "meminfo_kb": {...}, "psi": {...}}` a line. Raises RecordingError."""
    times: list[int] = []
    rows: list[dict[str, int]] = []
    wall_ns = None
    for record in read_records(path):
        time_ns, row = nanoseconds(record.get("mono")), _row(record)
        if time_ns is None or not row:
            continue
        times.append(time_ns)
        rows.append(row)
        real_ns = nanoseconds(record.get("real"))
        wall_ns = real_ns - time_ns if wall_ns is None and real_ns is not None else wall_ns
    if not times:
        raise RecordingError(f'{shown(path)}: has no line with "mono" and "vmstat" or "meminfo_kb"')
    steps = sorted(later - earlier for earlier, later in pairwise(times))
    return GuestSamples(
        readings=readings(times, rows),
        interval_s=steps[len(steps) // 2] / 1e9 if steps else 0.0,
        wall_ns=wall_ns,
        memory_total_bytes=max(rows[0].get("meminfo.MemTotal_bytes", 0), 0),
        moves=_moves(times, rows),
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
            if value is not None:
                row[form.format(name)] = value
    return row


def _moves(times: list[int], rows: list[dict[str, int]]) -> list[int]:
    """Times just before the balloon's counters began to grow after a second of rest."""
    moves, last_ns = [], -_IDLE_NS
    before = None
    for index, row in enumerate(rows):
        moved = sum(row.get(name, 0) for name in _MOVED)
        if before is not None and moved != before:
            if times[index] - last_ns >= _IDLE_NS:
                moves.append(times[index - 1])
            last_ns = times[index]
        before = moved
    return moves
