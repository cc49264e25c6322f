"""The view on a real terminal: whatever ends it, the terminal is as it was before."""

from __future__ import annotations

import fcntl
import os
import pty
import re
import select
import signal
import struct
import subprocess
import sys
import termios
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tracer.screen.terminal_driver import Drawn

PROGRAM = Path(__file__).with_name("viewed_process.py")
IMPORTS = {"PYTHONPATH": os.pathsep.join((str(PROGRAM.parents[2]), str(PROGRAM.parent)))}
SHOWN = b"\x1b[?1049h"
RESTORED = (b"\x1b[?1049l", b"\x1b[?25h", b"\x1b[?1003l", b"\x1b[?2004l", b"\x1b[?7h")
"""The alternate screen left, the cursor shown, the mouse, pasting and wrapping as before."""
PATIENCE_S = 60.0


class Terminal:
    """A view on a terminal of its own, of 80x24."""

    def __init__(self, what: str, *, stdin: int | None = None, stderr: int | None = None, **environment: str) -> None:
        self.master, slave = pty.openpty()
        fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 80, 0, 0))
        self.before = termios.tcgetattr(slave)
        self.slave = slave
        self.drawn = b""
        kept = {name: value for name, value in os.environ.items() if name not in {"NO_COLOR", "COLUMNS", "LINES"}}
        self.process = subprocess.Popen(
            [sys.executable, "-c", _LEADER, sys.executable, str(PROGRAM), what],
            stdin=slave if stdin is None else stdin,
            stdout=slave,
            stderr=slave if stderr is None else stderr,
            env=kept | IMPORTS | {"TERM": "xterm-256color"} | environment,
            start_new_session=True,
        )

    def until(self, text: bytes) -> bytes:
        """Read until this was drawn."""
        end = time.monotonic() + PATIENCE_S
        while text not in self.drawn:
            assert time.monotonic() < end, self.drawn[-2000:]
            self._read()
        return self.drawn

    def ended(self) -> tuple[bytes, int]:
        """All that was drawn, and the exit status."""
        end = time.monotonic() + PATIENCE_S
        while self.process.poll() is None:
            assert time.monotonic() < end
            self._read()
        while self._read():
            pass
        return self.drawn, self.process.wait()

    def press(self, keys: bytes) -> None:
        os.write(self.master, keys)

    def attributes(self) -> list[object]:
        return termios.tcgetattr(self.slave)

    def _read(self) -> bool:
        if not select.select([self.master], [], [], 0.1)[0]:
            return False
        try:
            piece = os.read(self.master, 65536)
        except OSError:
            return False
        self.drawn += piece
        return bool(piece)


_LEADER = """
import fcntl, os, signal, sys, termios
fcntl.ioctl(1, termios.TIOCSCTTY, 0)
for number in (signal.SIGINT, signal.SIGQUIT, signal.SIGHUP):
    signal.signal(number, signal.SIG_DFL)
os.execv(sys.argv[1], sys.argv[1:])
"""
"""Makes the terminal the controlling one and ignores no signal, as a login does: a background job ignores two."""


@contextmanager
def terminal(what: str = "given", **options: object) -> Iterator[Terminal]:
    shown = Terminal(what, **options)
    try:
        yield shown
    finally:
        if shown.process.poll() is None:
            shown.process.kill()
            shown.process.wait()
        os.close(shown.master)
        os.close(shown.slave)


def assert_restored(shown: Terminal, drawn: bytes) -> bytes:
    """The terminal is as before; what was printed below the screen."""
    for sequence in RESTORED:
        assert sequence in drawn
    assert shown.attributes() == shown.before
    return re.sub(rb"\x1b\[[0-9;?<>=]*[a-zA-Z]", b"", drawn[drawn.rindex(RESTORED[0]) :])


@pytest.mark.parametrize("key", [b"q", b"\x03", b"\x11"])
def test_a_key_ends_the_view(key):
    with terminal() as shown:
        shown.until(b"FIGHTING")
        shown.press(key)
        drawn, status = shown.ended()
        printed = assert_restored(shown, drawn)
        assert status == 0
        assert b"the view has ended, asked: []" in printed


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP, signal.SIGINT])
def test_a_signal_ends_the_view(number):
    with terminal() as shown:
        shown.until(b"FIGHTING")
        shown.process.send_signal(number)
        drawn, status = shown.ended()
        printed = assert_restored(shown, drawn)
        assert status == 0
        assert b"the view has ended" in printed


def test_an_error_nobody_expected_is_printed_once_the_terminal_is_restored():
    with terminal("failing") as shown:
        shown.until(b"FIGHTING")
        shown.press(b"r")
        drawn, status = shown.ended()
        printed = assert_restored(shown, drawn)
        assert status == 1
        assert b"Traceback" in printed
        assert b"ZeroDivisionError: made to fail" in printed
        assert b"Traceback" not in drawn[: drawn.rindex(RESTORED[0])]


def test_an_error_of_a_recording_is_one_line():
    with terminal("unreadable") as shown:
        drawn, status = shown.ended()
        printed = assert_restored(shown, drawn)
        assert status == 4
        assert printed.strip() == b"reclaim-tracer: error: x.rtrace: [red]damaged"


def test_a_terminal_that_is_closed_ends_the_view():
    shown = Terminal("given")
    try:
        shown.until(b"FIGHTING")
        os.close(shown.slave)
        os.close(shown.master)
        assert shown.process.wait(PATIENCE_S) in {0, 1, 120}
    finally:
        if shown.process.poll() is None:
            shown.process.kill()
            shown.process.wait()


def test_keys_come_from_the_terminal_where_stdin_is_a_recording_and_nothing_is_drawn_on_stderr(tmp_path):
    reader, writer = os.pipe()
    with (tmp_path / "stderr").open("wb") as stderr, terminal(stdin=reader, stderr=stderr.fileno()) as shown:
        shown.until(b"FIGHTING")
        shown.press(b"q")
        drawn, status = shown.ended()
        assert status == 0
        assert b"the view has ended" in assert_restored(shown, drawn)
    assert (tmp_path / "stderr").read_bytes() == b""
    os.close(reader)
    os.close(writer)


def test_without_a_terminal_for_keys_it_says_what_to_do():
    result = subprocess.run(
        [sys.executable, str(PROGRAM), "given"],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        start_new_session=True,
        env=os.environ | IMPORTS,
    )
    assert result.returncode == 2
    assert result.stderr.count(b"\n") == 1
    assert b"there is no terminal to take keys from: --lines" in result.stderr
    assert result.stdout == b""


def test_no_color_draws_no_colour_and_still_says_it_in_words():
    colour = re.compile(rb"\x1b\[(?:\d+;)*(?:3[0-7]|4[0-7]|9[0-7]|10[0-7]|38;[25]|48;[25])(?:;\d+)*m")
    for environment, is_coloured in (({}, True), ({"NO_COLOR": "1"}, False)):
        with terminal(**environment) as shown:
            shown.until(b"FIGHTING")
            shown.press(b"q")
            assert bool(colour.search(shown.ended()[0])) is is_coloured


def test_a_terminal_that_takes_nothing_is_given_up():
    master, slave = pty.openpty()
    drawn = Drawn(slave)
    writing = threading.Thread(target=drawn.write, args=("x" * 1_000_000,))
    writing.start()
    assert os.read(master, 1) == b"x"
    assert writing.is_alive(), "no terminal takes a million letters that nobody reads"
    drawn.give_up()
    writing.join(PATIENCE_S)
    assert not writing.is_alive()
    drawn.close()
    os.close(master)
    os.close(slave)


def test_a_view_ends_though_its_terminal_takes_nothing():
    with terminal("changing") as shown:
        shown.until(b"FIGHTING")
        # Nobody reads from here on.
        fcntl.ioctl(shown.slave, termios.TCXONC, termios.TCOOFF)
        shown.process.send_signal(signal.SIGTERM)
        assert shown.process.wait(PATIENCE_S) == 0
        fcntl.ioctl(shown.slave, termios.TCXONC, termios.TCOON)
        assert shown.attributes() == shown.before
