"""Recordings looked at while they go on, as a live view does."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from types import MappingProxyType

import numpy as np
from streams import METADATA, SYMBOLS, Records

from tracer.analyze import Engine, Options
from tracer.batch import Batch, LostStretch, Samples
from tracer.jobs.pacing import steps
from tracer.live.model import Snapshot
from tracer.live.observer import NOTHING_KNOWN, Observer, StreamHealth
from tracer.metadata import Metadata
from tracer.recording_facts import RecordingFacts
from tracer.store import Recording

Item = Batch | Samples | LostStretch
LOOK_S = 0.25


def snapshots(
    *items: Records | Samples | LostStretch,
    metadata: Metadata = METADATA,
    health: StreamHealth = NOTHING_KNOWN,
    until_s: float | None = None,
    cgroups: Mapping[int, str] = MappingProxyType({}),
    every_s: float = LOOK_S,
) -> list[Snapshot]:
    """Looks at written items in the order given, cut at each look's time; the last one is at `until_s` if given."""
    engine = Engine(metadata, SYMBOLS, Options(), cgroups=cgroups)
    observer = Observer(RecordingFacts("written", metadata))
    rest = [Batch.from_records(item) if isinstance(item, np.ndarray) else item for item in items]
    end_s = until_s if until_s is not None else max(map(_end_s, rest))
    found = []
    for at_s in [*np.arange(every_s, end_s - 1e-6, every_s).tolist(), end_s]:
        for item in rest:
            if (part := _until(item, round(at_s * 1e9))) is not None:
                engine.feed(part)
        rest = [part for item in rest if (part := _after(item, round(at_s * 1e9))) is not None]
        found.append(observer.look(engine.so_far(round(at_s * 1e9)), health))
    return found


def recorded(recording: Recording, every_s: float = LOOK_S) -> Iterator[Snapshot]:
    """Looks at a recording, so far apart."""
    engine = Engine(recording.metadata, recording.symbols, Options(), cgroups=recording.cgroups)
    observer = Observer(RecordingFacts("recorded", recording.metadata))
    next_ns = start_ns = recording.metadata.start_ns
    for item in recording.items():
        for part, end_ns in steps(item):
            engine.feed(part)
            if end_ns >= next_ns + every_s * 1e9:
                next_ns = end_ns
                yield observer.look(engine.so_far())
    yield observer.look(engine.so_far(max(recording.last_ns, start_ns)))


def _end_s(item: Item) -> float:
    if isinstance(item, LostStretch):
        return item.end_ns / 1e9
    return float(_times(item).max()) / 1e9


def _times(item: Batch | Samples) -> np.ndarray[tuple[int], np.dtype[np.int64]]:
    return item.time_ns if isinstance(item, Samples) else item.header["time_ns"].astype(np.int64)


def _until(item: Item, time_ns: int) -> Item | None:
    return _part(item, time_ns, early=True)


def _after(item: Item, time_ns: int) -> Item | None:
    return _part(item, time_ns, early=False)


def _part(item: Item, time_ns: int, *, early: bool) -> Item | None:
    if isinstance(item, LostStretch):
        return item if (item.end_ns <= time_ns) == early else None
    chosen = np.flatnonzero((_times(item) <= time_ns) == early)
    if not len(chosen):
        return None
    if isinstance(item, Samples):
        return Samples(item.time_ns[chosen], item.names, item.values[chosen])
    return item.take(chosen)
