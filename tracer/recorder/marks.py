"""Marks that somebody who watches a recording puts into it: lines on standard input, each with the time it came."""

from __future__ import annotations

import os
import select
from collections.abc import Callable
from typing import Final

from ..errors import printable
from ..kernel import kernel_time
from ..store.format import JSON
from ..store.note_keys import MARKS_NOTE, MOST_MARK_CHARS, MOST_MARKS

_LOOK_S: Final = 0.1
_PIECE_BYTES: Final = 1024
"""So much is read at a look at most: a flood of lines costs the recorder no more than that."""
_STDIN: Final = 0


class MarkLines:
    """Looks for lines on a descriptor, never waiting, and writes all marks so far as one note.

    At most MOST_MARKS are taken. `has_ended`: there will be no more, as whoever could make them has closed the other
    end or gone.
    """

    def __init__(
        self,
        write_note: Callable[[str, JSON], None],
        descriptor: int = _STDIN,
        now_ns: Callable[[], int] = kernel_time.now_ns,
    ) -> None:
        self.has_ended = False
        self._write_note = write_note
        self._descriptor = descriptor
        self._now_ns = now_ns
        self._poll = select.poll()
        self._poll.register(descriptor, select.POLLIN)
        self._begun = b""
        self._next_s = 0.0
        self._marks: list[JSON] = []

    def look(self, now_s: float) -> None:
        """Take what has come, unless the last look was a moment ago."""
        if self.has_ended or now_s < self._next_s:
            return
        self._next_s = now_s + _LOOK_S
        if not self._poll.poll(0):
            return
        data = self._read()
        *lines, self._begun = (self._begun + data).split(b"\n")
        self._begun = self._begun[:_PIECE_BYTES]
        self._take(lines)
        self.has_ended = not data

    def _read(self) -> bytes:
        try:
            return os.read(self._descriptor, _PIECE_BYTES)
        except OSError:
            return b""

    def _take(self, lines: list[bytes]) -> None:
        words = [text for line in lines if (text := mark_words(line.decode(errors="replace")))]
        new: list[JSON] = [[self._now_ns(), each] for each in words[: MOST_MARKS - len(self._marks)]]
        if new:
            self._marks += new
            self._write_note(MARKS_NOTE, [*self._marks])


def mark_words(text: str) -> str:
    """A mark as it is written: one printable line, no longer than MOST_MARK_CHARS; empty where there is nothing."""
    return printable(" ".join(text.split()))[:MOST_MARK_CHARS]
