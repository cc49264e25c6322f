"""One line on a terminal that says how far something is."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from .messages import write_stderr

_EVERY_S: Final = 0.2
_CLEAR: Final = "\r\x1b[K"


class ProgressLine:
    """A line on stderr that is written over; silent unless stderr is a terminal."""

    def __init__(self, *, quiet: bool) -> None:
        self._silent = quiet or not sys.stderr.isatty()
        self._next_s = 0.0
        self._shown = False

    def __call__(self, what: str, share: float | None) -> None:
        """Say what is being done and its share (0-1)."""
        now_s = time.monotonic()
        if self._silent or now_s < self._next_s:
            return
        self._next_s, self._shown = now_s + _EVERY_S, True
        write_stderr(f"{_CLEAR}{what}" + ("..." if share is None else f": {share:4.0%}"))

    def clear(self) -> None:
        """Take the line away, so that something else can be printed."""
        if self._shown:
            self._shown = False
            write_stderr(_CLEAR)


@contextmanager
def progress_bar(*, quiet: bool) -> Iterator[ProgressLine]:
    """A progress line that is gone after the block."""
    line = ProgressLine(quiet=quiet)
    try:
        yield line
    finally:
        line.clear()
