"""Creating the file, full disks, and death in the middle."""

from __future__ import annotations

import errno
import os
import resource
import signal
import stat
import subprocess
import sys
from contextlib import contextmanager
from pathlib import Path

import pytest
from store_cases import (
    METADATA,
    calm_records,
    events_of,
    not_root,
    records_of_all_kinds,
    samples_at,
    times_of,
    write_recording,
)

from tracer.batch import LostStretch
from tracer.errors import TracerError
from tracer.outputs import write_at
from tracer.store import Recording, Writer

HERE = Path(__file__).parent
needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="needs root")


@pytest.fixture
def path(tmp_path):
    return tmp_path / "x.rtrace"


def refused(path: Path, **options: bool) -> str:
    with pytest.raises(TracerError) as caught:
        Writer(path, METADATA, **options)
    message = str(caught.value)
    assert caught.value.exit_code == 1
    assert message.isprintable()
    return message


@contextmanager
def file_size_limit(limit: int):
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (limit, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


@pytest.mark.parametrize("umask", [0o000, 0o022, 0o777])
@pytest.mark.parametrize("force", [False, True])
def test_the_mode_is_0600_whatever_the_umask(path, umask, force):
    if force:
        path.touch(0o644)
    before = os.umask(umask)
    try:
        Writer(path, METADATA, force=force).close()
    finally:
        os.umask(before)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


@needs_root
@pytest.mark.parametrize("force", [False, True])
def test_under_sudo_the_file_belongs_to_the_user(path, monkeypatch, force):
    if force:
        path.touch()
    os.chown(path.parent, 1234, 2345)
    monkeypatch.setenv("SUDO_UID", "1234")
    monkeypatch.setenv("SUDO_GID", "2345")
    Writer(path, METADATA, force=force).close()
    assert (path.stat().st_uid, path.stat().st_gid) == (1234, 2345)


@needs_root
@pytest.mark.parametrize(
    ("mode", "gid", "given"),
    [(0o755, 0, False), (0o777, 0, True), (0o1777, 0, True), (0o775, 2345, True), (0o755, 2345, False)],
)
def test_a_file_in_a_folder_in_which_the_sudo_user_could_make_none_stays_root_s(path, monkeypatch, mode, gid, given):
    os.chown(path.parent, 0, gid)
    path.parent.chmod(mode)
    monkeypatch.setenv("SUDO_UID", "1234")
    monkeypatch.setenv("SUDO_GID", "2345")
    Writer(path, METADATA).close()
    assert path.stat().st_uid == (1234 if given else 0)


@needs_root
@pytest.mark.parametrize("uid", ["", "-1", "nobody", "99999999999999999999"])
def test_a_senseless_sudo_user_is_ignored(path, monkeypatch, uid):
    monkeypatch.setenv("SUDO_UID", uid)
    monkeypatch.setenv("SUDO_GID", "0")
    Writer(path, METADATA).close()
    assert path.stat().st_uid == 0


def test_an_existing_file_is_kept_without_force(path):
    path.write_bytes(b"precious")
    assert "--force" in refused(path)
    assert path.read_bytes() == b"precious"


def test_force_replaces(path):
    write_recording(path, calm_records(5))
    writer = Writer(path, METADATA, force=True)
    writer.write_events(calm_records(3))
    writer.close()
    assert Recording.open(path).event_count == 3
    assert list(path.parent.iterdir()) == [path]


def test_a_recording_that_is_being_written_is_not_replaced(path):
    writer = Writer(path, METADATA)
    assert "is being written by another process" in refused(path, force=True)
    writer.write_events(calm_records(3))
    writer.close()
    assert Recording.open(path).event_count == 3
    Writer(path, METADATA, force=True).close()
    assert Recording.open(path).event_count == 0


@pytest.mark.parametrize("replaced", [False, True])
def test_a_file_that_somebody_took_away_meanwhile_is_no_success(path, replaced):
    writer = Writer(path, METADATA)
    writer.write_events(calm_records(3))
    path.unlink()
    if replaced:
        path.write_bytes(b"somebody else's")
    with pytest.raises(TracerError, match="was removed or replaced while being written; the 3 events in it"):
        writer.close()


def test_a_file_written_whole_has_its_name_at_the_end_only(path):
    path.write_bytes(b"older")
    writer = Writer(path, METADATA, force=True, whole=True)
    writer.write_events(calm_records(3))
    writer.flush()
    assert path.read_bytes() == b"older"
    writer.close()
    assert Recording.open(path).event_count == 3
    broken_off = Writer(path, METADATA, force=True, whole=True)
    broken_off.write_events(calm_records(5))
    broken_off.discard()
    broken_off.close()
    assert Recording.open(path).event_count == 3
    assert list(path.parent.iterdir()) == [path]


@pytest.mark.parametrize("way", ["itself", "hard link"])
def test_an_input_is_never_replaced(path, way):
    source = path if way == "itself" else path.with_name("other")
    source.write_bytes(b"precious")
    if way == "hard link":
        path.hardlink_to(source)
    assert "is the same file as the input" in refused(path, force=True, inputs=[source])
    assert path.read_bytes() == b"precious"


def test_where_there_are_no_hard_links_a_new_file_still_gets_its_name(path, monkeypatch):
    def no_links(*_: object, **__: object) -> None:
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr(os, "link", no_links)
    Writer(path, METADATA).close()
    assert list(path.parent.iterdir()) == [path]
    assert Recording.open(path).event_count == 0


def test_force_that_cannot_write_keeps_the_old_file(path):
    write_recording(path, calm_records(5))
    with file_size_limit(100):
        assert "File too large" in refused(path, force=True)
    assert Recording.open(path).event_count == 5
    assert list(path.parent.iterdir()) == [path]


def test_a_disk_full_at_once_leaves_no_file(path):
    with file_size_limit(100):
        assert "File too large" in refused(path)
    assert list(path.parent.iterdir()) == []


@pytest.mark.parametrize("force", [False, True])
def test_only_regular_files_are_replaced(tmp_path, force):
    target = tmp_path / "target"
    target.write_bytes(b"precious")
    (tmp_path / "folder").mkdir()
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "link").symlink_to(target)
    (tmp_path / "dangling").symlink_to(tmp_path / "nothing")
    assert "is a directory" in refused(tmp_path / "folder", force=force)
    assert "is a pipe" in refused(tmp_path / "pipe", force=force)
    assert "is a symbolic link" in refused(tmp_path / "link", force=force)
    assert "is a symbolic link" in refused(tmp_path / "dangling", force=force)
    assert "is a device" in refused(Path("/dev/full"), force=force)
    assert target.read_bytes() == b"precious"


def test_a_missing_directory_is_named(tmp_path):
    assert f"the directory {tmp_path / 'no'} does not exist" in refused(tmp_path / "no" / "x.rtrace")
    (tmp_path / "file").touch()
    assert "Not a directory" in refused(tmp_path / "file" / "x.rtrace")
    assert "File name too long" in refused(tmp_path / ("n" * 300))


def test_a_read_only_directory_is_said(tmp_path):
    # Nothing can be created below /proc, not even by root.
    assert "can't write a recording there" in refused(Path("/proc/x.rtrace"))
    tmp_path.chmod(0o500)
    with not_root():
        assert "can't write a recording there: Permission denied" in refused(tmp_path / "x.rtrace")


def fill(writer: Writer, rounds: int = 10_000) -> str:
    """Write until the disk refuses; the message."""
    try:
        for turn in range(rounds):
            writer.write_events(records_of_all_kinds(500, turn))
            writer.flush()
    except TracerError as error:
        return str(error)
    raise AssertionError("the disk never refused")


def assert_good_prefix(path: Path, writer: Writer, message: str) -> None:
    """The file holds whole blocks only, and later calls neither write nor raise."""
    size = path.stat().st_size
    assert size == writer.bytes_written
    assert message.isprintable()
    assert message.startswith(f"{path}: recording stopped: ")
    assert f"kept the first {writer.events_written:,} events" in message
    writer.write_events(calm_records(40_000))
    writer.write_samples(samples_at(1))
    writer.write_lost(LostStretch(0, 1, {}))
    writer.write_symbols({1: "a"})
    writer.write_note("a", 1)
    writer.flush()
    writer.close()
    writer.close()
    assert path.stat().st_size == size
    recording = Recording.open(path)
    assert len(events_of(recording)) == writer.events_written > 0
    assert (recording.cut_bytes, recording.bad_blocks, recording.complete) == (0, 0, False)


def test_a_file_that_may_not_grow_keeps_its_good_prefix(path):
    writer = Writer(path, METADATA)
    with file_size_limit(300_000):
        message = fill(writer)
    assert "File too large" in message
    assert_good_prefix(path, writer, message)


@needs_root
def test_a_full_disk_keeps_the_good_prefix(tmp_path):
    disk = tmp_path / "disk"
    disk.mkdir()
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=400k", "tmpfs", disk], capture_output=True).returncode:
        pytest.skip("can't mount a tmpfs here")
    try:
        path = disk / "x.rtrace"
        writer = Writer(path, METADATA)
        message = fill(writer)
        assert "No space left on device" in message
        assert_good_prefix(path, writer, message)
        # AND a new recording on the disk that is full now leaves no file behind
        with pytest.raises(OSError, match="No space"):
            (disk / "filler").write_bytes(bytes(1 << 20))
        assert "No space left on device" in refused(disk / "second")
        assert not (disk / "second").exists()
    finally:
        subprocess.run(["umount", disk], check=True)


@pytest.mark.parametrize("failure", ["fsync", "pwrite"])
def test_an_error_first_seen_at_close_is_raised_once(path, monkeypatch, failure):
    def fail(*_):
        raise OSError(errno.EIO, "x")

    writer = Writer(path, METADATA)
    writer.write_events(calm_records(5))
    writer.flush()
    monkeypatch.setattr(os, failure, fail)
    with pytest.raises(TracerError, match="Input/output error"):
        writer.close()
    writer.close()
    monkeypatch.undo()
    assert Recording.open(path).event_count == 5


def test_short_writes_are_continued(path, monkeypatch):
    pwrite = os.pwrite
    monkeypatch.setattr(os, "pwrite", lambda fd, data, offset: pwrite(fd, data[:7], offset))
    write_recording(path, records_of_all_kinds(200))
    recording = Recording.open(path)
    assert (len(events_of(recording)), recording.complete) == (200, True)


def test_a_write_interrupted_in_the_middle_is_written_over(path, monkeypatch):
    # GIVEN a signal handler that raises in the middle of a block
    writer = Writer(path, METADATA)
    writer.write_events(calm_records(5))
    writer.flush()

    def interrupted(descriptor, data, offset):
        write_at(descriptor, data[: len(data) // 2], offset)
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr("tracer.store.blocks.write_at", interrupted)
        writer.write_events(records_of_all_kinds(2_000))
        with pytest.raises(KeyboardInterrupt):
            writer.flush()
    # WHEN the recording is closed in order after all
    writer.close()
    recording = Recording.open(path)
    assert times_of(recording) == calm_records(5)["time_ns"].tolist()
    assert (recording.complete, recording.cut_bytes, recording.bad_blocks) == (True, 0, 0)


def test_a_note_that_is_no_json_is_refused_at_once(path):
    writer = Writer(path, METADATA)
    with pytest.raises(TypeError):
        writer.write_note("a", object())
    writer.close()
    assert Recording.open(path).complete


KILLED_WRITER = """
import os, sys
from pathlib import Path
from store_cases import METADATA, calm_records, samples_at
from tracer.store import Writer
writer = Writer(Path(sys.argv[1]), METADATA)
for turn in range(5):
    writer.write_events(calm_records(1_000, (turn + 1) * 1_000_000))
    writer.write_samples(samples_at(turn))
    writer.flush()
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
    assert child.returncode == -signal.SIGKILL
    recording = Recording.open(path)
    assert len(events_of(recording)) == recording.event_count == 5_000
    assert recording.last_ns == 5_000_000 + 999 * 10
    assert (recording.complete, recording.cut_bytes, recording.bad_blocks) == (False, 0, 0)
