"""Shrinkers: what each cost and gave."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from ..analyze.findings.needs import SHRINKER_KINDS
from ..analyze.model import ShrinkerStat
from ..wording.evidence import seen_of
from ..wording.numbers import count, duration, percent, plural, seconds
from .section import Content, Source
from .table import Cell, Column, Table, first, none_seen, number, unknown, word

_COLUMNS = (
    Column("Shrinker"),
    Column("Calls", True),
    Column("Scanned", True, "Objects scanned"),
    Column("Freed", True, "Objects freed"),
    Column("Efficiency", True, "Objects freed, of those scanned"),
    Column("Busy", True, "Time inside the shrinker, all calls"),
    Column("p50", True, "Half of the calls took no longer"),
    Column("p99", True),
    Column("Max", True),
    Column("Scan share", True, "Its share of all objects scanned"),
    Column("Size share", True, "Its share of all objects cached"),
)


@dataclass(frozen=True)
class Shrinkers:
    """The table, or why there is none."""

    table: Table | None
    absent: str = ""


def content(source: Source) -> Content:
    """What each shrinker cost and gave."""
    stats = source.analysis.shrinkers
    shown = shrinkers(stats, seen=seen_of(source.analysis, source.facts, SHRINKER_KINDS))
    busiest = max(stats, key=lambda stat: stat.busy_s, default=None)
    gist = f"{plural(len(stats), 'shrinker')}, the busiest {busiest.name} {seconds(busiest.busy_s)}" if busiest else ""
    return Content(shown, gist=gist or shown.absent)


def shrinkers(stats: Iterable[ShrinkerStat], *, seen: bool = True) -> Shrinkers:
    """The busiest first."""
    ordered = sorted(stats, key=lambda stat: -stat.busy_s)
    if not ordered:
        none = none_seen("No shrinker ran during the recording.", "No shrinker was seen running", seen=seen)
        return Shrinkers(None, none)
    shown, note = first(ordered, "shrinker", "busiest first")
    return Shrinkers(Table("Shrinkers", _COLUMNS, [_row(stat) for stat in shown], sortable=True, note=note))


def _share(share: float | None, css: str) -> Cell:
    if share is None:
        return unknown()
    return Cell(percent(share), share, f"num share {css}", min(max(share, 0.0), 1.0))


def _objects(objects: int | None) -> Cell:
    return unknown() if objects is None else number(count(objects), objects)


def _row(stat: ShrinkerStat) -> list[Cell]:
    return [
        word(stat.name, "code"),
        number(count(stat.calls), stat.calls),
        _objects(stat.scanned),
        _objects(stat.freed_objects),
        unknown() if stat.efficiency is None else number(percent(stat.efficiency), stat.efficiency),
        number(seconds(stat.busy_s), stat.busy_s),
        number(duration(stat.p50_ns), stat.p50_ns),
        number(duration(stat.p99_ns), stat.p99_ns),
        number(duration(stat.max_ns), stat.max_ns),
        _share(stat.scan_share, "scan"),
        _share(stat.size_share, "size"),
    ]
