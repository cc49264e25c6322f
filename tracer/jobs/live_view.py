"""Which view a recording that goes on gets: a screen where there is a terminal to draw on, else lines or JSON."""

from __future__ import annotations

import os
import sys
import threading
from collections.abc import Callable
from typing import TYPE_CHECKING, Final

from ..terminal.messages import say
from .line_output import LineOutput
from .live_watch import Wishes, watch

if TYPE_CHECKING:
    from ..live.session import Session

_PLAIN_TERMINALS: Final = frozenset({"", "dumb", "unknown"})


def show(
    session: Session, wishes: Wishes, stop: threading.Event, is_over: Callable[[], bool] = lambda: False
) -> list[str]:
    """Show a session until it or somebody ends it; what was waited for, with its numbers, where that ended it.

    See `watch` for what the arguments mean. Raises what the view fails with.
    """
    if not wants_screen(wishes):
        sys.stdout.flush()
        return watch(session, wishes, LineOutput(_write_stdout), stop, say, is_over)
    from ..screen.app import run

    if not stop.is_set():
        run(session)
    return []


def _write_stdout(text: str) -> None:
    """Past Python's buffer, whose lock would hold up the interpreter's end where a write is never taken."""
    data = text.encode(sys.stdout.encoding or "utf-8", "replace")
    while data:
        data = data[os.write(1, data) :]


def wants_screen(wishes: Wishes) -> bool:
    """Whether stdout is a terminal that can be drawn on, and nobody asked for lines."""
    return not wishes.lines and sys.stdout.isatty() and os.environ.get("TERM", "") not in _PLAIN_TERMINALS
