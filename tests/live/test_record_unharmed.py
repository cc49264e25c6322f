"""What goes wrong with the recorder is not the traced command's, and what happens to it is said."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tracer.kernel import kernel_time
from tracer.store import Recording

ROOT = Path(__file__).parents[2]
ENV = os.environ | {"PYTHONPATH": str(ROOT)}
TRACER = [sys.executable, "-m", "tracer"]


@pytest.fixture
def small_disk(tmp_path: Path, need) -> Iterator[Path]:
    folder = tmp_path / "disk"
    folder.mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=16k", "none", folder], capture_output=True)
    need("live", mounted.returncode == 0, "no tmpfs can be mounted here")
    yield folder
    subprocess.run(["umount", folder], check=True)


def test_a_full_disk_leaves_the_command_alone_and_says_so(bcc, small_disk: Path, tmp_path: Path) -> None:
    load = 'trap "echo ended >> job; exit" TERM; echo 3 > /proc/sys/vm/drop_caches; for i in 1 2 3 4; do sleep 1; done'
    command = [*TRACER, "record", "--sample-interval", "0.01", "-o", str(small_disk / "r.rtrace"), "--", "sh", "-c"]
    done = subprocess.run(
        [*command, f"{load}; echo finished >> job"], capture_output=True, text=True, cwd=tmp_path, env=ENV, timeout=90
    )
    assert done.returncode == 1
    assert (tmp_path / "job").read_text() == "finished\n"
    assert "No space left on device" in done.stderr
    assert "the command keeps running, untraced" in done.stderr


@pytest.mark.parametrize("redirection", ["2>/dev/full", "2>&-"])
def test_a_stderr_that_takes_nothing_ends_no_recording(bcc, redirection: str, tmp_path: Path) -> None:
    shell = f'exec "$@" {redirection}'
    command = ["sh", "-c", shell, "sh", *TRACER, "record", "-o", "x.rtrace", "--", "sh", "-c", "sleep 1; touch done"]
    done = subprocess.run(command, stdout=subprocess.DEVNULL, cwd=tmp_path, env=ENV, timeout=90)
    assert done.returncode == 0
    assert (tmp_path / "done").exists()
    assert Recording.open(tmp_path / "x.rtrace").complete


@pytest.mark.parametrize("number", [signal.SIGHUP, signal.SIGQUIT])
def test_the_end_of_a_terminal_ends_a_recording_well(bcc, number: signal.Signals, tmp_path: Path) -> None:
    # Whoever runs the tests may have it ignored (nohup).
    command = ["env", "--default-signal", *TRACER, "record", "-o", "x.rtrace"]
    process = subprocess.Popen(
        command,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        cwd=tmp_path,
        env=ENV,
    )
    with process:
        assert process.stderr is not None
        for line in process.stderr:
            if line.startswith("Tracing"):
                break
        process.send_signal(number)
        process.communicate(timeout=60)
    assert process.returncode == 0
    recording = Recording.open(tmp_path / "x.rtrace")
    assert recording.complete
    assert recording.notes["stop_signal"] == number


def test_in_a_time_namespace_times_are_the_kernels(bcc, need, tmp_path: Path) -> None:
    need("live", shutil.which("unshare") is not None, "no unshare(1)")
    enter = ["unshare", "-T", "-f", "--monotonic=86400", "--boottime=86400"]
    tried = subprocess.run([*enter, "true"], capture_output=True)
    need("live", tried.returncode == 0, "no time namespace can be made here")
    before_ns = kernel_time.now_ns()
    evict = "sync; echo 2 > /proc/sys/vm/drop_caches"
    command = [*enter, *TRACER, "record", "-q", "-o", "x.rtrace", "--", "sh", "-c", evict]
    subprocess.run(command, stdout=subprocess.DEVNULL, cwd=tmp_path, env=ENV, check=True, timeout=90)
    recording = Recording.open(tmp_path / "x.rtrace")
    assert before_ns < recording.metadata.start_ns <= recording.first_ns <= recording.last_ns < kernel_time.now_ns()
    assert recording.event_count > 0


@pytest.mark.parametrize(("ends", "status"), [("exit 7", 7), ("true", 0), ("kill -9 $$", 137)])
def test_the_command_s_exit_status_is_handed_on(bcc, ends: str, status: int, tmp_path: Path) -> None:
    command = [*TRACER, "record", "-q", "-o", "x.rtrace", "--", "sh", "-c", ends]
    done = subprocess.run(command, stdout=subprocess.DEVNULL, cwd=tmp_path, env=ENV, timeout=90)
    assert done.returncode == status
    assert Recording.open(tmp_path / "x.rtrace").complete


def test_a_command_that_outlives_the_time_is_told_to_end_and_that_is_said(bcc, tmp_path: Path) -> None:
    command = [*TRACER, "record", "-d", "300ms", "-o", "x.rtrace", "--", "sleep", "60"]
    done = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path, env=ENV, timeout=90)
    assert done.returncode == 0
    assert "it was sent SIGTERM" in done.stderr


def test_a_way_of_counting_that_cannot_be_had_is_no_recording(bcc, tmp_path: Path) -> None:
    wanted = next((way for way in ("fentry", "kprobe") if not has(way)), None)
    if wanted is None:
        pytest.skip("live: this kernel has every way of counting the balloon's pages")
    command = [*TRACER, "record", "-d", "300ms", "--balloon-source", wanted, "-o", "x.rtrace"]
    done = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path, env=ENV, timeout=90)
    assert done.returncode == 3
    assert done.stderr.startswith(f"reclaim-tracer: error: --balloon-source {wanted} does not work here: ")
    assert not (tmp_path / "x.rtrace").exists()


def has(way: str) -> bool:
    command = [*TRACER, "check", "--json", "--balloon-source", way]
    told = subprocess.run(command, capture_output=True, text=True, cwd=ROOT, env=ENV, timeout=90).stdout
    return any(row["what"] == "balloon_run_pages" and row["state"] == "used" for row in json.loads(told)["plan"])


def test_a_recording_does_not_hide_one_in_several_files(bcc, tmp_path: Path) -> None:
    (tmp_path / "x.0001.rtrace").touch()
    command = [*TRACER, "record", "-d", "300ms", "-o", "x.rtrace"]
    done = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path, env=ENV, timeout=90)
    assert done.returncode == 1
    assert "x.0001.rtrace belongs to a recording of that name in several files" in done.stderr
    assert not (tmp_path / "x.rtrace").exists()


def test_under_nohup_the_end_of_a_terminal_ends_nothing(bcc, tmp_path: Path) -> None:
    load = ("sh", "-c", "kill -HUP $PPID; sleep 1")
    command = ["sh", "-c", 'trap "" HUP; exec "$@"', "sh", *TRACER, "record", "-q", "-o", "x.rtrace", "--", *load]
    subprocess.run(command, stdout=subprocess.DEVNULL, cwd=tmp_path, env=ENV, check=True, timeout=90)
    notes = Recording.open(tmp_path / "x.rtrace").notes
    assert notes["exit_status"] == 0
    assert "stop_signal" not in notes
