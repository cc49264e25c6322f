"""What is printed on: as wide and as high as the terminal, in colour where somebody looks; tables and paragraphs."""

from __future__ import annotations

import os
import sys
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final, TextIO

from ..errors import printable
from .cells import cells, pad, wrap

WIDTH: Final = 96
"""Columns of what goes to a file or a pipe."""
_LEAST: Final = 48
"""What is printed for a narrower terminal has this width."""
_PROSE: Final = 120
"""Columns from which on a wider paragraph only gets harder to read."""
_COLOURS: Final = {
    "ok": "32",
    "used": "32",
    "note": "33",
    "unused": "2",
    "absent": "33",
    "MISSING": "31",
    "refused": "31",
    "critical": "1;31",
    "warning": "33",
}
"""SGR codes; every one of them has its word beside it."""
_INDENT: Final = "  "
_GAP: Final = "  "
_LEAST_LAST: Final = 24
"""Columns; where the last cell of a row would have fewer it goes below the others."""


@dataclass(frozen=True)
class Paper:
    """`width` in columns, `height` in lines, 0 where it has no end."""

    colour: bool = False
    width: int = WIDTH
    height: int = 0

    def paragraph(self, text: str, lead: str = _INDENT, word: str = "") -> list[str]:
        """Text wrapped at words; `lead` stands before it, in the colour of `word`, and blanks of its width below it.

        Without a lead further lines are indented, too: they begin nothing.
        """
        start = cells(lead) or len(_INDENT)
        first, *others = wrap(printable(text), max(min(self.width, _PROSE) - start, _LEAST // 3))
        return [f"{self._painted(lead, word)}{first}", *(f"{' ' * start}{line}" for line in others)]

    def rows(self, rows: Iterable[Sequence[str]]) -> list[str]:
        """Words in columns, one or more lines a row: the last cell is wrapped, the first one has its own colour."""
        clean = [tuple(map(_plain, row)) for row in rows]
        if not clean:
            return []
        widths = [max(map(cells, column)) for column in zip(*clean, strict=True)][:-1]
        return [line for row in clean for line in self._row(row, widths)]

    def table(self, heads: Sequence[str], rows: Sequence[Sequence[str]], *, fold_at: Collection[int] = ()) -> list[str]:
        """Numbers in columns to the right of a name; columns that are empty throughout are left out.

        What does not fit beside the others goes below them, beside the same names, preferably from a column on that is
        one of `fold_at`.
        """
        kept = [at for at in range(len(heads)) if not at or any(row[at] for row in rows)]
        lines = [[printable(line[at]) for at in kept] for line in (heads, *rows)]
        widths = [max(map(cells, column)) for column in zip(*lines, strict=True)]
        widths[0] = min(widths[0], self.width // 2)
        breaks = {number for number, at in enumerate(kept) if at in fold_at}
        return [
            text
            for block in self._blocks(widths, breaks)
            for line in lines
            for text in _table_line(line, block, widths)
        ]

    def fits(self, lines: int) -> bool:
        """Whether so many lines can be seen at once, with the prompt below them."""
        return not self.height or lines < self.height

    def _blocks(self, widths: Sequence[int], breaks: Collection[int]) -> Iterator[list[int]]:
        """Which columns stand side by side, the first one, the name, left out."""
        room = self.width - len(_INDENT) - widths[0]
        left = list(range(1, len(widths)))
        if not left:
            yield left
        while left:
            used, fit = 0, 0
            while fit < len(left) and (used := used + len(_GAP) + widths[left[fit]]) <= room:
                fit += 1
            if fit < len(left):
                fit = next((at for at in range(fit, 0, -1) if left[at] in breaks), max(fit, 1))
            yield left[:fit]
            left = left[fit:]

    def _row(self, row: Sequence[str], widths: Sequence[int]) -> list[str]:
        heads = [pad(cell, width) for cell, width in zip(row, widths, strict=False)]
        first = _INDENT + _GAP.join([self._painted(heads[0], row[0]), *heads[1:]])
        start = len(_INDENT) + sum(width + len(_GAP) for width in widths)
        room = self.width - start
        if room < min(_LEAST_LAST, cells(row[-1])):
            return [*self._narrow(row), *(f"{_INDENT * 2}{line}" for line in wrap(row[-1], self.width - 4))]
        pieces = wrap(row[-1], room)
        return [f"{first}{_GAP}{pieces[0]}".rstrip(), *(f"{' ' * start}{piece}" for piece in pieces[1:])]

    def _narrow(self, row: Sequence[str]) -> list[str]:
        """The cells before a row's last, where they leave no room for it."""
        lines = wrap(" ".join(row[:-1]), self.width - len(_INDENT))
        return [f"{_INDENT}{line}" for line in lines]

    def _painted(self, text: str, word: str) -> str:
        """Text in the colour of a word, the blanks around it as they are."""
        code, bare = _COLOURS.get(word) if self.colour else None, text.strip()
        return text.replace(bare, f"\x1b[{code}m{bare}\x1b[0m", 1) if code and bare else text


def _table_line(line: Sequence[str], block: Sequence[int], widths: Sequence[int]) -> Iterator[str]:
    fits = cells(line[0]) <= widths[0]
    name, *rest = (line[0],) if fits else wrap(line[0], widths[0])
    numbers = [pad(line[at], widths[at], right=True) for at in block]
    yield (_INDENT + _GAP.join((pad(name, widths[0]), *numbers))).rstrip()
    yield from (f"{_INDENT}{piece}" for piece in rest)


def stdout_paper() -> Paper:
    """As stdout is: a terminal has a size; a file or a pipe has WIDTH columns and no end. COLUMNS says otherwise."""
    size = _size(sys.stdout)
    asked = os.environ.get("COLUMNS", "")
    columns = int(asked) if asked.isdecimal() and len(asked) < 6 and int(asked) else size.columns if size else WIDTH
    return Paper(wants_colour(sys.stdout), max(columns, _LEAST), size.lines if size else 0)


def wants_colour(stream: TextIO) -> bool:
    """Whether to colour what goes there: NO_COLOR, then FORCE_COLOR or CLICOLOR_FORCE, then TERM, then a terminal.

    The order is Python's own (`_colorize.can_colorize`); see no-color.org, force-color.org, bixense.com/clicolors.
    """
    environment = os.environ
    if environment.get("NO_COLOR"):
        return False
    if any(environment.get(name, "0") not in {"", "0"} for name in ("FORCE_COLOR", "CLICOLOR_FORCE")):
        return True
    return environment.get("TERM") != "dumb" and environment.get("CLICOLOR") != "0" and stream.isatty()


def _size(stream: TextIO) -> os.terminal_size | None:
    """A terminal's size; None where the stream is none, or has none (a serial console)."""
    try:
        size = os.get_terminal_size(stream.fileno())
    except (OSError, ValueError):
        return None
    return size if size.columns else None


def _plain(text: str) -> str:
    """One line without control characters: reasons can be a compiler's or a kernel's words."""
    return printable(" ".join(text.split()))
