"""The line that says how far something is."""

from __future__ import annotations

import io

import pytest

from tracer.terminal import progress
from tracer.terminal.progress import progress_bar

CLEAR = "\r\x1b[K"


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.fixture
def now(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The time, which only a test moves."""
    times = [100.0]
    monkeypatch.setattr(progress.time, "monotonic", lambda: times[0])
    return times


def test_on_a_terminal_it_is_written_over_and_gone_at_the_end(now, monkeypatch):
    monkeypatch.setattr("sys.stderr", terminal := Terminal())
    with progress_bar(quiet=False) as show:
        show("Reading", 0.5)
        show("too soon after the last", 0.6)
        now[0] += 1
        show("Running", None)
    assert terminal.getvalue() == f"{CLEAR}Reading:  50%{CLEAR}Running...{CLEAR}"


def test_it_gives_way_to_other_lines(now, monkeypatch):
    monkeypatch.setattr("sys.stderr", terminal := Terminal())
    with progress_bar(quiet=False) as show:
        show("Reading", 0.5)
        show.clear()
        show.clear()
    assert terminal.getvalue() == f"{CLEAR}Reading:  50%{CLEAR}"


@pytest.mark.parametrize(("stream", "quiet"), [(Terminal(), True), (io.StringIO(), False)])
def test_without_a_terminal_or_when_quiet_it_says_nothing(now, monkeypatch, stream, quiet):
    monkeypatch.setattr("sys.stderr", stream)
    with progress_bar(quiet=quiet) as show:
        show("Reading", 0.5)
    assert stream.getvalue() == ""
