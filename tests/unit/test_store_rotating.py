"""A recording in several files: nothing is lost between them, and each opens on its own."""

from __future__ import annotations

import os
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from store_cases import METADATA, calm_records, events_of, samples_at, samples_of, times_of

from tracer.batch import LostStretch
from tracer.errors import TracerError
from tracer.store import BackgroundWriter, Fsync, Recording, RotatingWriter, Rotation, Writer
from tracer.store.note_keys import PART_NOTE
from tracer.store.rotating import find_parts, part_path


@pytest.fixture
def path(tmp_path):
    return tmp_path / "x.rtrace"


def noisy_records(count: int, start_ns: int) -> np.ndarray:
    """Calm records that compress badly."""
    records = calm_records(count, start_ns)
    records["args"] = np.frombuffer(np.random.default_rng(start_ns).bytes(64 * count), "V64")
    return records


def write_parts(path: Path, turns: int, keep: int | None = None, **options: object) -> RotatingWriter:
    writer = RotatingWriter(path, METADATA, Rotation(100_000, keep), **options)
    writer.write_symbols({1: "first"})
    writer.write_note("kept", "everywhere")
    for turn in range(turns):
        writer.write_block(noisy_records(500, 10_000 * (turn + 1)))
        writer.write_samples(samples_at(10_000 * (turn + 1) + 5_000))
        writer.write_lost(LostStretch(turn, turn, {"throttled": 1}))
        writer.write_symbols({turn + 2: f"symbol {turn}"})
    writer.close()
    return writer


def test_nothing_is_lost_between_two_files(path):
    writer = write_parts(path, 20)
    recordings = [Recording.open(part) for part in writer.parts]
    assert len(recordings) > 3
    assert [time for each in recordings for time in times_of(each)] == [
        time for turn in range(20) for time in noisy_records(500, 10_000 * (turn + 1))["time_ns"].tolist()
    ]
    samples = [time for each in recordings for item in samples_of(each) for time in item.time_ns.tolist()]
    assert samples == [10_000 * (turn + 1) + 5_000 for turn in range(20)]
    lost = [item.total for each in recordings for item in each.items() if isinstance(item, LostStretch)]
    assert len(lost) == 20
    assert writer.events_written == 20 * 500
    assert writer.bytes_written == sum(part.stat().st_size for part in writer.parts)


def test_every_file_opens_on_its_own(path):
    parts = write_parts(path, 20).parts
    assert parts[:2] == (path.with_name("x.0001.rtrace"), path.with_name("x.0002.rtrace"))
    for number, part in enumerate(parts, 1):
        recording = Recording.open(part)
        assert (recording.complete, recording.bad_blocks, recording.cut_bytes) == (True, 0, 0)
        assert recording.notes == {"kept": "everywhere", PART_NOTE: number}
        assert recording.symbols[1] == "first"
        assert (recording.metadata.kernel_release, recording.metadata.host) == (METADATA.kernel_release, METADATA.host)
        assert METADATA.start_ns < recording.metadata.start_ns <= recording.first_ns
        assert (
            recording.metadata.start_utc_ns - METADATA.start_utc_ns == recording.metadata.start_ns - METADATA.start_ns
        )
    symbols = [Recording.open(part).symbols for part in parts]
    assert all(earlier.items() <= later.items() for earlier, later in pairwise(symbols))
    assert len(symbols[-1]) == 21


def test_no_file_grows_far_beyond_its_size(path):
    for part in write_parts(path, 20).parts:
        assert part.stat().st_size < 100_000 + 60_000
        assert part.stat().st_mode & 0o777 == 0o600


def test_only_the_newest_files_are_kept(path):
    writer = write_parts(path, 20, keep=2)
    assert sorted(path.parent.iterdir()) == sorted(writer.parts)
    assert len(writer.parts) == 2
    last = [time for part in writer.parts for time in times_of(Recording.open(part))]
    assert last[-1] == 200_000 + 499 * 10
    assert writer.events_written == 20 * 500
    # AND what the removed files knew of the kernel's names is in those that stay
    assert Recording.open(writer.parts[0]).symbols[1] == "first"


def test_a_file_in_the_way_stops_the_recording_in_one_line(path):
    part_path(path, 2).write_bytes(b"precious")
    writer = RotatingWriter(path, METADATA, Rotation(100_000))
    writer.write_block(noisy_records(3_000, 100_000))
    with pytest.raises(TracerError, match=r"x\.0002\.rtrace: exists already; overwrite it with --force"):
        writer.write_block(noisy_records(500, 200_000))
    assert writer.events_written == len(times_of(Recording.open(part_path(path, 1))))
    assert part_path(path, 2).read_bytes() == b"precious"
    assert Recording.open(part_path(path, 1)).complete
    part_path(path, 1).unlink()
    part_path(path, 2).unlink()
    assert len(write_parts(path, 20).parts) > 3


def test_the_queue_feeds_the_files(path):
    rotating = RotatingWriter(path, METADATA, Rotation(100_000))
    writer = BackgroundWriter(rotating)
    for turn in range(20):
        writer.write_events(noisy_records(500, 10_000 * (turn + 1)))
        writer.flush()
    writer.close()
    times = [time for part in rotating.parts for time in times_of(Recording.open(part))]
    assert len(times) == 10_000
    assert times == sorted(times)
    assert len(rotating.parts) > 3


@pytest.mark.parametrize(("policy", "synced"), [(Fsync.CLOSE, 0), (Fsync.FLUSH, 3)])
def test_the_disk_is_waited_for_as_often_as_was_asked(path, monkeypatch, policy, synced):
    synced_sizes: list[int] = []
    monkeypatch.setattr(os, "fdatasync", lambda fd: synced_sizes.append(os.fstat(fd).st_size))
    writer = Writer(path, METADATA, fsync=policy)
    for turn in range(3):
        writer.write_events(calm_records(10, 1_000 * turn))
        writer.flush()
    sizes = list(synced_sizes)
    writer.close()
    assert len(sizes) == synced
    assert sizes == sorted(sizes)
    assert len(events_of(Recording.open(path))) == 30


def test_a_sync_that_fails_stops_the_recording(path, monkeypatch):
    def fail(_):
        raise OSError(5, "x")

    writer = Writer(path, METADATA, fsync=Fsync.FLUSH)
    monkeypatch.setattr(os, "fdatasync", fail)
    writer.write_events(calm_records(10))
    with pytest.raises(TracerError, match="recording stopped: Input/output error"):
        writer.flush()
    writer.close()
    assert not Recording.open(path).complete


@pytest.mark.parametrize("number", ["00001", "0000", "\u0660\u0660\u0660\u0661", "1", "-001"])
def test_only_names_that_it_gives_are_its_files(tmp_path, number):
    files = {1: "x.0001.rtrace", 9999: "x.9999.rtrace", 10000: "x.10000.rtrace"}
    for name in (*files.values(), f"x.{number}.rtrace"):
        (tmp_path / name).touch()
    assert {at: file.name for at, file in find_parts(tmp_path / "x.rtrace").items()} == files
