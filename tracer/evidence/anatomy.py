"""The spans and single events of a scene, read from the blocks that they lie in."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Final

from ..store.slicing import RecordingPart
from .events import Events
from .links import LEADING, Link, links_of
from .numbering import Anchors, Numbering
from .rows import EventRow, SpanRow
from .scenes import Scene, SceneKind
from .selection import Selection
from .spans import SpanStream
from .thinning import Thinned

MOST_SCENES: Final = 128
"""Of one page, the first ones first."""
MOST_SPANS: Final = 140
"""Of one scene, so that each can be seen."""
MOST_POINTS: Final = 60
_MOST_EVENTS: Final = 100_000
_MOST_EVENTS_FIRST: Final = 400_000
"""That the reading of one scene goes through, of the costliest cycle or wait, and of all together."""
_MOST_READ: Final = 1_500_000
_MOST_SINGLE: Final = 4000
_LEAD_NS: Final = 1_000_000_000
_LEAD_SPANS: Final = 8192
"""So long before a scene, or so many spans, reading begins, for what was open then."""
_TAIL_NS: Final = 200_000_000
"""So long after it reading goes on, for the ends of what is open then."""
SHOWN: Final = frozenset(
    {
        "mark_victim",
        "signal_generate",
        "throttled",
        "virtballoon_changed",
        "kswapd_reclaim_fail",
        "kswapd_clear_hopeless",
    }
)
"""Kinds of single events that are drawn."""


@dataclass(frozen=True)
class Anatomy:
    """What a scene shows: spans and points by time, of how many, and what led to what.

    `until_ns`: where reading stopped before the scene's end, because enough events were read; None where it did not.
    `points_seen` is a lower bound where `points_cut`.
    """

    scene: Scene
    spans: Sequence[SpanRow]
    spans_seen: int
    threads_seen: int
    points: Sequence[EventRow]
    points_seen: int
    points_cut: bool
    links: Sequence[Link]
    until_ns: int | None


def anatomies(part: RecordingPart, anchors: Anchors, wanted: Iterable[Scene]) -> Iterator[Anatomy]:
    """One scene after the other until enough was read. Raises RecordingError."""
    left = _MOST_READ
    for scene in islice(wanted, MOST_SCENES):
        if left <= 0:
            return
        found, read = _read(part, anchors, scene)
        left -= read
        if found.spans or found.points:
            yield found


def _read(part: RecordingPart, anchors: Anchors, scene: Scene) -> tuple[Anatomy, int]:
    begin_ns = max(_lead_ns(anchors, scene), part.start_ns or 0)
    anchor = anchors.before(begin_ns)
    numbering = Numbering(begin_ns, anchor) if anchor else Numbering.whole(part.start_ns)
    thinned = Thinned(MOST_SPANS, scene.named)
    to_ns = min(scene.to_ns, part.last_ns + 1)
    end_ns = min(to_ns + _TAIL_NS, part.last_ns + 1)
    stream = SpanStream(part.recording, Selection(scene.from_ns, to_ns), numbering, end_ns, thinned)
    most = _MOST_EVENTS_FIRST if scene.kind in {SceneKind.CYCLE, SceneKind.WAIT} else _MOST_EVENTS
    thinned.take(stream.as_they_end(most))
    until_ns = stream.told_ns if stream.was_cut and stream.told_ns < to_ns else None
    spans = thinned.rows
    events, cut = _events(part, begin_ns, until_ns or to_ns)
    points = [row for row in events if row.kind in SHOWN and row.time_ns >= scene.from_ns]
    found = Anatomy(
        scene,
        spans,
        thinned.seen,
        thinned.threads,
        points[:MOST_POINTS],
        len(points),
        cut,
        links_of(spans, points[:MOST_POINTS], events, came_back=scene.of_cycle),
        until_ns,
    )
    return found, stream.events_read + len(events)


def _lead_ns(anchors: Anchors, scene: Scene) -> int:
    anchor = anchors.before(scene.from_ns)
    near_ns = anchors.begins([max(0, anchor.id - _LEAD_SPANS)])[0] if anchor else 0
    return max(scene.from_ns - _LEAD_NS, near_ns)


def _events(part: RecordingPart, from_ns: int, to_ns: int) -> tuple[list[EventRow], bool]:
    """Single events from a little before the scene on, and whether there were too many."""
    begin_ns = from_ns if part.start_ns is None else max(from_ns, part.start_ns)
    rows = Events(part.recording, Selection(begin_ns, to_ns, SHOWN | LEADING))
    found = list(islice(rows, _MOST_SINGLE + 1))
    return found[:_MOST_SINGLE], len(found) > _MOST_SINGLE
