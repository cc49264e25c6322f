"""What writing and reading a recording costs, on synthetic events (synthetic_events.py)."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import numpy.typing as npt

from tracer.batch import Batch
from tracer.metadata import Metadata
from tracer.store import Recording, Writer
from tracer.store.format import BLOCK_EVENTS

from .measure import interleave
from .rows import Row, Subject
from .setting import Setting
from .synthetic_events import synthetic_events

GROUP = "The recording alone (synthetic events, which differ more among themselves than real ones)"

Records = npt.NDArray[np.void]


def rows(setting: Setting) -> Iterator[Row]:
    """Writing and reading beside numpy's own file, both from and to the same records."""
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
