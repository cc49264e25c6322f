"""A synthetic recording of as many findings as are asked for: every half second the balloon leaks and inflates again in
a conflict with reclaim, and a task is killed. Recorded nowhere."""

from __future__ import annotations

from pathlib import Path
from typing import Final

import numpy as np

from tracer.batch import Samples
from tracer.metadata import BalloonInfo, Metadata, PlanRow, SourceState
from tracer.schema import EVENT_DTYPE
from tracer.store import Writer

from .synthetic_recording import START_NS, Records, fill

FINDINGS_A_TURN: Final = 2
"""A conflict and a kill; cycles become one storm."""

_TURN_NS, _MS = 500_000_000, 1_000_000
_CHUNK: Final = 1000
"""Turns that are made at once."""
_WORK, _SHRINKER = 0xFFFF_FFFF_8101_0000, 0xFFFF_FFFF_8102_0000
_SYMBOLS = {_WORK: "update_balloon_size_func", _SHRINKER: "virtio_balloon_shrinker_scan"}
_NAMES = ("vmstat.balloon_inflate", "vmstat.balloon_deflate", "vmstat.workingset_refault_file", "meminfo.MemFree_bytes")
_LEAKED_PAGES = 256
_EVENTS: Final = (
    (0, 91, b"hog", "direct_reclaim_begin", {}),
    (1, 91, b"hog", "shrink_slab_start", {"shrink": _SHRINKER, "total_scan": 128, "cache_items": 1000, "priority": 12}),
    (2, 91, b"hog", "shrink_slab_end", {"shrink": _SHRINKER, "retval": _LEAKED_PAGES}),
    (3, 91, b"hog", "direct_reclaim_end", {"nr_reclaimed": 32}),
    (5, 91, b"hog", "mark_victim", {"pid": 91}),
    (10, 90, b"kworker/0:2", "balloon_work_begin", {"work": 1, "function": _WORK}),
    (20, 90, b"kworker/0:2", "direct_reclaim_begin", {}),
    (30, 90, b"kworker/0:2", "direct_reclaim_end", {"nr_reclaimed": 10}),
    (100, 90, b"kworker/0:2", "balloon_work_end", {"work": 1, "function": _WORK}),
)
"""Of one turn: ms, thread, comm, kind and arguments."""


def write_findings(path: Path, findings: int) -> int:
    """Write a recording of about so many; returns how many events it has."""
    plan = tuple(PlanRow(kind, "synthetic", SourceState.USED) for *_, kind, _ in _EVENTS)
    metadata = Metadata(start_ns=START_NS, cpus=2, balloon=BalloonInfo("virtio_balloon", "virtio0"), plan=plan)
    writer = Writer(path, metadata)
    writer.write_symbols(_SYMBOLS)
    turns = findings // FINDINGS_A_TURN
    for first in range(0, turns, _CHUNK):
        numbers = np.arange(first, min(turns, first + _CHUNK))
        writer.write_events(_records(numbers))
        writer.write_samples(_samples(numbers))
    writer.close()
    return writer.events_written


def _records(turns: np.ndarray[tuple[int], np.dtype[np.int64]]) -> Records:
    each = len(_EVENTS)
    records = np.zeros(len(turns) * each, EVENT_DTYPE)
    for place, (at_ms, tid, comm, kind, values) in enumerate(_EVENTS):
        rows = np.arange(len(turns)) * each + place
        records["time_ns"][rows] = START_NS + turns * _TURN_NS + at_ms * _MS
        records["tid"][rows] = records["tgid"][rows] = tid
        records["comm"][rows] = comm
        fill(records, rows, kind, **values)
    return records


def _samples(turns: np.ndarray[tuple[int], np.dtype[np.int64]]) -> Samples:
    moved = (turns + 1) * _LEAKED_PAGES
    values = np.stack([1000 + moved, moved, turns * 100, np.full(len(turns), 2**28)], axis=1)
    return Samples(START_NS + turns * _TURN_NS + 200 * _MS, _NAMES, values)
