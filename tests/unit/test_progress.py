"""The line that says how far something is, on a terminal."""

from __future__ import annotations

import fcntl
import io
import os
import pty
import struct
import termios
from collections.abc import Iterator
from types import SimpleNamespace
from typing import TextIO

import pytest

from tracer.terminal import messages, progress, written_over
from tracer.terminal.messages import say
from tracer.terminal.progress import progress_bar
from tracer.terminal.written_over import LINE

CLEAR = "\r\x1b[K"


class Screen:
    """A pseudo-terminal as stderr; `text` is what has come since the last look."""

    def __init__(self) -> None:
        self.master, self.slave = pty.openpty()
        attributes = termios.tcgetattr(self.slave)
        attributes[1] &= ~termios.OPOST
        termios.tcsetattr(self.slave, termios.TCSANOW, attributes)
        self.resize(80)
        self.stderr = open(self.slave, "w", closefd=False)  # noqa: SIM115

    def resize(self, columns: int) -> None:
        fcntl.ioctl(self.slave, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))

    @property
    def text(self) -> str:
        """What came, up to a mark of our own: the kernel hands it over when it likes."""
        os.write(self.slave, b"\0")
        came = b""
        while not came.endswith(b"\0"):
            came += os.read(self.master, 65536)
        return came.removesuffix(b"\0").decode()


def set_stderr(monkeypatch: pytest.MonkeyPatch, stream: TextIO) -> None:
    """Where the line is written: pytest gives `sys.stderr` another stream between a fixture and its test."""
    for module in (written_over, messages):
        monkeypatch.setattr(module, "sys", SimpleNamespace(stderr=stream))


@pytest.fixture
def screen(monkeypatch: pytest.MonkeyPatch) -> Iterator[Screen]:
    screen = Screen()
    set_stderr(monkeypatch, screen.stderr)
    monkeypatch.setenv("TERM", "xterm")
    yield screen
    LINE.clear()
    os.close(screen.master)
    os.close(screen.slave)


@pytest.fixture
def now(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The time, which only a test moves."""
    times = [100.0]
    monkeypatch.setattr(progress.time, "monotonic", lambda: times[0])
    return times


def test_on_a_terminal_it_is_written_over_and_gone_at_the_end(now, screen):
    with progress_bar(quiet=False) as show:
        show("Reading", 0.5)
        show("too soon after the last", 0.6)
        now[0] += 1
        show("Running", None)
    assert screen.text == f"{CLEAR}Reading:  50%{CLEAR}Running...{CLEAR}"


def test_it_gives_way_to_other_lines(now, screen):
    with progress_bar(quiet=False) as show:
        show("Reading", 0.5)
        say("Something else")
        show.clear()
    assert screen.text == f"{CLEAR}Reading:  50%{CLEAR}Something else\n"


def test_it_never_takes_a_second_line(screen):
    screen.resize(10)
    LINE.show("0123456789 and more")
    assert screen.text == f"{CLEAR}012345678"


def test_a_terminal_that_knows_no_control_sequences_gets_blanks(screen, monkeypatch):
    monkeypatch.setenv("TERM", "dumb")
    LINE.show("12 s")
    LINE.show("1 s")
    LINE.clear()
    assert screen.text == f"12 s\r{' ' * 4}\r1 s\r{' ' * 4}\r"


def test_a_stopped_terminal_is_not_waited_for(screen):
    termios.tcflow(screen.slave, termios.TCOOFF)
    LINE.show("nobody reads this")
    assert os.get_blocking(screen.slave), "the shell's own descriptor still waits"
    termios.tcflow(screen.slave, termios.TCOON)
    LINE.show("12 s")
    assert screen.text == f"{CLEAR}12 s"


def test_a_terminal_that_is_gone_is_no_failure(screen):
    LINE.show("12 s")
    os.dup2(os.open(os.devnull, os.O_RDWR), screen.master)
    LINE.show("13 s")
    LINE.clear()


def test_when_quiet_it_says_nothing(now, screen):
    with progress_bar(quiet=True) as show:
        show("Reading", 0.5)
    assert screen.text == ""


def test_without_a_terminal_it_says_nothing(now, tmp_path, monkeypatch):
    with (tmp_path / "log").open("w") as log:
        for stream in (io.StringIO(), log):
            set_stderr(monkeypatch, stream)
            with progress_bar(quiet=False) as show:
                now[0] += 1
                show("Reading", 0.5)
    assert (tmp_path / "log").read_text() == ""
