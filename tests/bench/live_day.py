"""A synthetic day of a guest short of memory again and again, as fast as it can be analysed: what a view's memory comes
to.

    python -m tests.bench.live_day [--hours 24] [--every-s 20] [--look-s 60] [--screen]

Every twenty seconds the OOM notifier takes pages from the balloon and its worker inflates again, with reclaim of many
tasks around it, for two seconds; counters are read four times a second all the time. With `--screen` each look is
drawn, at 120x40 on no terminal. Prints a line of JSON at each hour that is a power of two, and at the end.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Final, cast

import numpy as np

from tracer.analyze import Analysis, Engine, Options, Pieces
from tracer.batch import Batch, Samples
from tracer.freed_memory import GivingBack, share_one_heap
from tracer.jobs.remembering import Remembering
from tracer.live.observer import Observer
from tracer.metadata import BalloonInfo, Metadata
from tracer.recording_facts import RecordingFacts
from tracer.schema import EVENT_DTYPE

from .analysis import memory_bytes
from .synthetic_recording import Records, fill

if TYPE_CHECKING:
    from tracer.live.model import Snapshot
    from tracer.live.session import Session

CHUNK_NS = 250_000_000
START_NS = 10**12
_BURST_CHUNKS = 8
_TASKS = 12
_SIZE: Final = (120, 40)
"""Columns and lines."""
_TEXT = 0xFFFF_FFFF_8100_0000
_WORK, _NOTIFIER, _SHRINK = _TEXT + 0x10000, _TEXT + 0x20000, _TEXT + 0x400
SYMBOLS = {_WORK: "update_balloon_size_func", _NOTIFIER: "virtio_balloon_oom_notify", _SHRINK: "super_cache_scan"}
METADATA = Metadata(start_ns=START_NS, cpus=4, balloon=BalloonInfo("virtio_balloon", "virtio0"))
_RECLAIM: dict[str, dict[str, int]] = {
    "direct_reclaim_begin": {"gfp_flags": 0x140CCA},
    "shrink_slab_start": {"shrink": _SHRINK, "total_scan": 128, "cache_items": 4000, "priority": 12},
    "shrink_slab_end": {"shrink": _SHRINK, "retval": 60},
    "lru_shrink_inactive": {"nr_scanned": 32, "nr_reclaimed": 20, "priority": 12, "reclaim_flags": 2},
    "direct_reclaim_end": {"nr_reclaimed": 52},
}
_NAMES = (
    *("vmstat.balloon_inflate", "vmstat.balloon_deflate", "vmstat.workingset_refault_file"),
    *("meminfo.MemAvailable_bytes", "psi.memory.some_total_us", "psi.memory.full_total_us"),
)


@dataclass(frozen=True)
class Hour:
    """How it stands after so many hours: memory of the process, CPU time in all, what a look took last."""

    hours: float
    resident_bytes: int
    anonymous_bytes: int
    cpu_s: float
    look_s: float
    episodes: int
    findings: int
    events: int


def day(hours: float, every_s: float) -> Iterator[Batch | Samples]:
    """What is recorded, in quarters of a second; of each the reading comes last."""
    random = np.random.default_rng(1)
    every, active = round(every_s * 1e9 / CHUNK_NS), 0
    for number in range(round(hours * 3600e9 / CHUNK_NS)):
        begin_ns = START_NS + number * CHUNK_NS
        if number % every < _BURST_CHUNKS:
            active += 1
            yield Batch.from_records(_burst(begin_ns, number, random))
        at_ns = begin_ns + CHUNK_NS
        row = (active * 300, active * 256, active * 5000, 2**28 + active % 7, active * 40_000, active * 9000)
        yield Samples(np.array([at_ns]), _NAMES, np.array([row]))


def _burst(begin_ns: int, number: int, random: np.random.Generator) -> Records:
    """A quarter of a second of fight: tasks in direct reclaim, a notification, and a run of the balloon's worker."""
    records = np.zeros(_TASKS * len(_RECLAIM) + 4, EVENT_DTYPE)
    task = np.repeat(np.arange(_TASKS), len(_RECLAIM))
    inside = np.tile(np.arange(len(_RECLAIM)), _TASKS)
    starts = np.sort(random.integers(0, CHUNK_NS // 2, _TASKS))
    own = slice(0, len(task))
    records["time_ns"][own] = begin_ns + starts[task] + inside * 1_000_000
    records["tid"][own] = records["tgid"][own] = 1000 + (task + number) % 40
    records["comm"][own] = np.array([b"java", b"postgres", b"nginx: worker"])[task % 3]
    for at, (kind, values) in enumerate(_RECLAIM.items()):
        fill(records, np.flatnonzero(inside == at), kind, **values)
    rest = np.arange(len(task), len(records))
    records["time_ns"][rest] = begin_ns + np.array([150, 151, 200, 220]) * 1_000_000
    records["tid"][rest] = records["tgid"][rest] = [91, 91, 90, 90]
    records["comm"][rest] = [b"hog", b"hog", b"kworker/0:2", b"kworker/0:2"]
    fill(records, rest[:1], "oom_notifier_run", cb=_NOTIFIER)
    fill(records, rest[1:2], "reclaim_retry_zone", no_progress_loops=3)
    fill(records, rest[2:3], "balloon_work_begin", work=1, function=_WORK)
    fill(records, rest[3:4], "balloon_work_end", work=1, function=_WORK)
    return records[np.argsort(records["time_ns"], kind="stable")]


def looks(length: float, every_s: float, look_s: float) -> Iterator[tuple[Snapshot, Hour | None]]:
    """Analyse so many hours with a look each `look_s` of them; how it stands at hours that are powers of two."""
    engine, pieces, giving_back = Engine(METADATA, SYMBOLS, Options()), Pieces(), GivingBack(every_s=0.0)
    remembered, observer = Remembering(engine), Observer(RecordingFacts("day.rtrace", METADATA))
    next_s, due_h, now_s = look_s, 1.0, 0.0
    for item in day(length, every_s):
        for piece in pieces.add(item):
            engine.feed(piece)
        if not isinstance(item, Samples):
            continue
        now_s = (int(item.time_ns[-1]) - START_NS) / 1e9
        if now_s < next_s:
            continue
        next_s += look_s
        for piece in pieces.rest():
            engine.feed(piece)
        began = time.process_time()
        analysis = remembered.so_far(int(item.time_ns[-1]))
        snapshot = observer.look(analysis)
        took_s = time.process_time() - began
        giving_back.now_and_then()
        is_due = now_s >= min(due_h, length) * 3600 - 1e-6
        due_h *= 1 + is_due
        yield snapshot, stands(now_s, analysis, took_s) if is_due else None


def stands(now_s: float, analysis: Analysis, took_s: float) -> Hour:
    """How it stands now."""
    return Hour(
        now_s / 3600, memory_bytes("VmRSS"), memory_bytes("RssAnon"), time.process_time(), took_s,
        analysis.forgotten.episodes + len(analysis.episodes),
        analysis.forgotten.findings + len(analysis.findings), analysis.accounting.events,
    )  # fmt: skip


class Shown:
    """A session (tracer/live/session.py) that shows what it is handed."""

    title = "a synthetic day"
    can_mark = can_save = False
    snapshot: Snapshot | None = None

    def latest(self) -> Snapshot | None:
        """What it was handed last."""
        return self.snapshot

    def message(self) -> str | None:
        """Nothing."""
        return None


async def draw(found: Iterator[tuple[Snapshot, Hour | None]]) -> None:
    """Draw each look, and print how it stands."""
    from tracer.screen.app import LiveApp

    session = Shown()
    app = LiveApp(cast("Session", session))
    async with app.run_test(size=_SIZE) as pilot:
        for session.snapshot, hour in found:
            app.main_screen.renew()
            await pilot.pause()
            tell(hour)


def tell(hour: Hour | None) -> None:
    """Print how it stands, where it is time to."""
    if hour:
        print(json.dumps(asdict(hour)), flush=True)


def main() -> None:
    """Print how it stands."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--hours", type=float, default=24.0)
    parser.add_argument("--every-s", type=float, default=20.0)
    parser.add_argument("--look-s", type=float, default=60.0)
    parser.add_argument("--screen", action="store_true")
    options = parser.parse_args()
    share_one_heap()
    found = looks(options.hours, options.every_s, options.look_s)
    if options.screen:
        asyncio.run(draw(found))
        return
    for _, hour in found:
        tell(hour)


if __name__ == "__main__":
    main()
