"""What the store's tests share: records of every kind, samples, and how to compare what came back."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import numpy as np

from tests.event_records import records_of
from tracer.batch import Batch, LostStretch, Samples
from tracer.metadata import Metadata
from tracer.schema import EVENT_DTYPE, KIND_BY_NUMBER
from tracer.store import Recording, Writer
from tracer.store.format import MOST_NS

UNKNOWN_KIND = 60
METADATA = Metadata(
    kernel_release="6.18.0-test", host="guest", start_ns=1_000, start_utc_ns=2_000_000, command=("sleep", "1")
)


def records_of_all_kinds(count: int, seed: int = 0, kinds: Sequence[int] = tuple(KIND_BY_NUMBER)) -> np.ndarray:
    """Random bytes as records: every kind and one nobody knows, extreme arguments, times up to MOST_NS in no order."""
    random = np.random.default_rng(seed)
    raw = random.integers(0, 256, count * EVENT_DTYPE.itemsize, np.uint8)
    raw[random.random(len(raw)) < 0.3] = 0
    raw[random.random(len(raw)) < 0.1] = 255
    records = raw.view(EVENT_DTYPE)
    records["kind"] = random.choice([*kinds, UNKNOWN_KIND], count)
    records["time_ns"] %= MOST_NS
    return records


def calm_records(count: int, start_ns: int = 1_000, step_ns: int = 10) -> np.ndarray:
    """Plain slab begins in order of time; the time tells which event it is."""
    records = np.zeros(count, EVENT_DTYPE)
    records["kind"] = 1
    records["comm"] = b"kswapd0"
    records["time_ns"] = start_ns + np.arange(count) * step_ns
    return records


def samples_at(*times_ns: int, names: tuple[str, ...] = ("vmstat.pgscan_direct", "meminfo.MemFree_bytes")) -> Samples:
    """Readings whose values follow from their time."""
    times = np.array(times_ns, np.int64)
    return Samples(times, names, times[:, None] * (np.arange(len(names)) + 1))


def write_recording(path: Path, *items: np.ndarray | Samples | LostStretch, flush_each: bool = True) -> Path:
    """A closed recording with one block an item."""
    writer = Writer(path, METADATA)
    for item in items:
        if isinstance(item, Samples):
            writer.write_samples(item)
        elif isinstance(item, LostStretch):
            writer.write_lost(item)
        else:
            writer.write_events(item)
        if flush_each:
            writer.flush()
    writer.close()
    return path


def in_small_blocks(source: Path, path: Path, size: int = 100) -> Path:
    """The same events and names by a writer of now, in blocks of so many."""
    recording = Recording.open(source)
    writer = Writer(path, recording.metadata)
    writer.write_symbols(recording.symbols)
    writer.write_cgroups(recording.cgroups)
    for item in recording.items():
        records = records_of(item) if isinstance(item, Batch) else ()
        for start in range(0, len(records), size):
            writer.write_block(records[start : start + size])
    writer.close()
    return path


def events_of(recording: Recording, start_ns: int | None = None, end_ns: int | None = None) -> Batch:
    """All events of a recording as one batch."""
    return Batch.concat(item for item in recording.items(start_ns, end_ns) if isinstance(item, Batch))


def samples_of(recording: Recording, start_ns: int | None = None, end_ns: int | None = None) -> list[Samples]:
    """All samples of a recording, block by block."""
    return [item for item in recording.items(start_ns, end_ns) if isinstance(item, Samples)]


def times_of(recording: Recording) -> list[int]:
    """The times of all events, in file order."""
    return [int(time) for time in events_of(recording).header["time_ns"]]


@contextmanager
def not_root() -> Iterator[None]:
    """For a while somebody whom permissions bind, whoever runs the tests."""
    user = os.geteuid()
    if user == 0:
        os.seteuid(65534)
    try:
        yield
    finally:
        os.seteuid(user)


def assert_same_batch(actual: Batch, expected: Batch) -> None:
    """Same columns, same values, same dtypes."""
    assert actual.header.keys() == expected.header.keys()
    _assert_same_columns(actual.header.items(), dict(expected.header))
    assert actual.rows.keys() == expected.rows.keys()
    for kind, rows in expected.rows.items():
        assert actual.rows[kind].dtype == rows.dtype
        assert actual.rows[kind].tolist() == rows.tolist()
        assert actual.args[kind].keys() == expected.args[kind].keys()
        _assert_same_columns(actual.args[kind].items(), dict(expected.args[kind]))


def _assert_same_columns(actual: Iterable[tuple[str, np.ndarray]], expected: dict[str, np.ndarray]) -> None:
    for name, column in actual:
        assert column.dtype == expected[name].dtype, name
        assert np.array_equal(column, expected[name]), name
