"""Recordings of real events, of any length: the labelled traces of tests/golden, each repeated in time.

A repetition is the same events and readings later; counters that only grow go on where the repetition before left them,
so that they stay cumulative. Two seconds of rest lie between two repetitions, more than the pauses inside an episode.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Final

import numpy as np

from tests.event_records import records_of
from tests.golden.cases import all_cases
from tracer.batch import Batch, LostStretch, Samples
from tracer.schema import SAMPLE_NULL
from tracer.store import Recording, Writer

TRACES: Final = (
    "run-shrinker",
    "run-stock",
    "run-stock-oom",
    "B-unreachable",
    "E-memcg",
    "F-kswapd-stream",
    "guest-host-reasserts",
    "guest-out-of-reach",
)
"""Imported texts and recordings of the guest lab: those that have thousands of events."""

_REST_NS: Final = 2_000_000_000
_STATES: Final = ("vmstat.nr_", "meminfo.", "host.")
"""What the names of readings begin with that tell a state, the same in every repetition; all others are cumulative."""

Item = Batch | Samples | LostStretch


def write_repeated(folder: Path, events: int, names: Sequence[str] = TRACES) -> Iterator[Path]:
    """A recording of each of these traces, all repeated equally often (at least once), of about `events` events in all.

    Each lives until the next is asked for.
    """
    cases = {case.name: case for case in all_cases()}
    sources = [cases[name].recording(folder) for name in names]
    turns = max(1, round(events / sum(Recording.open(source).event_count for source in sources)))
    for source in sources:
        path = folder / f"repeated-{source.name}"
        repeat(source, path, turns)
        yield path
        path.unlink()


def write_one(folder: Path, name: str, events: int) -> Path:
    """A recording of about `events` events that repeats one trace."""
    source = {case.name: case for case in all_cases()}[name].recording(folder)
    path = folder / f"repeated-{source.name}"
    repeat(source, path, max(1, round(events / Recording.open(source).event_count)))
    return path


def repeat(source: Path, path: Path, turns: int) -> None:
    """Write a recording that holds another one so many times, one after the other."""
    recording = Recording.open(source)
    items = list(recording.items())
    growth = _growth([item for item in items if isinstance(item, Samples)])
    turn_ns = recording.last_ns - recording.metadata.start_ns + _REST_NS
    writer = Writer(path, recording.metadata)
    writer.write_symbols(recording.symbols)
    for turn in range(turns):
        for item in items:
            _write(writer, item, turn, turn_ns, growth)
    writer.close()


def _write(writer: Writer, item: Item, turn: int, turn_ns: int, growth: dict[str, int]) -> None:
    shift_ns = turn * turn_ns
    if isinstance(item, Batch):
        records = records_of(item)
        records["time_ns"] += np.uint64(shift_ns)
        writer.write_events(records)
    elif isinstance(item, Samples):
        grown = turn * np.array([growth[name] for name in item.names])
        values = np.where(item.values == SAMPLE_NULL, SAMPLE_NULL, item.values + grown)
        writer.write_samples(Samples(item.time_ns + shift_ns, item.names, values))
    else:
        writer.write_lost(replace(item, start_ns=item.start_ns + shift_ns, end_ns=item.end_ns + shift_ns))


def _growth(samples: Sequence[Samples]) -> dict[str, int]:
    """How much each counter grows over the recording; 0 for a state."""
    growth: dict[str, int] = {}
    for name in {name for part in samples for name in part.names}:
        read = np.concatenate([column for part in samples if (column := part.column(name)) is not None])
        read = read[read != SAMPLE_NULL]
        growth[name] = 0 if name.startswith(_STATES) or not len(read) else int(read[-1] - read[0])
    return growth
