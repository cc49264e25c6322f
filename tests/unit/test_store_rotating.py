"""A recording in several files: nothing is lost between them, and each opens on its own."""

from __future__ import annotations

import fcntl
import os
from contextlib import ExitStack
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from store_cases import METADATA, calm_records, events_of, samples_at, samples_of, times_of
from typer.testing import CliRunner

from tracer.batch import LostStretch
from tracer.commands.app import app
from tracer.errors import RecordingError, TracerError
from tracer.store import BackgroundWriter, Fsync, Recording, RotatingWriter, Rotation, Writer, open_recording
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
    writer.write_cgroups({1: "/"})
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
        assert recording.cgroups == {1: "/"}
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


TAKEN = {
    "file": lambda taken: taken.write_bytes(b"precious"),
    "directory": lambda taken: taken.mkdir(),
    "pipe": os.mkfifo,
    "link": lambda taken: taken.symlink_to("/nowhere"),
    "recording": lambda taken: Writer(taken, replace(METADATA, host="elsewhere")).close(),
}


@pytest.mark.parametrize("kind", TAKEN)
@pytest.mark.parametrize("force", [False, True])
def test_a_name_that_is_taken_is_passed_over_and_the_files_are_still_one_recording(path, kind, force):
    """With `force` a regular file would be replaced: one that is being written is not."""
    writer = RotatingWriter(path, METADATA, Rotation(100_000), force=force)
    for number in (2, 3, 5):
        TAKEN[kind](part_path(path, number))
    before = {number: part_path(path, number).lstat() for number in (2, 3, 5)}
    with ExitStack() as held:
        if force and kind in {"file", "recording"}:
            for number in before:
                fcntl.flock(held.enter_context(part_path(path, number).open("rb")), fcntl.LOCK_EX)
        for turn in range(6):
            writer.write_block(noisy_records(2_000, 100_000 * (turn + 1)))
    writer.close()
    assert writer.skipped == tuple(part_path(path, number) for number in before)
    assert [file.name for file in writer.parts] == [f"x.{number:04}.rtrace" for number in (1, 4, 6, 7, 8, 9)]
    assert {number: part_path(path, number).lstat() for number in before} == before
    recording = open_recording(path)
    assert len(times_of(recording)) == recording.event_count == writer.events_written == 12_000
    assert not [item for item in recording.items() if isinstance(item, LostStretch)]
    assert (recording.removed, recording.missing, recording.skipped) == (0, (), (2, 3, 5))
    said = " ".join(CliRunner().invoke(app, ["summary", str(path)]).stdout.split())
    assert "the recorder skipped file numbers 2, 3, 5, whose names were taken; no events are lost" in said
    # AND one of its own that is missing between them is still told
    part_path(path, 4).unlink()
    recording = open_recording(path)
    assert (recording.missing, recording.skipped) == ((4,), (2, 3, 5))
    assert [type(item) for item in recording.items()].count(LostStretch) == 1
    # AND earlier ones that were removed are counted without those that never were
    part_path(path, 1).unlink()
    assert open_recording(path).removed == 2


def test_a_recording_killed_after_it_passed_over_a_name_is_still_one(path):
    part_path(path, 2).write_bytes(b"precious")
    writer = RotatingWriter(path, METADATA, Rotation(100_000))
    for turn in range(2):
        writer.write_block(noisy_records(2_000, 100_000 * (turn + 1)))
    recording = open_recording(path)
    assert (recording.event_count, recording.skipped, recording.complete) == (4_000, (2,), False)
    writer.close()


def test_too_many_names_that_are_taken_end_the_recording_in_one_line(path, monkeypatch):
    monkeypatch.setattr("tracer.store.rotating.MOST_SKIPPED_PARTS", 3)
    for number in range(2, 6):
        part_path(path, number).write_bytes(b"precious")
    writer = RotatingWriter(path, METADATA, Rotation(100_000))
    writer.write_block(noisy_records(3_000, 100_000))
    with pytest.raises(TracerError, match=r"x\.0005\.rtrace: exists already.* 3 file names.*; kept the first 3,000"):
        writer.write_block(noisy_records(500, 200_000))
    writer.close()
    assert Recording.open(part_path(path, 1)).complete


def test_a_first_name_that_is_taken_is_the_users_to_decide(path):
    part_path(path, 1).write_bytes(b"precious")
    with pytest.raises(TracerError, match=r"x\.0001\.rtrace: exists already; overwrite it with --force"):
        RotatingWriter(path, METADATA, Rotation(100_000))


def test_a_folder_renamed_meanwhile_leads_nobody_elsewhere(tmp_path):
    """Whoever owns what leads to the folder puts another directory, or a link to one, in its place."""
    folder, moved, other = tmp_path / "folder", tmp_path / "moved", tmp_path / "other"
    folder.mkdir()
    other.mkdir()
    for number in range(1, 9):
        part_path(other / "x.rtrace", number + 2).write_bytes(b"precious")
    for name in ("x.0001.rtrace", "x.0002.rtrace"):
        (other / name).write_bytes(b"precious")
    before = {file.name: file.stat() for file in other.iterdir()}
    writer = RotatingWriter(folder / "x.rtrace", METADATA, Rotation(100_000, keep=2), force=True)
    folder.rename(moved)
    folder.symlink_to(other)
    for turn in range(6):
        writer.write_block(noisy_records(2_000, 100_000 * (turn + 1)))
    writer.close()
    assert {file.name: file.stat() for file in other.iterdir()} == before
    assert sorted(file.name for file in moved.iterdir()) == ["x.0005.rtrace", "x.0006.rtrace"]
    assert open_recording(moved / "x.rtrace").event_count == 4_000


def test_what_was_put_in_the_place_of_an_old_file_stays(path):
    writer = RotatingWriter(path, METADATA, Rotation(100_000, keep=2))
    for turn in range(2):
        writer.write_block(noisy_records(2_000, 100_000 * (turn + 1)))
    part_path(path, 1).rename(path.with_name("away"))
    part_path(path, 1).write_bytes(b"precious")
    writer.write_block(noisy_records(2_000, 300_000))
    writer.close()
    assert part_path(path, 1).read_bytes() == b"precious"
    assert writer.parts == (part_path(path, 2), part_path(path, 3))


def test_what_was_recorded_is_read_from_its_own_files_only(path):
    writer = write_parts(path, 20)
    Writer(path, replace(METADATA, host="elsewhere")).close()
    Writer(part_path(path, 99), replace(METADATA, host="elsewhere")).close()
    recording = open_recording(path, writer.identities)
    assert (recording.metadata.host, recording.event_count) == (METADATA.host, 20 * 500)
    part_path(path, 2).rename(path.with_name("away"))
    Writer(part_path(path, 2), METADATA).close()
    with pytest.raises(RecordingError, match=r"x\.0002\.rtrace: is no longer the recorded file"):
        open_recording(path, writer.identities)


def test_the_queue_feeds_the_files(path):
    rotating = RotatingWriter(path, METADATA, Rotation(100_000))
    writer = BackgroundWriter(rotating)
    for turn in range(20):
        writer.write_events(noisy_records(4_000, 100_000 * (turn + 1)))
        writer.flush()
    writer.close()
    times = [time for part in rotating.parts for time in times_of(Recording.open(part))]
    assert len(times) == 80_000
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
