"""A lane for each thread of a scene: whose it is, what it is there for, and how deep its spans nest."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from ...analyze.terms import Tier
from ...evidence.anatomy import Anatomy
from ...evidence.links import LinkKind
from ...evidence.rows import EventRow, SpanRow
from ...schema import SpanKind
from ..clipping import clean

MOST_LANES: Final = 8
HOST: Final = -1
"""Stands for the thread of the host's commands."""
_ROLES: Final = (
    (frozenset({SpanKind.BALLOON_WORK, SpanKind.UPDATE_BALLOON_SIZE}), "balloon worker"),
    (frozenset({SpanKind.KSWAPD, SpanKind.BALANCE_PGDAT}), "kswapd"),
    (frozenset({SpanKind.OOM_NOTIFIER, SpanKind.OOM_NOTIFY}), "waits, runs the OOM notifier"),
    (frozenset({SpanKind.OUT_OF_MEMORY}), "waits, calls out_of_memory()"),
)
_HOSTS: Final = "virtballoon_changed"


@dataclass(frozen=True)
class Lane:
    """One thread. `depths` are the depths of nesting in it, each drawn as one row."""

    tid: int
    name: str
    role: str
    depths: tuple[int, ...]


def lanes(anatomy: Anatomy) -> tuple[list[Lane], int]:
    """The threads to draw, and of how many: host, balloon worker, kswapd, then who is linked and who works longest."""
    by_thread: dict[int, list[SpanRow]] = defaultdict(list)
    for row in anatomy.spans:
        by_thread[row.tid].append(row)
    points = _points_by_thread(anatomy.points)
    linked = {tid for link in anatomy.links for tid in (link.from_tid, link.to_tid)}
    named = {row.tid for row in anatomy.spans if row.id is not None and row.id in anatomy.scene.named}
    victims = {link.to_tid for link in anatomy.links if link.kind is LinkKind.KILLED}

    def order(tid: int) -> tuple[int, bool, bool, int, int]:
        rows = by_thread.get(tid, [])
        rank = -1 if tid == HOST else _rank(rows)
        busy_ns = sum(row.duration_ns or 0 for row in rows if not row.depth)
        return min(rank, 2), tid not in named, tid not in linked, -busy_ns, tid

    threads = sorted({*by_thread, *points}, key=order)
    kept = threads[:MOST_LANES]
    made = [_lane(tid, by_thread.get(tid, []), points.get(tid, []), victims) for tid in kept]
    return made, max(len(threads), anatomy.threads_seen)


def thread_of(point: EventRow) -> int:
    """The lane's thread of a single event."""
    return HOST if point.kind == _HOSTS else point.tid or 0


def _points_by_thread(points: Iterable[EventRow]) -> Mapping[int, list[EventRow]]:
    found: dict[int, list[EventRow]] = defaultdict(list)
    for point in points:
        found[thread_of(point)].append(point)
    return found


def _rank(rows: Sequence[SpanRow]) -> int:
    kinds = {row.kind for row in rows}
    return next((at for at, (of, _) in enumerate(_ROLES) if not of.isdisjoint(kinds)), len(_ROLES))


def _lane(tid: int, rows: Sequence[SpanRow], points: Sequence[EventRow], victims: set[int]) -> Lane:
    if tid == HOST:
        return Lane(HOST, "host", "changes the balloon's config", (0,))
    comm = rows[0].comm if rows else points[0].comm or "?"
    depths = tuple(sorted({row.depth for row in rows})) or (0,)
    return Lane(tid, f"{clean(comm)} ({tid})", _role(tid, rows, victims), depths)


def _role(tid: int, rows: Sequence[SpanRow], victims: set[int]) -> str:
    rank = _rank(rows)
    if tid in victims:
        return "killed"
    if rank < len(_ROLES):
        return _ROLES[rank][1]
    tiers = {row.tier for row in rows}
    if tiers & {Tier.DIRECT, Tier.RETRY}:
        return "waits for memory"
    return "reclaims unasked" if Tier.PROACTIVE in tiers else ""
