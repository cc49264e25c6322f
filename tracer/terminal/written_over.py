"""One line on stderr's terminal that is written over, for what changes while somebody waits."""

from __future__ import annotations

import os
import sys
from typing import Final

_COLUMNS: Final = 80
"""Of a terminal that has no size, a serial console say."""


class WrittenOver:
    """Such a line. Silent where stderr is no terminal, or one that belongs to others just now (a job in background).

    It never waits: a terminal that is stopped (Ctrl-S) or gone misses what it can't take. Hence the descriptor of its
    own for each writing: not to wait is a property of the open file, and stderr's is the shell's, too.
    """

    def __init__(self) -> None:
        self._columns = 0

    def show(self, text: str) -> None:
        """Write one printable line over the last one."""
        if (terminal := _own_terminal()) is None:
            return
        line = text[: _columns(terminal) - 1]
        if _write(terminal, f"{self._erase()}{line}"):
            self._columns = max(self._columns, len(line))

    def clear(self) -> None:
        """Take the line away, so that something else can be printed."""
        if self._columns and (terminal := _own_terminal()) is not None:
            _write(terminal, self._erase())
        self._columns = 0

    def _erase(self) -> str:
        if os.environ.get("TERM", "dumb") == "dumb":
            return f"\r{' ' * self._columns}\r" if self._columns else ""
        return "\r\x1b[K"


def stderr_columns() -> int | None:
    """How wide stderr is; None where it is no terminal."""
    return None if (terminal := _terminal()) is None else _columns(terminal)


def _terminal() -> int | None:
    """Stderr's descriptor where it is a terminal."""
    try:
        stderr = sys.stderr.fileno()
    except (OSError, ValueError):
        return None
    return stderr if os.isatty(stderr) else None


def _own_terminal() -> int | None:
    """The same where it is this process's turn to write there."""
    terminal = _terminal()
    return terminal if terminal is not None and _in_foreground(terminal) else None


def _columns(terminal: int) -> int:
    try:
        return os.get_terminal_size(terminal).columns or _COLUMNS
    except OSError:
        return _COLUMNS


def _write(terminal: int, text: str) -> bool:
    """Whether it took any of it."""
    try:
        own = os.open(f"/proc/self/fd/{terminal}", os.O_WRONLY | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC)
    except OSError:
        return False
    try:
        return os.write(own, text.encode()) > 0
    except OSError:
        return False
    finally:
        os.close(own)


def _in_foreground(terminal: int) -> bool:
    """Whether a shell has given the terminal to this process; also where it is nobody's to give."""
    try:
        return os.tcgetpgrp(terminal) in (os.getpgrp(), 0)
    except OSError:
        return True


LINE: Final = WrittenOver()
"""A process has one stderr, and one such line: whatever else is said takes it away first."""
