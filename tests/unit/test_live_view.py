"""`live` on a terminal: the screen where it can be drawn, lines where not, and the terminal as it was at the end."""

from __future__ import annotations

import fcntl
import os
import pty
import signal
import struct
import subprocess
import sys
import termios
from collections.abc import Callable
from pathlib import Path

import pytest
from command_line import ENV, ROOT
from written_recordings import write_recording

ALTERNATE, NORMAL = b"\x1b[?1049h", b"\x1b[?1049l"
"""The alternate screen on and off: xterm's ctlseqs, DECSET 1049."""


class Terminal:
    """A command on a terminal of 80 columns and 24 lines."""

    def __init__(self, *arguments: object, term: str = "xterm") -> None:
        self.master, slave = pty.openpty()
        fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 80, 0, 0))
        self.before = termios.tcgetattr(self.master)
        self.process = subprocess.Popen(
            [sys.executable, "-m", "tracer", *map(str, arguments)],
            stdin=slave,
            stdout=slave,
            stderr=slave,
            cwd=ROOT,
            env={**ENV, "TERM": term},
            start_new_session=True,
        )
        os.close(slave)
        self.printed = b""

    def until(self, words: bytes) -> None:
        """Read until these words have come. Raises AssertionError where they never do."""
        while words not in self.printed:
            assert self._read(), self.printed[-2000:]

    def rest(self) -> int:
        """Read to the end; the exit status."""
        while self._read():
            pass
        os.close(self.master)
        return self.process.wait(30)

    def press(self, keys: bytes) -> None:
        os.write(self.master, keys)

    def _read(self) -> bool:
        try:
            piece = os.read(self.master, 65536)
        except OSError:
            return False
        self.printed += piece
        return bool(piece)


@pytest.fixture(scope="module")
def recording(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_recording(tmp_path_factory.mktemp("view") / "small.rtrace")


@pytest.mark.parametrize(
    "end",
    [
        lambda terminal: terminal.press(b"q"),
        lambda terminal: terminal.press(b"\x03"),
        lambda terminal: terminal.process.send_signal(signal.SIGTERM),
    ],
    ids=["q", "Ctrl-C", "SIGTERM"],
)
def test_a_screen_is_drawn_and_taken_away_whatever_ends_it(recording: Path, end: Callable[[Terminal], None]) -> None:
    terminal = Terminal("live", recording)
    terminal.until(b"small.rtrace")
    terminal.until(b"quit")
    end(terminal)
    assert terminal.rest() == 0
    assert terminal.printed.count(ALTERNATE) == terminal.printed.count(NORMAL) == 1
    assert b"Verdict:" in terminal.printed.partition(NORMAL)[2]


@pytest.mark.parametrize(("arguments", "term"), [((), "dumb"), (("--lines",), "xterm"), (("--count", 1), "xterm")])
def test_lines_are_printed_where_no_screen_can_be_or_is_wanted(
    recording: Path, arguments: tuple[object, ...], term: str
) -> None:
    terminal = Terminal("live", recording, "--no-summary", *arguments, term=term)
    assert terminal.rest() == 0
    assert ALTERNATE not in terminal.printed
    assert b"\x1b" not in terminal.printed
    # What is said of the recording's end may come first: it goes to stderr, which waits for nothing.
    assert b"\ntime     state" in b"\n" + terminal.printed
