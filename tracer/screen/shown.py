"""What each pane shows of a state: its title, its rows, how they are sorted and known from one state to the next."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass
from typing import Any, Final

from textual.content import Content

from ..live.model import Snapshot
from ..wording.numbers import plural
from .finding_words import FINDING_ORDERS, finding_row
from .glyphs import Glyphs
from .history import history, history_title
from .ladder import ladder, ladder_title
from .layout import Part
from .tables import SHRINKER_ORDERS, WAITING_ORDERS, Order, shrinker_heading, shrinker_row, waiting_heading, waiting_row


def _as_it_is(line: Content, _: int) -> Content:
    return line


@dataclass(frozen=True)
class Shown:
    """`about` stands beside the title; `row` makes a row's line for so many columns, `heading` that of their names.

    `key` is what a row is known by. Without `orders` rows stay as they come, and none can be chosen.
    """

    title: str
    rows: Callable[[Snapshot, int, Glyphs], Sequence[Any]]
    about: Callable[[Snapshot], str]
    row: Callable[[Any, int], Content] = _as_it_is
    key: Callable[[Any], Hashable] = id
    heading: Callable[[int], Content] | None = None
    orders: tuple[Order, ...] = ()


def _findings(snapshot: Snapshot) -> str:
    """How many there are, what could not be judged, the last mark."""
    left_out = f" and {snapshot.findings_left_out} more" if snapshot.findings_left_out else ""
    parts = [f"{len(snapshot.findings)}{left_out}" if snapshot.findings else "none"]
    if snapshot.not_judged:
        parts.append(f"{plural(len(snapshot.not_judged), 'kind')} not judged")
    if snapshot.marks:
        at_s, words = snapshot.marks[-1]
        parts.append(f"mark at {at_s:,.1f} s: {words}")
    return ", ".join(parts)


SHOWN: Final = {
    Part.WAITING: Shown(
        title="Waiting tasks",
        rows=lambda snapshot, _width, _glyphs: snapshot.waiting,
        about=lambda snapshot: "" if snapshot.waiting else "none seen",
        row=lambda row, width: waiting_row(row, width, cgroups=False),
        key=lambda row: (row.name, row.pid, row.tier, row.cgroup),
        heading=lambda width: waiting_heading(width, cgroups=False),
        orders=WAITING_ORDERS,
    ),
    Part.CGROUPS: Shown(
        title="Waiting cgroups",
        rows=lambda snapshot, _width, _glyphs: snapshot.waiting_cgroups,
        about=lambda snapshot: "" if snapshot.waiting_cgroups else "none seen",
        row=lambda row, width: waiting_row(row, width, cgroups=True),
        key=lambda row: (row.name, row.tier),
        heading=lambda width: waiting_heading(width, cgroups=True),
        orders=WAITING_ORDERS,
    ),
    Part.SHRINKERS: Shown(
        title="Shrinkers",
        rows=lambda snapshot, _width, _glyphs: snapshot.shrinkers,
        about=lambda snapshot: "" if snapshot.shrinkers else "none seen",
        row=shrinker_row,
        key=lambda row: str(row.name),
        heading=shrinker_heading,
        orders=SHRINKER_ORDERS,
    ),
    Part.LADDER: Shown(title="Episode", rows=ladder, about=ladder_title),
    Part.HISTORY: Shown(title="History", rows=history, about=history_title),
    Part.FINDINGS: Shown(
        title="Findings",
        rows=lambda snapshot, _width, _glyphs: snapshot.findings,
        about=_findings,
        row=finding_row,
        key=lambda finding: int(finding.id),
        orders=FINDING_ORDERS,
    ),
}
