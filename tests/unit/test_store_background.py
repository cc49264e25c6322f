"""The writer behind a queue: all in order, never waiting, and what is dropped or fails is told."""

from __future__ import annotations

import errno
import os
import signal
import subprocess
import sys
import tempfile
import threading
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from store_cases import (
    METADATA,
    assert_same_batch,
    calm_records,
    events_of,
    records_of_all_kinds,
    samples_at,
    samples_of,
    times_of,
)

from tracer.batch import Batch, LostStretch
from tracer.errors import TracerError
from tracer.schema import EVENT_DTYPE, KIND_BY_NUMBER
from tracer.store import BackgroundWriter, Recording, Writer
from tracer.store.background import _MOST_TASKS
from tracer.store.format import BLOCK_EVENTS
from tracer.store.note_keys import DROPPED_EVENTS_NOTE, DROPPED_SAMPLES_NOTE

BLOCK_BYTES = BLOCK_EVENTS * EVENT_DTYPE.itemsize
HERE = Path(__file__).parent


@pytest.fixture
def path(tmp_path):
    return tmp_path / "x.rtrace"


class StuckWriter(Writer):
    """A writer whose disk does nothing until `release` is set; `stuck` says that it waits."""

    def __init__(self, path: Path) -> None:
        super().__init__(path, METADATA)
        self.release = threading.Event()
        self.stuck = threading.Event()
        self.blocks: list[int] = []

    def write_block(self, records: np.ndarray) -> None:
        self.blocks.append(len(records))
        self.stuck.set()
        assert self.release.wait(60)
        super().write_block(records)

    def write_samples(self, samples) -> None:
        self.stuck.set()
        assert self.release.wait(60)
        super().write_samples(samples)


def lost_of(recording: Recording) -> list[LostStretch]:
    return [item for item in recording.items() if isinstance(item, LostStretch)]


def test_records_that_lie_apart_and_are_gone_afterwards_are_written_whole(path):
    # GIVEN records with something between them, as in the kernel's ring, whose room is used again at once
    records = records_of_all_kinds(500, 1)
    apart = np.zeros((500, EVENT_DTYPE.itemsize + 8), np.uint8)
    apart[:, 8:] = records.view(np.uint8).reshape(500, -1)
    lent = apart[:, 8:].view(EVENT_DTYPE)[:, 0]
    with_queue = BackgroundWriter(Writer(path, METADATA))
    with_queue.write_events(lent)
    apart[:] = 0xFF
    with_queue.close()
    assert_same_batch(events_of(Recording.open(path)), Batch.from_records(records))


@settings(max_examples=25, deadline=None)
@given(st.lists(st.integers(0, 2 * BLOCK_EVENTS), max_size=4), st.booleans(), st.integers(0, 2**32))
def test_what_goes_in_comes_out_in_order(sizes, flush_each, seed):
    random = np.random.default_rng(seed)
    parts = [records_of_all_kinds(200, int(random.integers(2**32)))[np.arange(size) % 200] for size in sizes]
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "x"
        writer = BackgroundWriter(Writer(path, METADATA), 64 << 20)
        for part in parts:
            writer.write_events(part)
            if flush_each:
                writer.flush()
        writer.write_samples(samples_at(5, 6))
        writer.write_symbols({1: "a"})
        writer.write_lost(LostStretch(7, 8, {"throttled": 1}))
        writer.write_note("note", 9)
        writer.close()
        recording = Recording.open(path)
        assert_same_batch(events_of(recording), Batch.from_records(np.concatenate([np.empty(0, EVENT_DTYPE), *parts])))
        assert samples_of(recording)[0].time_ns.tolist() == [5, 6]
        assert lost_of(recording) == [LostStretch(7, 8, {"throttled": 1})]
        assert (recording.symbols, recording.notes, recording.complete) == ({1: "a"}, {"note": 9}, True)
        assert writer.events_written == recording.event_count
        assert writer.bytes_written == path.stat().st_size


def test_a_stuck_disk_makes_nobody_wait_and_every_dropped_event_is_told(path):
    stuck = StuckWriter(path)
    writer = BackgroundWriter(stuck, 3 * BLOCK_BYTES)
    records = records_of_all_kinds(5 * BLOCK_EVENTS)
    records["time_ns"] = 1_000 + np.arange(len(records))
    # WHEN more comes than the queue holds, while the disk does nothing
    for start in range(0, len(records), 1_000):
        writer.write_events(records[start : start + 1_000])
    writer.flush()
    dropped = sum(writer.dropped.values())
    assert dropped == 2 * BLOCK_EVENTS
    # AND the disk wakes up again
    stuck.release.set()
    writer.close()
    recording = Recording.open(path)
    kept = records[: 3 * BLOCK_EVENTS]
    assert_same_batch(events_of(recording), Batch.from_records(kept))
    # THEN what is missing is a stretch of exactly these times and kinds
    gone = records[3 * BLOCK_EVENTS :]
    numbers = Counter(gone["kind"].tolist())
    names = {n: KIND_BY_NUMBER[n].name if n in KIND_BY_NUMBER else f"kind {n}" for n in numbers}
    counts = {names[number]: count for number, count in numbers.items()}
    assert lost_of(recording) == [LostStretch(int(gone["time_ns"][0]), int(gone["time_ns"][-1]), counts)]
    assert recording.notes[DROPPED_EVENTS_NOTE] == counts
    assert recording.complete


def test_flushes_take_no_room_while_the_disk_is_stuck(path):
    stuck = StuckWriter(path)
    writer = BackgroundWriter(stuck, 2 * BLOCK_BYTES)
    for turn in range(100):
        writer.write_events(calm_records(10, 1_000 * turn))
        writer.flush()
    stuck.release.set()
    writer.close()
    assert not writer.dropped
    assert len(times_of(Recording.open(path))) == 1_000


def test_a_thread_that_is_behind_gets_what_came_meanwhile_in_one_block(path):
    stuck = StuckWriter(path)
    writer = BackgroundWriter(stuck, 6 * BLOCK_BYTES)
    writer.write_events(calm_records(BLOCK_EVENTS))
    assert stuck.stuck.wait(60)
    # WHEN it is asked to write many times while the disk does nothing, and more than a block comes
    sizes = [1_000] * (BLOCK_EVENTS // 1_000 + 4)
    for turn, size in enumerate(sizes):
        writer.write_events(calm_records(size, 10**9 * (turn + 1)))
        writer.flush()
    stuck.release.set()
    while writer.events_written < BLOCK_EVENTS + sum(sizes):
        pass
    writer.close()
    # THEN what came is a full block and one with the rest, in order
    assert stuck.blocks == [BLOCK_EVENTS, BLOCK_EVENTS, sum(sizes) - BLOCK_EVENTS]
    times = times_of(Recording.open(path))
    assert times == sorted(times)
    assert not writer.dropped


def test_after_a_drop_events_are_taken_again(path):
    stuck = StuckWriter(path)
    writer = BackgroundWriter(stuck, 2 * BLOCK_BYTES)
    for turn in range(4):
        writer.write_events(calm_records(BLOCK_EVENTS, 10**9 * turn))
    stuck.release.set()
    # WHEN the thread has given a slot back
    late = calm_records(10, 10**12)
    while sum(writer.dropped.values()) + writer.events_written < 4 * BLOCK_EVENTS:
        pass
    writer.write_events(late)
    writer.close()
    recording = Recording.open(path)
    times = times_of(recording)
    assert times[-10:] == late["time_ns"].tolist()
    assert len(times) == 2 * BLOCK_EVENTS + 10
    assert [(stretch.start_ns, stretch.total) for stretch in lost_of(recording)] == [(2 * 10**9, 2 * BLOCK_EVENTS)]


def test_a_writer_far_behind_drops_samples_and_joins_lost_stretches(path):
    stuck = StuckWriter(path)
    writer = BackgroundWriter(stuck, 2 * BLOCK_BYTES)
    for turn in range(_MOST_TASKS + 50):
        writer.write_samples(samples_at(turn + 1))
    for turn in range(30):
        writer.write_lost(LostStretch(turn, turn + 1, {"throttled": 2}))
    stuck.release.set()
    writer.close()
    recording = Recording.open(path)
    kept = sum(len(samples) for samples in samples_of(recording))
    assert kept + recording.notes[DROPPED_SAMPLES_NOTE] == _MOST_TASKS + 50
    assert kept >= _MOST_TASKS
    assert sum(stretch.total for stretch in lost_of(recording)) == 60
    assert min(stretch.start_ns for stretch in lost_of(recording)) == 0


@pytest.mark.parametrize("error", [errno.ENOSPC, errno.EIO, errno.EDQUOT])
def test_what_the_disk_refuses_is_raised_once_by_the_next_call(path, monkeypatch, error):
    writer = BackgroundWriter(Writer(path, METADATA), 4 * BLOCK_BYTES)
    writer.write_events(calm_records(BLOCK_EVENTS))
    while writer.events_written < BLOCK_EVENTS:
        pass
    pwrite = os.pwrite

    def half_then_fail(descriptor, data, offset):
        if len(data) < 20:
            raise OSError(error, "x")
        return pwrite(descriptor, data[: len(data) // 2], offset)

    monkeypatch.setattr(os, "pwrite", half_then_fail)
    writer.write_events(calm_records(BLOCK_EVENTS, 10**9))
    with pytest.raises(TracerError) as caught:
        writer.close()
    reason = os.strerror(error)
    assert str(caught.value).startswith(f"{path}: recording stopped: {reason}; kept the first 16,384 events; ")
    assert str(caught.value).isprintable()
    # THEN later calls are ignored, and the file holds whole blocks only
    writer.write_events(calm_records(10))
    writer.flush()
    writer.close()
    recording = Recording.open(path)
    assert times_of(recording) == calm_records(BLOCK_EVENTS)["time_ns"].tolist()
    assert (recording.complete, recording.cut_bytes, recording.bad_blocks) == (False, 0, 0)
    assert writer.events_written == BLOCK_EVENTS


def test_a_failure_reaches_the_recorder_before_the_end(path, monkeypatch):
    def fail(*_):
        raise OSError(errno.ENOSPC, "x")

    writer = BackgroundWriter(Writer(path, METADATA))
    monkeypatch.setattr("tracer.store.blocks.write_at", fail)

    def until_it_fails() -> None:
        while True:
            writer.write_events(calm_records(100))
            writer.flush()

    with pytest.raises(TracerError, match="No space left on device; kept the first 0 events"):
        until_it_fails()
    writer.close()


def test_a_failure_that_nobody_thought_of_is_raised_too(path):
    writer = BackgroundWriter(Writer(path, METADATA))
    writer.write_events(calm_records(10))
    writer.write_note("no JSON", object())
    with pytest.raises(TypeError):
        writer.close()
    writer.close()
    assert times_of(Recording.open(path)) == calm_records(10)["time_ns"].tolist()


KILLED_WRITER = """
import os, sys
from pathlib import Path
from store_cases import METADATA, calm_records
from tracer.store import BackgroundWriter, Writer
writer = BackgroundWriter(Writer(Path(sys.argv[1]), METADATA))
for turn in range(5):
    writer.write_events(calm_records(1_000, (turn + 1) * 1_000_000))
    writer.flush()
while writer.events_written < 5_000:
    pass
writer.write_events(calm_records(1_000, 9_000_000))
os.write(1, b"flushed")
while True:
    os.read(0, 1)
"""


def test_kill_9_loses_only_what_was_not_flushed(path):
    child = subprocess.Popen(
        [sys.executable, "-c", KILLED_WRITER, path], stdout=subprocess.PIPE, stdin=subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": f"{HERE}:{HERE.parents[1]}"},
    )  # fmt: skip
    with child:
        assert child.stdout.read(7) == b"flushed"
        child.send_signal(signal.SIGKILL)
    recording = Recording.open(path)
    assert len(events_of(recording)) == 5_000
    assert (recording.complete, recording.cut_bytes, recording.bad_blocks) == (False, 0, 0)


def test_the_queue_is_as_large_as_it_says(path):
    writer = BackgroundWriter(Writer(path, METADATA), 10 << 20)
    assert (10 << 20) - EVENT_DTYPE.itemsize < writer.queue_bytes <= 10 << 20
    assert writer.buffer_bytes >= writer.queue_bytes
    writer.close()
