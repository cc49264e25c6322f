"""The ladder: which tier gave memory from which source, as a table and as charts for each episode."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, Final

from ..analyze.model import Analysis, TierRow
from ..analyze.naming import tier_title
from ..analyze.scanned import is_bound, is_idle
from ..analyze.sizes import MIB
from ..analyze.terms import Tier
from ..wording.evidence import nothing_seen
from ..wording.numbers import count, mib, plural, seconds
from ..wording.tier_pages import inferred_mark
from ..wording.tiers import rungs, shrinker_freed, who
from .episodes import Choice, Rung, TapMark, choices, which_episodes
from .figure import Figure, Trace, kinds, to_data
from .palette import tier_color
from .section import Content, Source
from .table import Cell, Column, Table, dash, efficiency, none_seen, number, quality, tier, unknown

_SHRINKERS_NAMED: Final = 3
_AXIS_PX: Final = 48
_RUNG_PX: Final = 21
"""Height of a chart: for its axis, and for each rung."""
_SOURCES: Final = (
    ("file", "solid"),
    ("anon", "pale"),
    ("lru", "dots"),
    ("slab", "rules"),
    ("balloon", "cross"),
    ("reported", "slant"),
)
_PATTERNS: Final = {"dots": ".", "rules": "-", "cross": "x", "slant": "/"}
_COLUMNS: Final = (
    Column("Tier"),
    Column("First entry", True, "Since the start of the episode or the recording, and in which order"),
    Column("Busy", True, "Time in which any task was in this tier"),
    Column("Spans", True),
    Column("Tasks", True),
    Column("Lowest priority", True, "12 is the first and gentlest pass, 0 the last"),
    Column("Efficiency", True, "Pages freed of those that scans of the LRU lists looked at; ≤ is an upper bound"),
    Column("File", True),
    Column("Anon", True),
    Column("LRU", True, "File or anon: the event does not tell which"),
    Column("Slab", True, "Pages (inferred); below, the objects that each shrinker reported freed"),
    Column("Balloon", True),
    Column("Reported", True, "Free pages that the balloon driver reported to the host (not reclaim)"),
    Column("Process", True, "Tasks killed"),
    Column("Numbers"),
)


def _pages(pages: int | None, page_bytes: int, mark: str = "") -> Cell:
    if pages is None:
        return unknown()
    return number(f"{mark}{mib(pages, page_bytes)}", pages) if pages else dash()


def _slab(row: TierRow, page_bytes: int) -> Cell:
    objects = sorted(row.slab_objects.items(), key=lambda item: -(item[1] or 0))
    lines = [shrinker_freed(name, freed) for name, freed in objects[:_SHRINKERS_NAMED] if freed]
    more = sum(1 for _, freed in objects[_SHRINKERS_NAMED:] if freed)
    lines += [f"and {plural(more, 'more shrinker')}"] if more else []
    if not lines and not row.slab_pages:
        return unknown() if row.slab_pages is None else dash()
    shown = mib(row.slab_pages, page_bytes) if row.slab_pages else ""
    return Cell(shown, float(row.slab_pages or 0), "num slab", small=lines)


def _rung(label: str, row: TierRow, choice: Choice, page_bytes: int) -> list[Cell]:
    mark = inferred_mark(row)
    return [
        tier(row.tier, label or tier_title(row.tier)),
        _entry(row, choice),
        unknown() if row.busy_s is None else number(seconds(row.busy_s), row.busy_s),
        number(count(row.spans), row.spans),
        number(count(row.tasks), row.tasks),
        dash() if row.min_priority is None else number(str(row.min_priority), row.min_priority),
        dash() if row.tier > Tier.RETRY or is_idle(row) else efficiency(row),
        *(_pages(pages, page_bytes, mark) for pages in (row.file_pages, row.anon_pages, row.lru_pages)),
        _slab(row, page_bytes),
        _pages(row.balloon_pages, page_bytes),
        _pages(row.reported_pages, page_bytes),
        number(count(row.kills), row.kills) if row.kills else dash(),
        _quality(row),
    ]


def _quality(row: TierRow) -> Cell:
    cell = quality(row.quality)
    return replace(cell, small=["efficiency: upper bound"]) if is_bound(row) else cell


def _entry(row: TierRow, choice: Choice) -> Cell:
    """When a tier was first entered, and which one it was in that order."""
    after = seconds(max(0.0, row.first_s - choice.start_s))
    return Cell(f"+{after}", row.first_s, "num", beside=_ordinal(choice.entry(row)))


def _ordinal(place: int) -> str:
    return f"{place}{ {1: 'st', 2: 'nd', 3: 'rd'}.get(place, 'th') }"


@dataclass(frozen=True)
class Rungs:
    """One ladder as a table, or why there is none, who reclaimed, and when the balloon was tapped."""

    table: Table | None
    who: str
    tap: TapMark | None


@dataclass(frozen=True)
class Ladder:
    """What can be chosen, a table for each or what to say instead, which of the episodes these are, and the charts."""

    labels: list[str]
    ladders: list[Rungs]
    absent: str
    note: str
    charts: list[Figure]


def content(source: Source) -> Content:
    """A ladder of the whole recording and one of each of the costliest episodes."""
    analysis, page_bytes = source.analysis, source.page_bytes
    charts = ladder_figures(analysis, page_bytes)
    picks = choices(analysis, page_bytes)
    rows = [_rungs(pick, page_bytes) for pick in picks]
    seen = not nothing_seen(analysis, source.facts)
    absent = none_seen("No tier supplied memory in this time.", "No tier was seen supplying memory", seen=seen)
    shown = Ladder([pick.label for pick in picks], rows, absent, which_episodes(analysis), charts)
    return Content(shown, {"figures": [to_data(figure) for figure in charts]}, kinds(charts))


def _rungs(choice: Choice, page_bytes: int) -> Rungs:
    rows = [_rung(label, row, choice, page_bytes) for label, row in rungs(choice.rows)]
    named = who(choice.rows, page_bytes)
    reclaimers = f"Who reclaimed: {named}." if named else ""
    return Rungs(Table(choice.label, _COLUMNS, rows) if rows else None, reclaimers, choice.tap)


def _mib(pages: int | None, page_bytes: int) -> float | None:
    return None if pages is None else round(pages * page_bytes / MIB, 4)


def _axis(analysis: Analysis) -> list[Rung]:
    """Every tier, one that was entered in several scopes once for each."""
    entered = {row.tier: row for row in analysis.tiers}
    return [
        (tier, label)
        for tier in Tier
        for label in ([label for label, _ in rungs([entered[tier]])] if tier in entered else [tier_title(tier)])
    ]


def _values(choice: Choice, axis: list[Rung], page_bytes: int) -> list[list[list[float | None]]]:
    reached = choice.by_rung()
    rows = [reached.get(rung) for rung in axis]
    first = [None if row is None else round(max(0.0, row.first_s - choice.start_s), 6) for row in rows]
    busy = [None if row is None or row.busy_s is None else round(row.busy_s, 6) for row in rows]
    pages: list[list[float | None]] = [
        [_mib(None if row is None else getattr(row, f"{source}_pages"), page_bytes) for row in rows]
        for source, _ in _SOURCES
    ]
    return [[first], [busy], pages]


def _trace(values: list[float | None], axis: list[Rung], kind: str, unit: str, look: str = "solid") -> Trace:
    marker: dict[str, Any] = {"color": [tier_color(tier) for tier, _ in axis], "line": {"width": 0}}
    trace: Trace = {"type": kind, "x": values, "y": [f"{int(tier)} {label}" for tier, label in axis], "marker": marker}
    trace["hovertemplate"] = f"%{{x:,.4~r}} {unit}<extra></extra>"
    if kind == "bar":
        trace["orientation"] = "h"
        marker["opacity"] = 0.5 if look == "pale" else 1.0
        marker["pattern"] = {"shape": _PATTERNS.get(look, ""), "size": 6, "solidity": 0.4, "fgcolor": "var(--surface)"}
    else:
        marker["size"] = 11
        trace["mode"] = "markers"
    return trace


def ladder_figures(analysis: Analysis, page_bytes: int) -> list[Figure]:
    """First entry, time and pages of each tier, side by side; empty when no tier supplied memory."""
    picks = choices(analysis, page_bytes)
    if not any(choice.rows for choice in picks):
        return []
    axis = _axis(analysis)
    values = [_values(choice, axis, page_bytes) for choice in picks]
    height = _AXIS_PX + _RUNG_PX * len(axis)
    order = {
        "yaxis": {"autorange": "reversed", "fixedrange": True, "automargin": True},
        "xaxis": {"rangemode": "tozero", "fixedrange": True},
    }
    words = (
        "When each tier was first entered.",
        "How long each tier ran.",
        "What each tier supplied, by source.",
    )
    first = Figure("first", "First entry", "seconds after the start", words[0], height, layout=dict(order))
    first.traces.append(_trace(values[0][0][0], axis, "scatter", "s"))
    busy = Figure("tier-busy", "Busy time", "seconds", words[1], height, layout=dict(order))
    busy.traces.append(_trace(values[0][1][0], axis, "bar", "s"))
    given = Figure("given", "Pages supplied", "MiB by source", words[2], height, layout={**order, "barmode": "stack"})
    for (source, look), series in zip(_SOURCES, values[0][2], strict=True):
        given.add(_trace(series, axis, "bar", f"MiB {source}", look), source, "var(--muted)", look)
    for position, figure in enumerate((first, busy, given)):
        figure.variants = [choice[position] for choice in values]
    return [first, busy, given]
