"""A recording into a pipe, and what reads it there, say what the recording in a file says."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from command_line import ENV, ROOT, run

pytestmark = pytest.mark.usefixtures("bcc")

TRACER = (sys.executable, "-m", "tracer")
LOAD = ("sh", "-c", "echo from the command; echo 2 > /proc/sys/vm/drop_caches")


def test_a_pipe_tells_what_a_file_tells(tmp_path: Path) -> None:
    # GIVEN a recording of something, into a pipe and beside it into a file
    path = tmp_path / "beside.rtrace"
    record = [*TRACER, "record", "-o", "-", "--flush", "0.1", "--", *LOAD]
    with (
        subprocess.Popen(record, stdout=subprocess.PIPE, stderr=subprocess.PIPE, cwd=ROOT, env=ENV) as recorder,
        subprocess.Popen(["tee", path], stdin=recorder.stdout, stdout=subprocess.PIPE) as tee,
    ):
        # THEN what reads the pipe says what is said of the file, to the number
        piped = run("summary", "-", "--json", stdin=tee.stdout)
        said = recorder.stderr.read().decode()
    assert recorder.wait() == 0, said
    assert "from the command" in said
    assert json.loads(piped.stdout) == json.loads(run("summary", path, "--json").stdout)
    assert json.loads(piped.stdout)["recording"]["events"] > 0


def test_a_reader_that_goes_away_ends_the_recording_and_says_so() -> None:
    record = [*TRACER, "record", "-o", "-", "--flush", "0.1", "-d", "30"]
    with subprocess.Popen(record, stdout=subprocess.PIPE, stderr=subprocess.PIPE, cwd=ROOT, env=ENV) as recorder:
        assert recorder.stdout.read(1000)
        recorder.stdout.close()
        said = recorder.stderr.read().decode()
    assert recorder.returncode == 1
    assert "standard output: recording stopped: its reader has gone" in said
    assert "Traceback" not in said


def test_a_recorder_that_is_killed_leaves_a_stream_without_its_end_mark() -> None:
    record = [*TRACER, "record", "-o", "-", "--flush", "0.1"]
    with subprocess.Popen(record, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, cwd=ROOT, env=ENV) as recorder:
        start = recorder.stdout.read(1000)
        recorder.send_signal(signal.SIGKILL)
        rest = recorder.stdout.read()
    told = subprocess.run(
        [*TRACER, "summary", "-", "--json"], input=start + rest, capture_output=True, check=True, cwd=ROOT, env=ENV
    )
    assert json.loads(told.stdout)["recording"]["complete"] is False
