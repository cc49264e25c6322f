"""The summary after a recording is a process's own affair: what becomes of it never touches the recording."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

import pytest
from command_line import ENV
from written_recordings import write_recording

ENDED = """
import sys
from pathlib import Path
from tracer.jobs.closing_summary import print_summary
from tracer.outputs import FileIdentity
from tracer.recorder.capture import Captured
from tracer.terminal.exit_codes import run_to_exit

def end():
    path = Path(sys.argv[1])
    state = (path.parent / sys.argv[2]).stat()
    made = print_summary(Captured(path, {path: FileIdentity.of(state)}), verbose=False)
    analysis = [name for name in sys.modules if name.startswith("tracer.analyze")]
    print("made" if made else "not made", analysis, file=sys.stderr)

%s
run_to_exit(end)
"""
"""What a recorder does when its recording is closed; the second argument names the file that it wrote."""


def at_the_end(
    path: Path, *, written: str = "x.rtrace", before: str = "", **options: object
) -> subprocess.CompletedProcess[str]:
    settings = {"capture_output": True, "text": True, "env": ENV, "timeout": 60, **options}
    return subprocess.run([sys.executable, "-c", ENDED % before, path, written], **settings)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return write_recording(tmp_path / "x.rtrace")


def stand_in(tmp_path: Path, text: str) -> str:
    """A statement that has `text`, a shell script, run instead of the process that makes the summary."""
    program = tmp_path / "stand-in"
    program.write_text(f"#!/bin/sh\n{text}\n")
    program.chmod(0o755)
    return f"sys.executable = {str(program)!r}"


def test_it_is_printed_and_the_recorder_loads_no_analysis_for_it(path: Path) -> None:
    result = at_the_end(path)
    assert result.stdout.startswith("x.rtrace: 4.95 s on vm1")
    assert result.stderr == "made []\n"
    assert result.returncode == 0


@pytest.mark.parametrize(
    ("script", "why"),
    [
        ("kill -KILL $$", "its process was ended by SIGKILL"),
        ("kill -SEGV $$", "its process was ended by SIGSEGV"),
        ("exit 75", "not enough memory"),
    ],
)
def test_one_that_is_killed_or_gets_no_memory_is_a_line_and_no_failure(
    path: Path, tmp_path: Path, script: str, why: str
) -> None:
    result = at_the_end(path, before=stand_in(tmp_path, script))
    line, made = result.stderr.splitlines()
    assert line == f"{path} is complete; no summary was made ({why}); try: reclaim-tracer summary {path}"
    assert made == "not made []"
    assert result.stdout == ""
    assert result.returncode == 0


def test_where_no_process_can_be_started_it_is_a_line_as_well(path: Path) -> None:
    result = at_the_end(path, before="sys.executable = '/no/such/python'")
    assert "no summary was made (no process for it: No such file or directory)" in result.stderr
    assert result.returncode == 0


@pytest.mark.parametrize("room_mib", [8, 28, 100])
def test_memory_that_the_kernel_refuses_is_a_line_and_no_failure(path: Path, tmp_path: Path, room_mib: int) -> None:
    limited = stand_in(tmp_path, f'ulimit -v {room_mib << 10}; exec {sys.executable} "$@"')
    result = at_the_end(path, before=limited)
    assert "x.rtrace is complete; no summary was made (" in result.stderr
    assert "Traceback" not in result.stderr
    assert result.returncode == 0


def test_it_is_not_begun_where_it_takes_more_than_half_of_what_is_available(path: Path) -> None:
    room = "from tracer.kernel.memory_room import MemoryRoom\nprint_summary.__globals__['memory_room'] = lambda: "
    result = at_the_end(path, before=f"{room}MemoryRoom(95 << 20, 'MemAvailable')")
    assert "no summary was made (48 MiB are more than half of what is available (MemAvailable)); try:" in result.stderr
    assert result.returncode == 0
    assert at_the_end(path, before=f"{room}MemoryRoom(96 << 20, 'MemAvailable')").stdout.startswith("x.rtrace: ")


def test_another_file_by_the_recordings_name_is_refused_with_its_own_exit_code(path: Path, tmp_path: Path) -> None:
    write_recording(tmp_path / "other.rtrace")
    result = at_the_end(path, written="other.rtrace")
    assert "is no longer the recorded file" in result.stderr
    assert result.stdout == ""
    assert result.returncode == 4


def test_a_stdout_that_is_full_is_still_an_error(path: Path) -> None:
    with Path("/dev/full").open("w") as full:
        result = at_the_end(path, capture_output=False, stdout=full, stderr=subprocess.PIPE)
    assert result.stderr == "reclaim-tracer: error: can't write to stdout: No space left on device\n"
    assert result.returncode == 1


def children(pid: int) -> Sequence[int]:
    return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


@pytest.fixture
def ending(path: Path, tmp_path: Path):
    """A recorder whose summary takes its time: it waits for what nobody writes."""
    os.mkfifo(tmp_path / "fifo")
    script = stand_in(tmp_path, f"echo $$ >{tmp_path}/started; exec {sys.executable} -c \"open('{tmp_path}/fifo')\"")
    command = [sys.executable, "-c", ENDED % script, path, path.name]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=ENV) as process:
        while not (tmp_path / "started").exists() or not (tmp_path / "started").read_text().strip():
            assert process.poll() is None
            time.sleep(0.01)
        yield process
        process.kill()


def test_interrupting_the_recorder_ends_both(ending: subprocess.Popen[str]) -> None:
    (child,) = children(ending.pid)
    # The shell has become the process that waits.
    ending.send_signal(signal.SIGINT)
    ending.communicate(timeout=30)
    assert ending.returncode == 130
    assert not Path(f"/proc/{child}").exists()


def test_its_process_is_the_first_that_the_oom_killer_takes_and_ends_with_the_recorder(tmp_path: Path) -> None:
    # GIVEN a child that goes the same way but for the recording, which is a pipe that nobody writes to
    os.mkfifo(tmp_path / "x.rtrace")
    code = (
        "import os, sys; from tracer.recorder.handover import begin_beside; from pathlib import Path;"
        "arguments = {'path': Path(sys.argv[1]), 'identities': {}, 'verbose': False, 'parent': os.getpid()};"
        "child = begin_beside('tracer.jobs.closing_summary', arguments); print(child, flush=True);"
        "sys.stdin.read()"
    )
    command = [sys.executable, "-c", code, tmp_path / "x.rtrace"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=ENV) as parent:
        assert parent.stdout is not None
        child = int(parent.stdout.readline())
        score = Path(f"/proc/{child}/oom_score_adj")
        seen = {score.read_text().strip()}
        while "1000" not in seen and Path(f"/proc/{child}").exists():
            seen.add(score.read_text().strip())
        parent.kill()
    assert "1000" in seen
