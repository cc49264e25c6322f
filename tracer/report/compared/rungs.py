"""The arms' ladders side by side."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from ...analyze.model import TierRow, known_sum
from ...analyze.naming import tier_title
from ...analyze.terms import Tier
from ...compare.arms import Arm
from ...compare.comparing import Comparison
from ...wording.numbers import count, mib, offset, seconds
from ..section import Content
from ..table import Cell, Column, Table, dash, tier, unknown

_COLUMNS = (
    Column("Tier"),
    Column("First at", number=True),
    Column("Busy", number=True),
    Column("Off the LRU", number=True, hint="Page cache and anonymous memory"),
    Column("Balloon", number=True),
    Column("Priority", number=True, hint="The lowest: 12 is gentle, 0 the last try"),
    Column("Kills", number=True),
)


@dataclass(frozen=True)
class Ladders:
    """One table an arm, all with the same tiers."""

    tables: tuple[Table, ...]


def content(comparison: Comparison) -> Content | None:
    """Tiers that any arm entered, in each arm; None where nobody reclaimed."""
    tiers = sorted({row.tier for arm in comparison.arms for run in arm.runs for row in run.analysis.tiers})
    if not tiers:
        return None
    return Content(Ladders(tuple(_table(arm, tiers) for arm in comparison.arms)))


def _table(arm: Arm, tiers: Sequence[Tier]) -> Table:
    several = f", {count(len(arm.runs))} recordings together" if len(arm.runs) > 1 else ""
    rows = [
        _row(each, [row for run in arm.runs for row in run.analysis.tiers if row.tier is each], arm) for each in tiers
    ]
    return Table(f"{arm.name}{several}", _COLUMNS, rows, titled=True)


def _row(entered: Tier, rows: Sequence[TierRow], arm: Arm) -> list[Cell]:
    name = tier(entered, tier_title(entered))
    if not rows:
        return [name, Cell("not entered", css="num none"), *(dash() for _ in _COLUMNS[2:])]
    busy = [row.busy_s for row in rows if row.busy_s is not None]
    priorities = [row.min_priority for row in rows if row.min_priority is not None]
    kills = sum(row.kills for row in rows)
    page = arm.runs[0].page_bytes
    return [
        name,
        Cell(offset(min(row.first_s for row in rows)), css="num"),
        Cell(seconds(sum(busy)), css="num") if len(busy) == len(rows) else unknown(),
        _pages([row.off_lru_pages for row in rows], page),
        _pages([row.balloon_pages for row in rows], page),
        Cell(str(min(priorities)), css="num") if priorities else dash(),
        Cell(count(kills), css="num") if kills else dash(),
    ]


def _pages(counts: Sequence[int | None], page_bytes: int) -> Cell:
    total = None if None in counts else known_sum(counts)
    return unknown() if total is None else Cell(mib(total, page_bytes), css="num")
