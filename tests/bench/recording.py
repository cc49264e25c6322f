"""What writing and reading a recording costs, on synthetic events (synthetic_events.py)."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from tracer.batch import Batch
from tracer.buffer_sizes import MOST_QUEUE_BYTES
from tracer.metadata import Metadata
from tracer.store import BackgroundWriter, Recording, Writer
from tracer.store.format import BLOCK_EVENTS

from .measure import interleave
from .rows import Row, Subject
from .setting import Setting
from .synthetic_events import synthetic_events

GROUP = "The recording alone (synthetic events, which differ more among themselves than real ones)"

PIECE_EVENTS = 8192
"""What the collector hands over at once (collect/ring.py)."""
PIECES_PER_S = 120
"""A million events a second: without a pause only the queue's filling would be measured."""

Records = npt.NDArray[np.void]


def rows(setting: Setting) -> Iterator[Row]:
    """Handing over to the writing thread; writing and reading beside numpy's own file, from and to the same records."""
    events = synthetic_events(setting.size(1_000_000, 20_000))
    ours, plain = setting.folder / "recording.rtrace", setting.folder / "plain.npy"
    actions: dict[str, Callable[[], float]] = {
        "write": lambda: _cpu_s(lambda: write(ours, events)) / len(events) * 1e9,
        "save": lambda: _cpu_s(lambda: np.save(plain, events)) / len(events) * 1e9,
        "open": lambda: _cpu_s(lambda: Recording.open(ours)) * 1e3,
        "read": lambda: len(events) / _cpu_s(lambda: _read(ours, len(events))) / 1e6,
    }
    write(ours, events)
    found = interleave(setting.size(5, 1), actions)
    yield from _hand_over_rows(setting, events)
    npy = "numpy's own file"
    yield Subject(
        "recording_size", GROUP, "size of the file", "bytes/event"
    ).against(npy, *_sizes((ours, plain), len(events)))  # fmt: skip
    yield Subject(
        "recording_write", GROUP, "writing, compressor and checksums included", "ns CPU/event",
        behind="it copies records to the disk as they are, and its file is larger by what `recording_size` says",
    ).against(npy, found["write"], found["save"])  # fmt: skip
    yield Subject("recording_read", GROUP, "reading into columns", "M events/s", True).alone(found["read"])
    yield Subject("recording_open", GROUP, f"opening {len(events):,} events", "ms CPU").alone(found["open"])


@dataclass(frozen=True)
class HandedOver:
    """CPU time of the thread that hands events over and of the one that packs and writes, ns an event; events lost."""

    handing_ns: float
    packing_ns: float
    lost: int


def _hand_over_rows(setting: Setting, events: Records) -> Iterator[Row]:
    path = setting.folder / "handed-over.rtrace"
    runs = [hand_over(path, events) for _ in range(setting.size(5, 1))]
    what = "handing events over at a million a second"
    handing = Subject("hand_over", GROUP, f"{what}: the draining thread", "ns CPU/event", budget="40 ns")
    lost = sum(run.lost for run in runs)
    yield handing.alone([run.handing_ns for run in runs], why=f"{lost:,} of {len(runs) * len(events):,} events lost.")
    packing = Subject("packing", GROUP, "packing, compressing, checksums, writing: its own thread", "ns CPU/event")
    yield packing.alone([run.packing_ns for run in runs])


def hand_over(path: Path, events: Records) -> HandedOver:
    """Give events to the thread that records them, as the collector does."""
    writer = BackgroundWriter(Writer(path, Metadata(), force=True), MOST_QUEUE_BYTES)
    handing_s = 0.0
    for start in range(0, len(events), PIECE_EVENTS):
        before = time.thread_time()
        writer.write_events(events[start : start + PIECE_EVENTS])
        handing_s += time.thread_time() - before
        time.sleep(1 / PIECES_PER_S)
    writer.close()
    lost = sum(writer.dropped.values())
    return HandedOver(handing_s / len(events) * 1e9, writer.cpu_s / len(events) * 1e9, lost)


def write(path: Path, events: Records) -> None:
    """A recording of these events."""
    writer = Writer(path, Metadata(), force=True)
    for start in range(0, len(events), BLOCK_EVENTS):
        writer.write_events(events[start : start + BLOCK_EVENTS])
    writer.close()


def _read(path: Path, count: int) -> None:
    assert sum(len(item) for item in Recording.open(path).items() if isinstance(item, Batch)) == count


def _sizes(paths: tuple[Path, Path], count: int) -> tuple[list[float], list[float]]:
    ours, peer = (path.stat().st_size / count for path in paths)
    return [ours], [peer]


def _cpu_s(action: Callable[[], object]) -> float:
    start = time.process_time()
    action()
    return time.process_time() - start
