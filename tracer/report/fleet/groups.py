"""How costs are spread by kernel, policy and label."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from ...fleet.groups import SPREAD, Group, Grouping
from ...fleet.words import TITLES, amount, hours_words, rate_words
from ...wording.numbers import count
from ..section import Content
from ..table import Cell, Column, Table, number, unknown, word
from .source import FleetSource

_COLUMNS: Final = (
    Column("Guests", number=True),
    Column("Recorded", number=True),
    Column("OOM kills", number=True),
    Column("With a critical finding", number=True),
    *(Column(f"{TITLES[name]} /h: median, 90 %, most", number=True) for name in SPREAD),
)


@dataclass(frozen=True)
class Groups:
    """A table for each thing that recordings have in common."""

    tables: tuple[Table, ...]


def content(source: FleetSource) -> Content:
    """Kernel, LRU, balloon, and labels."""
    return Content(Groups(tuple(_table(each) for each in source.results.groupings)))


def _table(grouping: Grouping) -> Table:
    rows = [_row(group) for group in grouping.groups]
    return Table(grouping.title, (Column(grouping.title), *_COLUMNS), rows, sortable=True, titled=True)


def _row(group: Group) -> list[Cell]:
    share = group.critical / group.guests if group.guests else 0.0
    return [
        word(group.value),
        number(count(group.guests), group.guests),
        number(hours_words(group.hours), group.hours),
        unknown() if group.kills.value is None else number(rate_words("kills", group.kills), group.kills.value),
        Cell(f"{count(group.critical)} ({share:.0%})".replace("%", " %"), share, "num", fill=share),
        *(_spread(name, group) for name in SPREAD),
    ]


def _spread(name: str, group: Group) -> Cell:
    spread = group.spreads[name]
    if spread.median is None:
        return unknown()
    words = " / ".join(amount(name, value) for value in (spread.median, spread.ninety, spread.highest))
    silent = group.guests - spread.known
    small = [f"not known of {count(silent)}"] if silent else []
    small += [f"lower bound in {count(spread.bounds)}"] if spread.bounds else []
    return Cell(words, spread.median, "num", small=tuple(small))
