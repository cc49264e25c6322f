"""Guests that are far from those with the same kernel."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from ...fleet.outliers import LEAST_GUESTS, LEAST_SCORE
from ...fleet.words import TITLES, amount, rate_words
from ...wording.numbers import count
from ..section import Content
from ..table import Cell, Column, Table, first, number, word
from .source import FleetSource

_COLUMNS: Final = (
    Column("Guest"),
    Column("Kernel"),
    Column("What"),
    Column("By hour", number=True),
    Column("Usual (median)", number=True),
    Column("Of guests", number=True),
    Column("Score", number=True),
)


@dataclass(frozen=True)
class Outliers:
    """A table, and how it was made; without rows `table` is None."""

    table: Table | None
    remark: str


def content(source: FleetSource) -> Content:
    """The farthest first."""
    found = source.results.outliers
    remark = (
        f"A guest is far from the others with its kernel where its modified z-score, of the rate's logarithm, is above"
        f" {LEAST_SCORE:g}. Fewer than {LEAST_GUESTS} guests have no usual."
    )
    if not found:
        return Content(Outliers(None, remark))
    shown, note = first(found, "outlier", "the farthest first")
    rows = [
        [
            source.guest_cell(each.guest),
            word(each.guest.recordings[0].facts["kernel_release"] or "unknown"),
            word(TITLES[each.measure]),
            number(rate_words(each.measure, each.guest.rates[each.measure]), each.rate),
            number(amount(each.measure, each.usual), each.usual),
            number(count(each.among), each.among),
            Cell(f"{each.score:.1f}", each.score, "num"),
        ]
        for each in shown
    ]
    return Content(Outliers(Table("Outliers", _COLUMNS, rows, sortable=True, note=note), remark))
