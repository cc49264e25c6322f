"""HTML pieces. What comes from a recording (task, host, shrinker names, commands) is hostile until `text` was here."""

from __future__ import annotations

import html
import json
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Final

JSON = dict[str, Any] | list[Any] | str | float | bool | None
NO_VALUE: Final = "\u2013"
# Controls, lone surrogates and the marks that reorder or hide text.
_UNPRINTABLE: Final = re.compile("[\x00-\x1f\x7f-\x9f\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ud800-\udfff]")
_SCRIPT_ESCAPES: Final = {ord(char): f"\\u{ord(char):04x}" for char in "<>&\u2028\u2029"}


def _visible(match: re.Match[str]) -> str:
    code = ord(match.group())
    return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}"


def text(value: object) -> str:
    """Any value as HTML text, also safe inside a quoted attribute; unprintable characters become `\\x1b`."""
    return html.escape(_UNPRINTABLE.sub(_visible, str(value)))


def script_json(value: JSON) -> str:
    """JSON that can stand inside a `<script>` element."""
    return json.dumps(value, separators=(",", ":"), allow_nan=False).translate(_SCRIPT_ESCAPES)


@dataclass(frozen=True)
class Cell:
    """One table cell: its HTML, the value it sorts by where that is not its text, and a bar of 0 to 1."""

    html: str
    sort: float | None = None
    css: str = ""
    fill: float | None = None


@dataclass(frozen=True)
class Column:
    """One table column; `number` columns are aligned to the right."""

    title: str
    number: bool = False
    hint: str = ""


def word(value: object, css: str = "") -> Cell:
    """A text cell."""
    return Cell(text(value), css=css)


def number(shown: str, value: float) -> Cell:
    """A number cell: as shown, and as sorted."""
    return Cell(text(shown), float(value), "num")


def badge(label: str, css: str) -> str:
    """A small label; the word carries the meaning, the colour repeats it."""
    return f'<span class="badge {text(css)}">{text(label)}</span>'


def dash() -> Cell:
    """A cell without a value."""
    return Cell(NO_VALUE, -1.0, "num none")


def unknown() -> Cell:
    """A cell whose value could not be had."""
    return Cell("unknown", -1.0, "num none")


def _head(columns: Sequence[Column], sortable: bool) -> str:
    cells = []
    for column in columns:
        css = ' class="num"' if column.number else ""
        hint = f' title="{text(column.hint)}"' if column.hint else ""
        title = f'<button type="button">{text(column.title)}</button>' if sortable else text(column.title)
        cells.append(f'<th scope="col"{css}{hint}>{title}</th>')
    return f"<thead><tr>{''.join(cells)}</tr></thead>"


def _row(cells: Iterable[Cell], sortable: bool) -> str:
    parts = []
    for index, cell in enumerate(cells):
        css = f' class="{cell.css}"' if cell.css else ""
        sort = f' data-v="{cell.sort:.9g}"' if sortable and cell.sort is not None else ""
        fill = "" if cell.fill is None else f' style="--w:{cell.fill:.1%}"'
        tag, scope = ("td", "") if index else ("th", ' scope="row"')
        parts.append(f"<{tag}{scope}{css}{sort}{fill}>{cell.html}</{tag}>")
    return f"<tr>{''.join(parts)}</tr>"


def table(
    caption: str,
    columns: Sequence[Column],
    rows: Iterable[Sequence[Cell]],
    *,
    sortable: bool = False,
    css: str = "",
    titled: bool = False,
) -> str:
    """A semantic table in a scrolling frame; its caption is for screen readers, and for all if `titled`."""
    classes = " ".join(filter(None, (css, "sortable" if sortable else "")))
    hidden = "" if titled else ' class="unseen"'
    body = "".join(_row(row, sortable) for row in rows)
    return (
        f'<div class="scroll" tabindex="0" role="region" aria-label="{text(caption)}">'
        f'<table class="{classes}"><caption{hidden}>{text(caption)}</caption>'
        f"{_head(columns, sortable)}<tbody>{body}</tbody></table></div>"
    )


def sentence(words: str, css: str = "empty") -> str:
    """A paragraph of plain words."""
    return f'<p class="{css}">{text(words)}</p>'


def span_of_time(start_s: float, end_s: float, shown: str) -> Cell:
    """A time that moves the timeline to itself when pressed."""
    return Cell(
        f'<button type="button" class="goto" data-from="{start_s:.6f}" data-to="{end_s:.6f}">{text(shown)}</button>',
        start_s,
        "num",
    )
