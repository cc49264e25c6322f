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


def test_what_live_found_at_its_end_is_what_its_recording_says(tmp_path: Path) -> None:
    # GIVEN a live view that records into a file while caches are dropped
    path = tmp_path / "live.rtrace"
    live = [*TRACER, "live", "-o", path, "--json", "--interval", "0.5", "-d", "3"]
    with subprocess.Popen(live, stdout=subprocess.PIPE, stderr=subprocess.PIPE, cwd=ROOT, env=ENV) as view:
        first = view.stdout.readline()
        subprocess.run(LOAD, check=True, stdout=subprocess.DEVNULL)
        *_, last = [first, *view.stdout.read().splitlines()]
        said = view.stderr.read().decode()
    assert view.returncode == 0, said
    # THEN its last object, and the recording played to its end, have the findings of `summary`, to the number
    summary = json.loads(run("summary", path, "--json").stdout)
    told, expected = json.loads(last), by_id(summary["findings"])
    assert (told["ended"], told["now_s"]) == ("closed", summary["recording"]["duration_s"])
    assert by_id(told["findings"]) == expected
    played = run("replay", "--live", path, "--speed", "max", env=ENV | {"TERM": "dumb"})
    assert played.stdout.endswith(run("summary", path).stdout)


def by_id(findings: list[dict[str, object]]) -> dict[object, dict[str, object]]:
    """Findings without the ids of their spans, which a view does not tell."""
    return {finding["id"]: {**finding, "spans": []} for finding in findings}


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
