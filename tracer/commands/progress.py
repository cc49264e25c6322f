"""One line on a terminal that says how far something is."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Final

_EVERY_S: Final = 0.2
_CLEAR: Final = "\r\x1b[K"


@contextmanager
def progress_bar(*, quiet: bool) -> Iterator[Callable[[str, float | None], None]]:
    """A function to call with what is being done and its share (0-1); silent unless stderr is a terminal."""
    shown_s = -_EVERY_S
    silent = quiet or not sys.stderr.isatty()

    def show(what: str, share: float | None) -> None:
        nonlocal shown_s
        now_s = time.monotonic()
        if silent or now_s - shown_s < _EVERY_S:
            return
        shown_s = now_s
        sys.stderr.write(f"{_CLEAR}{what}" + ("..." if share is None else f": {share:4.0%}"))
        sys.stderr.flush()

    try:
        yield show
    finally:
        if shown_s >= 0:
            sys.stderr.write(_CLEAR)
            sys.stderr.flush()
