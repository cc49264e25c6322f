"""A small recording of a synthetic stream: direct reclaim, two OOM leaks that come back, a kill."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from streams import (
    BALLOON_OOM,
    BALLOON_WORK,
    METADATA,
    MS,
    SECOND,
    SUPER_CACHE_SCAN,
    SYMBOLS,
    Records,
    counters,
    event,
    records,
)

from tracer.batch import LostStretch
from tracer.store import Writer

START_NS = 1000 * SECOND
LEAKS_MS = (1000, 2500)
HOSTILE_COMM = "hog\x1b[31m"
LENGTH_S = 5.0
META = replace(METADATA, start_ns=START_NS, start_utc_ns=1_700_000_000 * SECOND, host="vm1", kernel_release="6.12.1")


def _reclaim(start_ns: int) -> list[Records]:
    shrinker = {"tid": 100, "comm": HOSTILE_COMM, "shrink": SUPER_CACHE_SCAN, "shr": 1}
    return [
        event(start_ns, "direct_reclaim_begin", 100, HOSTILE_COMM),
        event(start_ns + MS, "shrink_slab_start", **shrinker, cache_items=1000, total_scan=500, priority=12),
        event(start_ns + 2 * MS, "shrink_slab_end", **shrinker, total_scan=400, retval=50),
        event(
            start_ns + 3 * MS, "lru_shrink_inactive", 100, HOSTILE_COMM, nr_reclaimed=32, reclaim_flags=2, priority=12
        ),
        event(start_ns + 10 * MS, "direct_reclaim_end", 100, HOSTILE_COMM, nr_reclaimed=40),
    ]


def _leak_and_return(start_ns: int) -> list[Records]:
    worker = {"tid": 9, "comm": "kworker/0:1", "function": BALLOON_WORK}
    return [
        event(start_ns, "oom_notifier_run", 500, "java", cb=BALLOON_OOM),
        event(start_ns + 2 * MS, "direct_reclaim_begin", 500, "java"),
        event(start_ns + 3 * MS, "direct_reclaim_end", 500, "java"),
        event(start_ns + 300 * MS, "balloon_work_begin", **worker),
        event(start_ns + 520 * MS, "balloon_work_end", **worker),
    ]


def write_recording(path: Path, lost: int = 0, notes: Mapping[str, Any] | None = None) -> Path:
    """Write it; `lost` events are said to be lost in its third second."""
    events = [one for start in range(0, 4900, 50) for one in _reclaim(START_NS + start * MS)]
    events += [one for start in LEAKS_MS for one in _leak_and_return(START_NS + start * MS)]
    events.append(event(START_NS + 4500 * MS, "mark_victim", 100, HOSTILE_COMM, pid=77, victim_comm=b"java"))
    stream = records(*events)
    times = range(0, int(LENGTH_S * 1000), 50)
    leaked = [sum(256 for leak in LEAKS_MS if at > leak) for at in times]
    returned = [sum(256 for leak in LEAKS_MS if at > leak + 510) for at in times]
    rows = [
        (START_NS + at * MS, 9000 + back, 5000 + out) for at, out, back in zip(times, leaked, returned, strict=True)
    ]
    writer = Writer(path, META)
    writer.write_symbols(SYMBOLS)
    writer.write_events(stream[np.argsort(stream["time_ns"], kind="stable")])
    writer.write_samples(counters(rows))
    if lost:
        writer.write_lost(LostStretch(START_NS + 2 * SECOND, START_NS + 3 * SECOND, {"shrink_slab_start": lost}))
    for key, value in (notes or {}).items():
        writer.write_note(key, value)
    writer.close()
    return path
