"""What commands print on a real terminal of a given size: its width, its colours, the verdict at its end."""

from __future__ import annotations

import fcntl
import os
import pty
import re
import struct
import subprocess
import sys
import termios
from pathlib import Path

import pytest
from written_recordings import write_recording

from tracer.terminal.cells import cells

ROOT = Path(__file__).parents[2]
COLOUR = re.compile(r"\x1b\[[0-9;]*m")
UNSET = ("NO_COLOR", "FORCE_COLOR", "CLICOLOR", "CLICOLOR_FORCE", "COLUMNS", "LINES")
SIZES = ((24, 80), (40, 120), (200, 200))


def on_a_terminal(
    lines: int, columns: int, *arguments: object, stderr: bool = False, **environment: str
) -> tuple[str, int]:
    """What is printed, or what is said on stderr, and the exit status."""
    master, slave = pty.openpty()
    attributes = termios.tcgetattr(slave)
    attributes[1] &= ~termios.OPOST
    termios.tcsetattr(slave, termios.TCSANOW, attributes)
    fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", lines, columns, 0, 0))
    kept = {name: value for name, value in os.environ.items() if name not in UNSET}
    command = [sys.executable, "-m", "tracer", *map(str, arguments)]
    process = subprocess.Popen(
        command,
        stdout=subprocess.DEVNULL if stderr else slave,
        stderr=slave if stderr else subprocess.DEVNULL,
        stdin=subprocess.DEVNULL,
        cwd=ROOT,
        env=kept | {"TERM": "xterm", **environment},
    )
    os.close(slave)
    printed = b""
    try:
        while piece := os.read(master, 65536):
            printed += piece
    except OSError:
        pass
    os.close(master)
    return printed.decode(), process.wait()


@pytest.fixture(scope="module")
def recording(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_recording(tmp_path_factory.mktemp("terminal") / "small.rtrace")


@pytest.mark.parametrize(("lines", "columns"), SIZES)
def test_a_summary_fits_and_ends_with_its_verdict_where_it_is_longer_than_the_screen(recording, lines, columns):
    printed, status = on_a_terminal(lines, columns, "summary", recording)
    assert status == 0
    assert "\x1b[1;31mVerdict:\x1b[0m [critical] " in printed
    parts = COLOUR.sub("", printed).removesuffix("\n").split("\n\n")
    assert max(map(cells, "\n".join(parts).splitlines())) <= columns
    assert parts[1].startswith("Verdict: ")
    assert (parts[-1] == parts[1]) is (lines < 100)


@pytest.mark.parametrize(("lines", "columns"), SIZES)
def test_check_fits_and_ends_with_its_verdict_where_it_is_longer_than_the_screen(lines, columns):
    for options in ((), ("-v",)):
        printed, status = on_a_terminal(lines, columns, "check", *options)
        assert status in {0, 3}
        assert "\x1b[3" in printed
        plain = COLOUR.sub("", printed)
        assert max(map(cells, plain.splitlines())) <= columns
        parts = plain.removesuffix("\n").split("\n\n")
        assert parts[0].startswith("Live tracing ")
        assert (parts[-1] == parts[0]) is (plain.count("\n") > lines)


@pytest.mark.parametrize("environment", [{"NO_COLOR": "1"}, {"TERM": "dumb"}])
def test_colours_can_be_done_without(recording, environment):
    printed, _ = on_a_terminal(24, 80, "summary", recording, **environment)
    assert "\x1b" not in printed
    assert "critical" in printed


def test_what_a_program_reads_is_the_same_on_a_terminal(recording):
    printed, _ = on_a_terminal(24, 80, "summary", recording, "--json")
    piped = subprocess.run(
        [sys.executable, "-m", "tracer", "summary", str(recording), "--json"],
        capture_output=True,
        text=True,
        cwd=ROOT,
        check=True,
    )
    assert printed == piped.stdout


LONG = "a-recording-whose-name-alone-is-longer-than-a-line-of-the-narrowest-terminal-that-is-tried-here.rtrace"
TRACE = " kswapd0-49 [001] ..... 5.000000: mm_vmscan_kswapd_wake: nid=0 order=0\n"


@pytest.mark.parametrize(("lines", "columns"), [(24, 80), (40, 120)])
def test_what_is_said_is_wrapped_at_words(tmp_path, lines, columns):
    output = tmp_path / "no folder of this name" / "x.rtrace"
    source = tmp_path / "trace.txt"
    source.write_text(TRACE)
    said, status = on_a_terminal(lines, columns, "import", source, "-o", output, stderr=True)
    assert status == 1
    parts = said.removesuffix("\n").split("\n")
    assert len(parts) > 1
    assert max(map(cells, parts)) <= columns
    assert all(part.startswith("  ") for part in parts[1:])
    piped = subprocess.run(
        [sys.executable, "-m", "tracer", "import", str(source), "-o", str(output)],
        capture_output=True,
        text=True,
        cwd=ROOT,
    )
    assert piped.stderr.count("\n") == 1
    assert "".join(said.split()) == "".join(piped.stderr.split())


def test_a_command_to_be_pasted_stays_in_one_piece(tmp_path):
    source, output = tmp_path / "trace.txt", tmp_path / LONG
    source.write_text(TRACE)
    said, status = on_a_terminal(24, 80, "import", source, "-o", output, stderr=True)
    assert status == 0
    assert f"Next: reclaim-tracer summary {output}\n" in said
