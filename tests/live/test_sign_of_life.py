"""The line on a terminal that says how a recording goes: there, gone at the end, and never in the recording's way."""

from __future__ import annotations

import os
import pty
import re
import signal
import subprocess
import sys
import termios
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tracer.store import Recording

ROOT = Path(__file__).parents[2]
LIFE = re.compile(rb"\r\x1b\[Ksince \w+ \d\d [\d:]{8}: [\d,]+ events, [\d,]+ lost(, balloon [\w.,]+( \w+)?)?")

PATIENCE_S = 120
"""What no machine needs, however busy."""


class Recorder:
    """`record` whose stderr is a pseudo-terminal."""

    def __init__(self, folder: Path, *options: str) -> None:
        self.path = folder / "x.rtrace"
        self.master, slave = pty.openpty()
        self.name = os.ttyname(slave)
        self.printed = b""
        command = [sys.executable, "-m", "tracer", "record", "-o", str(self.path), *options]
        environment = {**os.environ, "PYTHONPATH": str(ROOT), "TERM": "xterm"}
        self.process = subprocess.Popen(
            command, stdout=subprocess.DEVNULL, stderr=slave, stdin=subprocess.DEVNULL, cwd=folder, env=environment
        )
        os.close(slave)

    def read_until(self, pattern: re.Pattern[bytes]) -> None:
        while not pattern.search(self.printed):
            self.printed += os.read(self.master, 4096)

    def assert_goes_on(self) -> None:
        """The recording grows: it flushes every five seconds at least."""
        before, until_s = self.path.stat().st_size, time.monotonic() + PATIENCE_S
        while self.path.stat().st_size == before:
            assert self.process.poll() is None
            assert time.monotonic() < until_s, "it stands still"
            time.sleep(0.05)

    def finish(self) -> None:
        """Read the rest; what is recorded is whole."""
        try:
            while piece := os.read(self.master, 4096):
                self.printed += piece
        except OSError:
            pass  # a pseudo-terminal's end
        self.assert_whole()

    def assert_whole(self) -> None:
        assert self.process.wait(60) == 0
        assert Recording.open(self.path).complete


@pytest.fixture
def recorder(bcc, tmp_path: Path) -> Iterator[Recorder]:
    recorder = Recorder(tmp_path)
    yield recorder
    recorder.process.kill()
    recorder.process.wait()


def test_it_is_there_while_it_records_and_gone_at_the_end(recorder: Recorder) -> None:
    recorder.read_until(LIFE)
    recorder.process.send_signal(signal.SIGINT)
    recorder.finish()
    last = list(LIFE.finditer(recorder.printed))[-1]
    assert re.match(rb"(\^C)?\r\x1b\[KWrote\s", recorder.printed[last.end() :])
    for line in recorder.printed.split(b"\n"):
        assert not re.match(rb"since ", line.rpartition(b"\r\x1b[K")[2]), "nothing of it stays"


def test_a_terminal_that_goes_away_does_not_end_the_recording(recorder: Recorder) -> None:
    recorder.read_until(LIFE)
    os.close(recorder.master)
    recorder.assert_goes_on()
    recorder.process.send_signal(signal.SIGINT)
    recorder.assert_whole()


def test_a_stopped_terminal_does_not_hold_the_recording_up(recorder: Recorder) -> None:
    recorder.read_until(LIFE)
    terminal = os.open(recorder.name, os.O_RDWR | os.O_NOCTTY)
    termios.tcflow(terminal, termios.TCOOFF)
    recorder.assert_goes_on()
    recorder.assert_goes_on()
    termios.tcflow(terminal, termios.TCOON)
    os.close(terminal)
    recorder.process.send_signal(signal.SIGINT)
    recorder.finish()


@pytest.mark.parametrize("options", [("-q", "-d", "2"), ("-v", "-d", "2"), ("--", "sleep", "2")])
def test_where_nobody_asked_for_it_it_is_not_there(bcc, tmp_path: Path, options: tuple[str, ...]) -> None:
    recorder = Recorder(tmp_path, *options)
    recorder.finish()
    assert not LIFE.search(recorder.printed)
