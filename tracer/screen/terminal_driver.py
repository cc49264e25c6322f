"""The terminal that is drawn on: stdout, with keys from the terminal itself where stdin is a recording that is read."""

from __future__ import annotations

import os
import select
import sys
from contextlib import suppress
from typing import Any, Final

from textual.app import App
from textual.drivers.linux_driver import LinuxDriver

TERMINAL: Final = "/dev/tty"
"""The one that the process was started on."""
_FRAMES_WAITING: Final = 4
"""Pieces of output; a frame is one or two. Textual waits for the terminal at 30 of them, and then for nothing else."""


class _Drawn:
    """Stdout for drawing: a terminal that is gone is no error of what is drawn on it, and must not hold it up."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor

    def write(self, text: str) -> int:
        """All of it, as far as there still is a terminal."""
        left = text.encode("utf-8", "replace")
        with suppress(OSError):
            while left:
                left = left[os.write(self._descriptor, left) :]
        return len(text)

    def flush(self) -> None:
        """Nothing is held back."""

    def fileno(self) -> int:
        """Stdout's."""
        return self._descriptor


class TerminalDriver(LinuxDriver):
    """Textual's driver draws on stderr and takes keys from stdin; here either may be led elsewhere.

    Raises OSError where there is no terminal for keys.
    """

    def __init__(
        self, app: App[Any], *, debug: bool = False, mouse: bool = True, size: tuple[int, int] | None = None
    ) -> None:
        super().__init__(app, debug=debug, mouse=mouse, size=size)
        self._file: Any = _Drawn(sys.__stdout__.fileno() if sys.__stdout__ else 1)
        self._own: int | None = None
        if not os.isatty(self.fileno):
            self.fileno = self._own = os.open(TERMINAL, os.O_RDWR | os.O_NOCTTY | os.O_CLOEXEC)
            self.input_tty = True

    @property
    def has_hung_up(self) -> bool:
        """Whether the terminal is gone (its window was closed, the connection broke)."""
        poll = select.poll()
        poll.register(self.fileno, 0)
        return bool(poll.poll(0))

    @property
    def is_behind(self) -> bool:
        """Whether the terminal has not taken yet what was drawn before."""
        return self._writer_thread is not None and self._writer_thread._queue.qsize() > _FRAMES_WAITING  # noqa: SLF001

    def run_input_thread(self) -> None:
        """Take keys until the end; a terminal that is gone has none."""
        with suppress(OSError):
            super().run_input_thread()

    def close(self) -> None:
        """Stop drawing, and give back the terminal that was opened."""
        super().close()
        if self._own is not None:
            os.close(self._own)
            self._own = None
