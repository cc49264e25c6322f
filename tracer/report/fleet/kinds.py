"""Findings by kind: how many, in how many guests, and when they began."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from ...fleet.over_time import KindOverTime
from ...wording.numbers import count, seconds, utc
from ..section import Content
from .source import FleetSource

HEIGHT: Final = 28
"""Of a row of bars, in pixels."""


@dataclass(frozen=True)
class Bar:
    """One bin: its height in pixels and its words."""

    at: int
    height: float
    words: str


@dataclass(frozen=True)
class KindRow:
    """One kind with its bars."""

    kind: str
    severity: str
    findings: str
    guests: str
    bars: tuple[Bar, ...]


@dataclass(frozen=True)
class Kinds:
    """All rows, over bins from `begin` to `end`, each `width` long; `untimed`: of findings without a time."""

    rows: tuple[KindRow, ...]
    bins: int
    begin: str
    end: str
    width: str
    untimed: str
    height: int = HEIGHT


def content(source: FleetSource) -> Content:
    """Kinds by severity and number."""
    times = source.results.over_time
    starts = [utc(int((times.start_s + at * times.width_s) * 1e9)) for at in range(times.count + 1)]
    rows = tuple(_row(kind, starts) for kind in times.kinds)
    untimed = f"{count(times.untimed)} findings are of recordings without a date." if times.untimed else ""
    return Content(Kinds(rows, times.count, starts[0], starts[-1], seconds(times.width_s), untimed))


def _row(kind: KindOverTime, starts: list[str]) -> KindRow:
    most = max(kind.bins, default=0)
    bars = tuple(
        Bar(at, max(2.0, HEIGHT * number / most), f"{starts[at]}: {count(number)}")
        for at, number in enumerate(kind.bins)
        if number
    )
    return KindRow(kind.kind, kind.severity, count(kind.findings), count(kind.guests), bars)
