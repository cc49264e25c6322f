"""Text for a reader that may be slow: written in a thread of its own, so that whoever has more is never held up."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable
from typing import Final

GIVEN_UP_S: Final = 2.0
"""How long the end waits for a reader that takes nothing, once the view was told to end."""
MOST_WAITING: Final = 8
"""Texts: a reader that pauses for a few of them misses none."""
_LOOK_S: Final = 0.05


class LineOutput:
    """Hands text to `write` in the order it came. What writing fails with is raised by the next call of any method."""

    def __init__(self, write: Callable[[str], object], most: int = MOST_WAITING) -> None:
        self._write = write
        self._most = most
        self._texts: deque[str] = deque()
        self._changed = threading.Condition()
        self._closed = False
        self._failure: Exception | None = None
        # A daemon: nothing can call back a write that nobody takes.
        self._thread = threading.Thread(target=self._run, name="lines", daemon=True)
        self._thread.start()

    @property
    def is_free(self) -> bool:
        """Whether fewer than `most` texts wait for the reader. Raises OSError."""
        with self._changed:
            self._raise()
            return len(self._texts) < self._most

    def put(self, text: str) -> None:
        """Have a text written behind those before it. Raises OSError."""
        with self._changed:
            self._raise()
            self._texts.append(text)
            self._changed.notify_all()

    def close(self, hurry: threading.Event) -> bool:
        """Wait until all is taken; once `hurry` is set, GIVEN_UP_S at most. False where that was not enough.

        Raises OSError.
        """
        with self._changed:
            self._closed = True
            self._changed.notify_all()
        left_s = GIVEN_UP_S
        while self._thread.is_alive() and left_s > 0:
            self._thread.join(_LOOK_S)
            left_s -= _LOOK_S * hurry.is_set()
        with self._changed:
            self._raise()
            return not self._texts

    def _raise(self) -> None:
        if self._failure:
            raise self._failure

    def _run(self) -> None:
        while (text := self._next()) is not None:
            try:
                self._write(text)
            except Exception as error:  # noqa: BLE001 - whoever has more to write has to hear of it
                with self._changed:
                    self._failure = error
                return
            with self._changed:
                self._texts.popleft()

    def _next(self) -> str | None:
        """The oldest text, which stays until it was taken; None at the end."""
        with self._changed:
            while not self._texts and not self._closed:
                self._changed.wait()
            return self._texts[0] if self._texts else None
