"""Conflicts: inflation and reclaim at the same time."""

from __future__ import annotations

from dataclasses import dataclass

from ..analyze.model import Conflict
from ..wording.numbers import plural, seconds
from .section import Content, Source
from .table import Cell, Column, Table, first, none_seen, number, pages, times

_COLUMNS = (
    Column("Conflict"),
    Column("When", True),
    Column("Self", True, "Reclaim by the balloon's worker itself"),
    Column("Induced", True, "kswapd, woken by the balloon's worker"),
    Column("Foreign", True, "Reclaim by others"),
    Column("Reclaimed", True),
    Column("Inflated", True),
)


@dataclass(frozen=True)
class Conflicts:
    """The table, or why there is none."""

    table: Table | None
    absent: str = ""


def content(source: Source) -> Content:
    """The longest overlap first."""
    conflicts = source.analysis.conflicts
    if not conflicts:
        none = "No conflict: the balloon never inflated while memory was being reclaimed."
        absent = none_seen(none, "No conflict was seen", seen=source.moves_seen)
        return Content(Conflicts(None, absent), gist=absent)
    shown, note = first(
        sorted(conflicts, key=lambda c: -sum(c.overlap_s.values())), "conflict", "longest overlap first"
    )
    rows = [_row(conflict, source.page_bytes) for conflict in shown]
    overlap = seconds(sum(sum(conflict.overlap_s.values()) for conflict in conflicts))
    gist = f"{plural(len(conflicts), 'conflict')}, {overlap} of reclaim while the balloon inflated"
    return Content(Conflicts(Table("Conflicts", _COLUMNS, rows, sortable=True, note=note)), gist=gist)


def _row(conflict: Conflict, page_bytes: int) -> list[Cell]:
    lengths = [conflict.overlap_s.get(who, 0.0) for who in ("self", "induced", "foreign")]
    return [
        number(str(conflict.id), conflict.id),
        times(conflict.start_s, conflict.end_s),
        *(number(seconds(length), length) for length in lengths),
        pages(conflict.reclaimed_pages, page_bytes),
        pages(conflict.inflated_pages, page_bytes),
    ]
