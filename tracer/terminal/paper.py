"""Words in columns: aligned, the last one wrapped to the terminal, the first one coloured where somebody looks."""

from __future__ import annotations

import os
import shutil
import sys
import textwrap
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

_COLOURS: Final = {
    "ok": "32",
    "used": "32",
    "note": "33",
    "unused": "2",
    "absent": "33",
    "MISSING": "31",
    "refused": "31",
}
_INDENT: Final = "  "
_GAP: Final = "  "
_LEAST_LAST: Final = 24
"""Characters; in a terminal too narrow for them the last column stays whole and the terminal wraps it."""


@dataclass(frozen=True)
class Paper:
    """What is written on. `width` is in characters, 0 where lines may be as long as they like."""

    colour: bool = False
    width: int = 0

    def table(self, rows: Iterable[Sequence[str]]) -> list[str]:
        """One or more lines a row."""
        clean = [tuple(map(_plain, row)) for row in rows]
        if not clean:
            return []
        widths = [max(map(len, column)) for column in zip(*clean, strict=True)][:-1]
        return [line for row in clean for line in self._lines(row, widths)]

    def wrapped(self, text: str) -> list[str]:
        """A paragraph."""
        return textwrap.wrap(_plain(text), self.width) if self.width else [_plain(text)]

    def _lines(self, row: Sequence[str], widths: Sequence[int]) -> list[str]:
        first = _GAP.join(cell.ljust(width) for cell, width in zip(row, widths, strict=False))
        start = len(_INDENT) + len(first) + len(_GAP)
        code = _COLOURS.get(row[0]) if self.colour else None
        if code:
            first = f"\x1b[{code}m{row[0]}\x1b[0m{first[len(row[0]) :]}"
        pieces = self._pieces(row[-1], self.width - start)
        heads = [f"{_INDENT}{first}{_GAP}", *[" " * start] * (len(pieces) - 1)]
        return [(head + piece).rstrip() for head, piece in zip(heads, pieces, strict=True)]

    def _pieces(self, text: str, room: int) -> list[str]:
        if not self.width or room < _LEAST_LAST:
            return [text]
        return textwrap.wrap(text, room, break_long_words=False, break_on_hyphens=False) or [""]


def stdout_paper() -> Paper:
    """As stdout is: a terminal has a width, and colours unless NO_COLOR or TERM=dumb ask for none."""
    if not sys.stdout.isatty():
        return Paper()
    colour = not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"
    return Paper(colour, shutil.get_terminal_size().columns)


def _plain(text: str) -> str:
    """One line without control characters: reasons can be a compiler's or a kernel's words."""
    return "".join(char if char.isprintable() else "?" for char in " ".join(text.split()))
