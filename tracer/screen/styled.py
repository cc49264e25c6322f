"""Lines of text with styles. Names of tasks, cgroups and files are printed, never read as markup or control codes."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from textual.content import Content

from ..analyze.terms import Severity
from ..errors import printable
from ..live.model import State
from ..terminal.cells import cells, pad, shorten

Piece = str | tuple[str, str]
"""Text, or text and its style."""

_LEFT_OUT: Final = "..."
DIM: Final = "dim"
BOLD: Final = "bold"
SELECTED: Final = "reverse"
GOOD: Final = "$success"
WARNING: Final = "$warning"
BAD: Final = "bold $error"

STATE_STYLE: Final = {
    State.BLIND: "bold reverse $secondary",
    State.KILLING: "bold reverse $error",
    State.STALLED: "bold reverse $error",
    State.STARVED: "bold reverse $error",
    State.FIGHTING: "bold reverse $error",
    State.RECLAIMING: "bold reverse $warning",
    State.OK: "bold reverse $success",
}
SEVERITY_STYLE: Final = {Severity.INFO: "", Severity.WARNING: WARNING, Severity.CRITICAL: BAD}


def styled(*pieces: Piece) -> Content:
    """One line; what no terminal should be sent is escaped."""
    return Content.assemble(
        *(printable(piece) if isinstance(piece, str) else (printable(piece[0]), piece[1]) for piece in pieces)
    )


def fitted(width: int, *pieces: Piece) -> Content:
    """One line of at most so many cells; of a longer one the end goes."""
    line = styled(*pieces)
    if line.cell_length <= width:
        return line
    room = max(0, width - len(_LEFT_OUT))
    return line.truncate(room) + Content(_LEFT_OUT[: width - room])


def spread(width: int, left: Iterable[Piece], right: Iterable[Piece]) -> Content:
    """A line whose second half stands at its right end; of the first the end goes where both do not fit."""
    end = styled(*right)
    room = max(0, width - end.cell_length - (1 if end else 0))
    start = fitted(room, *left)
    return start + Content(" " * max(0, width - start.cell_length - end.cell_length)) + end


def joined(lines: Iterable[Content]) -> Content:
    """Lines one below the other."""
    return Content("\n").join(lines)


def left(text: str, width: int) -> str:
    """A column's text; of a longer one its middle goes, so that paths keep their ends."""
    text = printable(text)
    return pad(shorten(text, width) if width > 3 else text[: max(width, 0)], max(width, 0))


def right(text: str, width: int) -> str:
    """A column's number."""
    return pad(text, max(width, cells(text)), right=True)
