"""`replay --live`: a recording played on the live view's screen, or as its lines."""

from __future__ import annotations

import os
import pty
import re
import select
import subprocess
import sys
from pathlib import Path

import pytest
from command_line import ENV, ROOT, run
from written_recordings import write_recording

PATIENCE_S = 60.0
DUMB = {"env": ENV | {"TERM": "dumb", "TZ": "UTC"}}


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return write_recording(tmp_path / "a.rtrace")


def test_without_a_terminal_it_prints_the_live_views_lines_and_then_the_summary(path):
    played = run("replay", "--live", path, "--speed", "max", **DUMB)
    assert (played.returncode, played.stderr) == (0, "")
    lines = played.stdout.splitlines()
    assert lines[0].split()[:3] == ["time", "state", "avail"]
    assert any(re.match(r"\d\d:\d\d:\d\d [A-Z]+ ", line) for line in lines)
    # AND the summary is the one that `summary` prints
    assert played.stdout.endswith(run("summary", path, **DUMB).stdout)


def test_it_takes_a_file_and_says_what_follows_a_stream(path):
    with path.open("rb") as stream:
        played = run("replay", "--live", "-", capture_output=False, stderr=subprocess.PIPE, stdin=stream, **DUMB)
    assert played.returncode == 2
    assert "`reclaim-tracer live -` follows a stream" in played.stderr
    assert len(played.stderr.splitlines()) == 1
    refused = run("replay", "--lines", path, **DUMB)
    assert refused.returncode == 2
    assert "--lines needs --live" in refused.stderr
    assert run("replay", "--live", path, "--speed", "20000", **DUMB).returncode == 2


def test_on_a_terminal_it_draws_until_q_and_leaves_the_terminal_as_it_was(path):
    # GIVEN a terminal on which it plays so slowly that it does not come to its end
    master, slave = pty.openpty()
    command = [sys.executable, "-m", "tracer", "replay", "--live", path, "--speed", "0.1"]
    environment = ENV | {"TERM": "xterm", "LINES": "24", "COLUMNS": "80"}
    process = subprocess.Popen(command, stdin=slave, stdout=slave, stderr=slave, cwd=ROOT, env=environment)
    os.close(slave)
    # WHEN it has drawn its place in the recording, and q is pressed
    drawn = read_until(master, re.compile(r"x0\.1"))
    os.write(master, b"q")
    rest = read_until(master, None)
    # THEN it ends well, and gives the screen back
    assert process.wait(60) == 0
    assert "\x1b[?1049h" in drawn
    assert "\x1b[?1049l" in rest
    assert "Traceback" not in drawn + rest
    os.close(master)


def read_until(descriptor: int, wanted: re.Pattern[str] | None) -> str:
    """What is written until that is seen, or until nobody holds the terminal any more."""
    seen = b""
    while wanted is None or not wanted.search(seen.decode(errors="replace")):
        assert select.select([descriptor], [], [], PATIENCE_S)[0], seen
        try:
            piece = os.read(descriptor, 65536)
        except OSError:
            break
        seen += piece
    return seen.decode(errors="replace")
