"""Who woke or caused whom among the spans of a scene: told by an event, or inferred from the order of things."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from itertools import pairwise
from typing import Final

from ..analyze.balloon.runs import belongs_to_balloon
from ..analyze.terms import Quality
from ..schema import SpanKind
from .rows import EventRow, Fields, SpanRow

LEADING: Final = frozenset({"wakeup_kswapd"})
"""Kinds of single events that lead to something and are not drawn themselves."""
MOST_LINKS: Final = 40
_WORK: Final = frozenset({SpanKind.BALLOON_WORK, SpanKind.UPDATE_BALLOON_SIZE})
_KSWAPD: Final = frozenset({SpanKind.KSWAPD, SpanKind.BALANCE_PGDAT})
_IN_NEED: Final = frozenset({SpanKind.OOM_NOTIFIER, SpanKind.OOM_NOTIFY, SpanKind.BALLOON_SHRINKER})
_DRIVER: Final = frozenset({SpanKind.FILL_BALLOON, SpanKind.LEAK_BALLOON})
_LEAK_FIELDS: Final = ("deflated_pages", "freed")
_FILL_FIELDS: Final = ("inflated_pages", "filled")


class LinkKind(StrEnum):
    """What led to what."""

    WOKE = "woke"
    REINFLATED = "reinflated"
    QUEUED = "queued"
    KILLED = "killed"


@dataclass(frozen=True)
class Link:
    """From a moment on one thread to a moment on another; `comm` is the first one's.

    MEASURED is what an event tells, INFERRED what only the order of events suggests.
    """

    kind: LinkKind
    quality: Quality
    from_ns: int
    from_tid: int
    comm: str
    to_ns: int
    to_tid: int


def links_of(
    spans: Sequence[SpanRow], points: Sequence[EventRow], events: Sequence[EventRow], *, came_back: bool
) -> list[Link]:
    """At most MOST_LINKS, by time; both by time, `events` with LEADING kinds among them.

    `came_back`: pages are known to have come back, so that a run whose pages nothing counts may be what brought them.
    """
    found = [
        *_wakeups(spans, events),
        *_reinflations(spans, came_back=came_back),
        *_queued(spans, points),
        *_kills(spans, points),
    ]
    return sorted(found, key=lambda link: link.from_ns)[:MOST_LINKS]


def _wakeups(spans: Sequence[SpanRow], events: Sequence[EventRow]) -> Iterator[Link]:
    """kswapd's runs and the last wakeup of their node before them: it is emitted only while kswapd sleeps."""
    last_ns: dict[int, int] = {}
    wakeups = [row for row in events if row.kind == "wakeup_kswapd" and row.tid is not None]
    for run in (row for row in spans if row.kind in _KSWAPD and not _inside_kswapd(row)):
        nid = run.fields.get("nid")
        if run.begin_ns is None or not isinstance(nid, int):
            continue
        since_ns = last_ns.get(nid, 0)
        before = [row for row in wakeups if row.fields.get("nid") == nid and since_ns < row.time_ns <= run.begin_ns]
        last_ns[nid] = run.begin_ns
        if before:
            yield Link(LinkKind.WOKE, Quality.MEASURED, *_of(before[-1]), run.begin_ns, run.tid)


def _inside_kswapd(row: SpanRow) -> bool:
    return row.kind == SpanKind.BALANCE_PGDAT and row.depth > 0


def _reinflations(spans: Sequence[SpanRow], *, came_back: bool) -> Iterator[Link]:
    """The last leak in need before each run of the worker that puts pages in again."""
    leaks = [row for row in spans if row.end_ns is not None and _leaks(row, spans)]
    runs = [
        row
        for row in spans
        if row.begin_ns is not None and row.kind in _WORK and _fills(row, spans, came_back=came_back)
    ]
    turns = [(row.end_ns or 0, 0, row) for row in leaks] + [(row.begin_ns or 0, 1, row) for row in runs]
    for (at_ns, is_run, leak), (begin_ns, then_run, run) in pairwise(sorted(turns, key=lambda turn: turn[:2])):
        if not is_run and then_run:
            yield Link(LinkKind.REINFLATED, Quality.INFERRED, at_ns, leak.tid, leak.comm, begin_ns, run.tid)


def _fills(run: SpanRow, spans: Sequence[SpanRow], *, came_back: bool) -> bool:
    inside = [row for row in spans if row is not run and _around(row, run)]
    if _moved(run.fields, _FILL_FIELDS) or any(_moved(row.fields, _FILL_FIELDS) for row in inside):
        return True
    counted = run.fields.get("inflated_pages") is not None or any(row.kind in _DRIVER for row in inside)
    return came_back and not counted


def _leaks(row: SpanRow, spans: Sequence[SpanRow]) -> bool:
    """Whether pages left the balloon in it that the guest needed: not in the worker, which the host asked."""
    if row.kind == SpanKind.SHRINK_SLAB:
        return belongs_to_balloon(str(row.fields.get("shrink_name"))) and _moved(row.fields, ("retval",))
    if row.kind == SpanKind.LEAK_BALLOON:
        return _moved(row.fields, _LEAK_FIELDS) and not any(_around(row, each) for each in spans if each.kind in _WORK)
    return row.kind in _IN_NEED and _moved(row.fields, _LEAK_FIELDS)


def _around(inner: SpanRow, outer: SpanRow) -> bool:
    return inner.tid == outer.tid and outer.time_ns <= inner.time_ns <= (outer.end_ns or inner.time_ns)


def _of(event: EventRow) -> tuple[int, int, str]:
    return event.time_ns, event.tid or 0, event.comm or ""


def _moved(fields: Fields, names: Sequence[str]) -> bool:
    return any(isinstance(value := fields.get(name), int) and value > 0 for name in names)


def _queued(spans: Sequence[SpanRow], points: Sequence[EventRow]) -> Iterator[Link]:
    """The host's changes of the config and the worker's next run."""
    runs = [row for row in spans if row.kind in _WORK and row.begin_ns is not None and not row.depth]
    for point in points:
        if point.kind != "virtballoon_changed":
            continue
        after = next((row for row in runs if (row.begin_ns or 0) >= point.time_ns), None)
        if after is not None:
            yield Link(LinkKind.QUEUED, Quality.INFERRED, *_of(point), after.time_ns, after.tid)


def _kills(spans: Sequence[SpanRow], points: Sequence[EventRow]) -> Iterator[Link]:
    """Victims that have spans here."""
    for point in points:
        victim = point.fields.get("pid")
        if point.kind not in {"mark_victim", "signal_generate"} or not isinstance(victim, int):
            continue
        tid = next((row.tid for row in spans if victim in (row.tid, row.tgid)), None)
        if tid is not None and tid != point.tid:
            yield Link(LinkKind.KILLED, Quality.MEASURED, *_of(point), point.time_ns, tid)
