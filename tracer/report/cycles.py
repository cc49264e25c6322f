"""Cycles: pages that left the balloon and came back, and storms of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from ..analyze.model import Cycle, Storm, cycle_count
from ..wording.numbers import count, mib, plural, seconds
from .section import Content, Source
from .table import Cell, Column, Table, dash, first, none_seen, number, pages, times, word

_STORM_COLUMNS = (
    Column("Storm"),
    Column("When", True),
    Column("Class"),
    Column("Cycles", True),
    Column("Moved for nothing", True),
)
_CYCLE_COLUMNS = (
    Column("Cycle"),
    Column("When", True),
    Column("Class"),
    Column("Leaked", True),
    Column("Reinflated", True),
    Column("Moved for nothing", True, "Twice the smaller side"),
    Column("Worker time", True),
    Column("Storm", True),
)


@dataclass(frozen=True)
class Cycles:
    """Storms where there were some; cycles, or why there are none."""

    storms: Table | None
    table: Table | None
    absent: str = ""


def content(source: Source) -> Content:
    """The most moved for nothing first."""
    analysis, page_bytes = source.analysis, source.page_bytes
    storms = _storms(analysis.storms, page_bytes)
    if not analysis.cycles:
        none = "No cycle: no page that left the balloon came back within the horizon."
        absent = none_seen(none, "No cycle was seen", seen=source.moves_seen)
        return Content(Cycles(storms, None, absent), gist=absent)
    ordered = sorted(analysis.cycles, key=lambda c: -c.wasted_pages)
    shown, note = first(ordered, "cycle", "most moved for nothing first")
    rows = [_cycle(cycle, page_bytes) for cycle in shown]
    table = Table("Cycles", _CYCLE_COLUMNS, rows, sortable=True, titled=True, note=note)
    of_storms = f", {plural(len(analysis.storms), 'storm')}" if analysis.storms else ""
    wasted = mib(sum(cycle.wasted_pages for cycle in analysis.cycles), page_bytes)
    gist = f"{plural(cycle_count(analysis.cycles), 'cycle')}{of_storms}, {wasted} moved for nothing"
    return Content(Cycles(storms, table), gist=gist)


def _storms(storms: Sequence[Storm], page_bytes: int) -> Table | None:
    if not storms:
        return None
    shown, note = first(sorted(storms, key=lambda s: -s.wasted_pages), "storm", "most moved for nothing first")
    rows = [_storm(storm, page_bytes) for storm in shown]
    return Table("Storms", _STORM_COLUMNS, rows, sortable=True, titled=True, note=note)


def _storm(storm: Storm, page_bytes: int) -> list[Cell]:
    return [
        number(str(storm.id), storm.id),
        times(storm.start_s, storm.end_s),
        word(storm.cycle_class),
        number(count(storm.cycles), storm.cycles),
        pages(storm.wasted_pages, page_bytes),
    ]


def _cycle(cycle: Cycle, page_bytes: int) -> list[Cell]:
    return [
        number(str(cycle.id), cycle.id),
        times(cycle.start_s, cycle.end_s),
        word(cycle.cycle_class),
        *(pages(moved, page_bytes) for moved in (cycle.leaked_pages, cycle.reinflated_pages, cycle.wasted_pages)),
        number(seconds(cycle.worker_s), cycle.worker_s),
        dash() if cycle.storm is None else number(str(cycle.storm), cycle.storm),
    ]
