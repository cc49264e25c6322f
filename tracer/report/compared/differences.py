"""The table of differences, one for each arm but the first."""

from __future__ import annotations

from dataclasses import dataclass

from ...compare.comparing import Comparison, Pair
from ...compare.differences import Difference
from ...compare.words import basis_words, remarks, shown_change, shown_interval, shown_judgement, shown_sides
from ...wording.numbers import DASH, listing
from ..section import Content
from ..table import Cell, Column, Table, word


@dataclass(frozen=True)
class Differences:
    """A table for each pair of arms, what is 0 in all, and how sure one can be."""

    tables: tuple[Table, ...]
    remarks: tuple[str, ...]


def content(comparison: Comparison) -> Content:
    """All aspects, what can be told first."""
    tables = tuple(_table(pair, by_work=comparison.by_work) for pair in comparison.pairs)
    return Content(Differences(tables, tuple(remarks(comparison.pairs))))


def _table(pair: Pair, *, by_work: bool) -> Table:
    columns = (
        Column(""),
        Column(pair.before.name, number=True),
        Column(pair.after.name, number=True),
        Column("Change", number=True),
        Column("Told"),
        Column("95 % interval", number=True),
    )
    nothing = [each.aspect.title for each in pair.differences if each.is_nothing]
    return Table(
        f"{pair.after.name} against {pair.before.name}, {basis_words(pair, by_work=by_work)}",
        columns,
        [_row(each, pair) for each in pair.differences if not each.is_nothing],
        css="differences",
        titled=True,
        note=f"None in any: {listing(nothing)}." if nothing else "",
    )


def _row(each: Difference, pair: Pair) -> list[Cell]:
    before, after = shown_sides(each, pair)
    told = word(shown_judgement(each) or "no difference can be told")
    if each.told:
        told = Cell(shown_judgement(each), css="told")
    elif each.basis is None:
        told = Cell("not known", css="none", small=(each.why,))
    return [
        word(each.aspect.title),
        Cell(before, css="num"),
        Cell(after, css="num"),
        Cell(shown_change(each) or DASH, css="num"),
        told,
        Cell(shown_interval(each) or DASH, css="num"),
    ]
