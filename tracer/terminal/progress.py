"""How far something is, for somebody who waits at a terminal."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from .written_over import LINE

_EVERY_S: Final = 0.2


class ProgressLine:
    """A line on stderr that is written over; silent unless stderr is a terminal."""

    def __init__(self, *, quiet: bool) -> None:
        self._silent = quiet
        self._next_s = 0.0

    def __call__(self, what: str, share: float | None) -> None:
        """Say what is being done and its share (0-1)."""
        now_s = time.monotonic()
        if self._silent or now_s < self._next_s:
            return
        self._next_s = now_s + _EVERY_S
        LINE.show(what + ("..." if share is None else f": {share:4.0%}"))

    def clear(self) -> None:
        """Take the line away, so that something else can be printed."""
        LINE.clear()


@contextmanager
def progress_bar(*, quiet: bool) -> Iterator[ProgressLine]:
    """A progress line that is gone after the block."""
    line = ProgressLine(quiet=quiet)
    try:
        yield line
    finally:
        line.clear()
