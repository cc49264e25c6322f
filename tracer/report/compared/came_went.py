"""Kinds of findings that came, went or stayed."""

from __future__ import annotations

from dataclasses import dataclass

from ...analyze.findings.registry import KIND_BY_NAME
from ...compare.comparing import Comparison, Pair
from ...compare.kinds import KindChange
from ...compare.words import kind_row
from ..section import Content
from ..table import Cell, Column, Table, word

_COLUMNS = (Column("Course"), Column("Severity"), Column("Kind"), Column("Found"))


@dataclass(frozen=True)
class CameWent:
    """A table for each pair of arms that has any."""

    tables: tuple[Table, ...]


def content(comparison: Comparison) -> Content:
    """All kinds that any arm has."""
    return Content(CameWent(tuple(_table(pair) for pair in comparison.pairs if pair.kinds)))


def _table(pair: Pair) -> Table:
    rows = [_row(each, pair) for each in pair.kinds]
    return Table(f"{pair.after.name} against {pair.before.name}", _COLUMNS, rows, css="prose", titled=True)


def _row(each: KindChange, pair: Pair) -> list[Cell]:
    course, severity, kind, found = kind_row(each, pair)
    title = KIND_BY_NAME[each.kind].title
    return [word(course), Cell(severity, badge=severity), Cell(title, beside=kind), word(found)]
