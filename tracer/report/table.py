"""A table of the page as plain data; `macros.html` makes it markup."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final, TypeVar

from ..analyze.scanned import HasScanned
from ..analyze.terms import Quality, Tier
from ..wording.numbers import count, mib, offset, percent, plural, seconds
from ..wording.scans import efficiency_words
from .palette import tier_color

NO_VALUE: Final = "\u2013"
MOST_ROWS: Final = 100
"""Rows of one table: a page of this size stays quick, and within its size budget for any recording."""
_Item = TypeVar("_Item")


@dataclass(frozen=True)
class Cell:
    """One cell. `sort` is what it sorts by where that is not its text, `fill` a bar of 0 to 1, `small` further lines.

    `beside` stands behind the text, smaller. `badge` and `tier` make the text a label: a class of the style, a colour.
    `span` is a stretch of the recording
    (seconds) that a press zooms to, `link` a place in the page.
    """

    text: str
    sort: float | None = None
    css: str = ""
    fill: float | None = None
    small: Sequence[str] = ()
    beside: str = ""
    badge: str = ""
    tier: str = ""
    span: tuple[float, float] | None = None
    link: str = ""


@dataclass(frozen=True)
class Column:
    """One table column; `number` columns are aligned to the right. `term` is its name in the glossary, if any."""

    title: str
    number: bool = False
    hint: str = ""
    term: str = ""


@dataclass(frozen=True)
class Table:
    """A table with its caption, which is for screen readers, and for all if `titled`."""

    caption: str
    columns: Sequence[Column]
    rows: Sequence[Sequence[Cell]] = field(default_factory=list)
    sortable: bool = False
    css: str = ""
    titled: bool = False
    note: str = ""


def word(value: object, css: str = "") -> Cell:
    """A text cell."""
    return Cell(str(value), css=css)


def number(shown: str, value: float) -> Cell:
    """A number cell: as shown, and as sorted."""
    return Cell(shown, float(value), "num")


def pages(value: int | None, page_bytes: int) -> Cell:
    """Guest pages in MiB, with their count beside."""
    if value is None:
        return unknown()
    return Cell(mib(value, page_bytes), float(value), "num", beside=f"{count(value)} p." if value else "")


def efficiency(scanned: HasScanned) -> Cell:
    """How much of what was scanned was freed, `≤` where that is an upper bound."""
    return Cell(words, scanned.efficiency, "num") if (words := efficiency_words(scanned, percent)) else unknown()


def dash() -> Cell:
    """A cell without a value."""
    return Cell(NO_VALUE, -1.0, "num none")


def unknown() -> Cell:
    """A cell whose value could not be had."""
    return Cell("unknown", -1.0, "num none")


def quality(value: Quality) -> Cell:
    """`measured` or `inferred` as a label; the word carries the meaning, the colour repeats it."""
    return Cell(str(value), badge=str(value))


def tier(value: Tier, label: str) -> Cell:
    """A tier's number and name with its colour."""
    return Cell(f"{int(value)} {label}", float(value), tier=tier_color(value))


def times(start_s: float, end_s: float) -> Cell:
    """A stretch of time that moves the timeline to itself when pressed."""
    length = f" for {seconds(end_s - start_s)}" if end_s > start_s else ""
    return Cell(f"{offset(start_s)}{length}", start_s, "num", span=(start_s, end_s))


def first(items: Sequence[_Item], noun: str, order: str) -> tuple[Sequence[_Item], str]:
    """At most MOST_ROWS items, and a note that says how many of how many are shown."""
    if len(items) <= MOST_ROWS:
        return items, ""
    return items[:MOST_ROWS], f"Showing {count(MOST_ROWS)} of {plural(len(items), noun)}, {order}."


def none_seen(words: str, unsure: str, *, seen: bool) -> str:
    """What is said where there is nothing to list: that there was nothing only where it would have been seen."""
    return words if seen else f"{unsure}, but this recording can't show whether there was any."
