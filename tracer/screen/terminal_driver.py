"""The terminal that is drawn on: stdout, with keys from the terminal itself where stdin is a recording that is read."""

from __future__ import annotations

import os
import select
import sys
from contextlib import suppress
from threading import Timer
from typing import Any, Final

from textual.app import App
from textual.drivers.linux_driver import LinuxDriver

TERMINAL: Final = "/dev/tty"
"""The one that the process was started on."""
_FRAMES_WAITING: Final = 4
"""Pieces of output; a frame is one or two. Textual waits for the terminal at 30 of them, and then for nothing else."""
_WAIT_S: Final = 0.1
_PATIENCE_S: Final = 2.0
"""How long the view's end waits for the terminal to take the last of it."""


class Drawn:
    """A terminal for drawing: one that is gone is no error of what is drawn on it, and one that takes nothing more
    (a connection that hangs) holds nobody up once it is given up."""

    def __init__(self, descriptor: int) -> None:
        self._own: int | None = None
        with suppress(OSError):
            # Opened anew, as not to wait on it would else hold for all who share the descriptor, such as the shell.
            self._own = os.open(os.ttyname(descriptor), os.O_WRONLY | os.O_NOCTTY | os.O_NONBLOCK | os.O_CLOEXEC)
        self._descriptor = descriptor if self._own is None else self._own
        self._is_given_up = False

    def write(self, text: str) -> int:
        """All of it, as far as there still is a terminal that takes it."""
        left = text.encode("utf-8", "replace")
        with suppress(OSError):
            while left and not self._is_given_up:
                try:
                    left = left[os.write(self._descriptor, left) :]
                except BlockingIOError:
                    select.select([], [self._descriptor], [], _WAIT_S)
        return len(text)

    def flush(self) -> None:
        """Nothing is held back."""

    def fileno(self) -> int:
        """The terminal's."""
        return self._descriptor

    def give_up(self) -> None:
        """Write nothing more."""
        self._is_given_up = True

    def close(self) -> None:
        """Give back the terminal."""
        if self._own is not None:
            os.close(self._own)
            self._own = None


class TerminalDriver(LinuxDriver):
    """Textual's driver draws on stderr and takes keys from stdin; here either may be led elsewhere.

    Raises OSError where there is no terminal for keys.
    """

    def __init__(
        self, app: App[Any], *, debug: bool = False, mouse: bool = True, size: tuple[int, int] | None = None
    ) -> None:
        super().__init__(app, debug=debug, mouse=mouse, size=size)
        self._drawn = Drawn(sys.__stdout__.fileno() if sys.__stdout__ else 1)
        self._file: Any = self._drawn
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
        """Stop drawing, which a terminal that takes nothing can't hold up, and give back what was opened."""
        patience = Timer(_PATIENCE_S, self._drawn.give_up)
        patience.start()
        super().close()
        patience.cancel()
        self._drawn.close()
        if self._own is not None:
            os.close(self._own)
            self._own = None
