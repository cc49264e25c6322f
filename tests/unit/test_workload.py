"""The demo's load: what one turn does, and that it ends with whoever started it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from itertools import count
from pathlib import Path
from types import SimpleNamespace

import pytest

from tracer.errors import TracerError
from tracer.workload import folder, pressure, process, sweeper

ROOT = Path(__file__).parents[2]
MIB = 1 << 20


@pytest.fixture
def files(tmp_path: Path):
    descriptors = pressure.big_files(tmp_path, 8 * MIB)
    yield descriptors
    for descriptor in descriptors:
        os.close(descriptor)


def test_big_files_have_the_size_asked_for_and_no_name(files, tmp_path):
    assert sum(os.fstat(descriptor).st_size for descriptor in files) == 8 * MIB
    assert list(tmp_path.iterdir()) == []


def test_a_file_system_without_nameless_files_is_served_too(tmp_path, monkeypatch):
    monkeypatch.setattr(os, "O_TMPFILE", os.O_DIRECTORY | os.O_EXCL | os.O_CREAT)
    descriptor = pressure.nameless_file(tmp_path)
    os.write(descriptor, b"x")
    os.close(descriptor)
    assert list(tmp_path.iterdir()) == []


def test_slab_turns_touch_every_small_file(tmp_path, monkeypatch):
    monkeypatch.setattr(pressure, "SMALL_FILES", 20)
    monkeypatch.setattr(pressure, "FILES_A_FOLDER", 10)
    folders = pressure.small_files(tmp_path)
    assert [len(list(folder.iterdir())) for folder in folders] == [10, 10]
    turns = pressure.slab_turns(folders)
    for _ in range(3):
        next(turns)


def test_the_load_ends_when_its_time_is_over(tmp_path, monkeypatch):
    monkeypatch.setattr(pressure, "SMALL_FILES", 100)
    times = iter(range(1000))
    pressure.press(pressure.prepared_turns(tmp_path, 0), 10.0, drop_caches=False, clock=lambda: float(next(times)))
    assert next(times) <= 15


def test_caches_are_dropped_once_halfway_and_only_if_asked_for(tmp_path, monkeypatch):
    monkeypatch.setattr(pressure, "SMALL_FILES", 100)
    monkeypatch.setattr(pressure, "BURST_S", pressure.PERIOD_S)
    times, dropped = count(), []
    control = SimpleNamespace(write_text=lambda text: dropped.append((text, next(times))))
    monkeypatch.setattr(pressure, "DROP_CACHES", control)
    for name in ("quiet", "dropping"):
        (tmp_path / name).mkdir()
    turns = pressure.prepared_turns(tmp_path / "quiet", 0)
    pressure.press(turns, 50.0, drop_caches=False, clock=lambda: float(next(times)))
    assert dropped == []
    times = count()
    turns = pressure.prepared_turns(tmp_path / "dropping", 0)
    pressure.press(turns, 50.0, drop_caches=True, clock=lambda: float(next(times)))
    ((text, time),) = dropped
    assert text == "3"
    assert 25 < time < 40


def test_no_files_are_written_where_they_would_be_memory(tmp_path, monkeypatch):
    monkeypatch.setattr(process, "_filesystem", lambda _: "tmpfs")
    assert process.file_bytes(tmp_path) == 0
    monkeypatch.setattr(process, "_filesystem", lambda _: "ext4")
    assert process.file_bytes(tmp_path) in (0, process.FILE_BYTES)


def test_the_load_dies_with_the_process_that_started_it(tmp_path):
    # GIVEN a starter that is killed: nobody but the kernel is left to end the child.
    code = (
        "import os, subprocess, sys\n"
        f"arguments = [str(os.getpid()), {str(tmp_path)!r}, '60', '0']\n"
        "program = 'import sys; from tracer.workload.pressure import main; main(sys.argv[1:])'\n"
        "command = [sys.executable, '-c', program, *arguments]\n"
        "child = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL)\n"
        "child.stdin.write(b'go\\n'); child.stdin.flush()\n"
        "print(child.pid, flush=True)\n"
        "child.wait()\n"
    )
    starter = subprocess.Popen([sys.executable, "-c", code], cwd=ROOT, stdout=subprocess.PIPE, text=True)
    assert starter.stdout is not None
    child = os.pidfd_open(int(starter.stdout.readline()))
    try:
        wait_for(tmp_path / "folder-0")
        starter.send_signal(signal.SIGKILL)
        starter.communicate()
        assert ended_within(child, 10)
    finally:
        os.close(child)


def wait_for(path: Path) -> None:
    """Until the child has made its first folder: it is past asking to die with its parent then."""
    import time

    give_up = time.monotonic() + 20
    while not path.exists():
        assert time.monotonic() < give_up, f"{path} never came"
        time.sleep(0.01)


def ended_within(pidfd: int, seconds: float) -> bool:
    import select

    return bool(select.select([pidfd], [], [], seconds)[0])


def test_a_child_that_is_gone_before_it_begins_is_told_with_its_status():
    child = subprocess.Popen(["sh", "-c", "exit 7"], stdin=subprocess.PIPE)
    child.wait()
    with pytest.raises(TracerError, match="status 7"):
        process.BoundedLoad(child).begin()
    child.communicate()


def test_a_child_that_ends_while_it_makes_its_files_is_told_with_its_status():
    child = subprocess.Popen(["sh", "-c", "read _; exit 7"], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    with pytest.raises(TracerError, match="status 7"):
        process.BoundedLoad(child).prepare()
    child.communicate()


def test_its_folder_goes_even_if_its_removal_is_interrupted(tmp_path, monkeypatch):
    real = folder.shutil.rmtree
    interrupts = iter([KeyboardInterrupt])

    def rmtree(*arguments, **options):
        for interrupt in interrupts:
            raise interrupt
        real(*arguments, **options)

    monkeypatch.setattr(folder.shutil, "rmtree", rmtree)
    with pytest.raises(KeyboardInterrupt), folder.private_folder(tmp_path) as made:
        pressure.small_files(made.path)
    assert list(tmp_path.iterdir()) == []


def foreign(path: Path) -> None:
    path.mkdir(mode=0o777)
    path.chmod(0o777)


def full(path: Path) -> None:
    path.mkdir(mode=0o700)
    (path / "file").touch()


@pytest.mark.parametrize(
    "put", [foreign, full, lambda path: path.symlink_to("/"), Path.touch], ids=["foreign", "full", "link", "file"]
)
def test_what_somebody_puts_in_its_folders_place_is_not_used(tmp_path, monkeypatch, put):
    # GIVEN a directory whose owner renames the folder as soon as it is made, and puts something else there
    real = folder.os.mkdir

    def mkdir(name, mode, *, dir_fd):
        real(name, mode, dir_fd=dir_fd)
        monkeypatch.setattr(folder.os, "mkdir", real)
        (tmp_path / name).rename(tmp_path / "away")
        put(tmp_path / name)

    monkeypatch.setattr(folder.os, "mkdir", mkdir)
    # THEN there is no load, and nothing was done to what is there
    with pytest.raises(TracerError, match="can't create a directory for its files"), folder.private_folder(tmp_path):
        pass
    assert len(list(tmp_path.iterdir())) == 2


def test_only_what_is_in_its_folder_is_removed_where_that_is_renamed(tmp_path):
    with folder.private_folder(tmp_path) as made:
        (made.path / "below").mkdir()
        made.path.rename(tmp_path / "away")
        made.path.mkdir()
        (made.path / "file").touch()
    assert (made.path / "file").exists()
    assert list((tmp_path / "away").iterdir()) == []


def test_only_what_was_in_its_folder_is_swept_where_that_is_renamed(tmp_path, monkeypatch):
    sweepers = []
    real = subprocess.Popen

    def started(*arguments, **options):
        sweepers.append(real(*arguments, **options))
        return sweepers[-1]

    monkeypatch.setattr(sweeper.subprocess, "Popen", started)
    with folder.private_folder(tmp_path) as made:
        (made.path / "below").mkdir()
        with sweeper.swept(made, tmp_path / "no cgroup"):
            made.path.rename(tmp_path / "away")
            made.path.mkdir()
            (made.path / "file").touch()
            # WHEN its input ends, as where the process that watches is killed
            watching = sweepers.pop()
            watching.stdin.close()
            watching.wait()
        assert (made.path / "file").exists()
        assert list((tmp_path / "away").iterdir()) == []
