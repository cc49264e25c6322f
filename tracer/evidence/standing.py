"""What findings stand on, for a page: some spans for each, read from the blocks that they lie in, and single events."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Final

from ..analyze.model import Finding
from ..store.slicing import RecordingPart
from .moments import NONE_FOUND, Found, Moments
from .numbering import MOST_NS, Anchors, Numbering
from .rows import SpanRow
from .selection import Selection
from .spans import SpanStream
from .subjects import Subject

MOST_ROWS: Final = 50
"""For one finding, spans and events together."""
MOST_MOMENTS: Final = 18
"""Of them events: as many as fit beside the spans that a finding names."""
MOST_READINGS: Final = 60
"""For all findings of a page, the first ones first: each reads a block or more."""
_MOST_EVENTS: Final = 200_000
"""That one reading goes through."""
_NEAR: Final = 512
"""Spans whose ids are no further apart are read at once."""
WITHOUT_SPANS: Final = frozenset(
    {"lag", "headroom", "refault", "dropped_cache", "lost", "module", "recorder_share", "reporting", "shrinker_share"}
)
"""Kinds that stand on counters, on the whole recording or on the recording itself."""
_MACHINE: Final = frozenset(
    {"mark_victim", "signal_generate", "kswapd_reclaim_fail", "kswapd_clear_hopeless", "throttled"}
)
_HOSTS: Final = frozenset({"virtballoon_changed"})
_MOMENTS_OF: Final = {
    **dict.fromkeys(WITHOUT_SPANS, frozenset[str]()),
    **dict.fromkeys(("conflict", "cycle", "storm", "host_oscillation"), _MACHINE | _HOSTS),
    "lag": _HOSTS,
    "module": frozenset({"module_load", "module_free"}),
}
"""Kinds of single events by kind of finding; of all other findings _MACHINE."""
_OF_THREAD: Final = frozenset({"long_stall", "worker_stuck"})
"""Kinds that are about one thread."""


@dataclass(frozen=True)
class Standing:
    """Rows by begin. `named` of them are named by the finding itself, None where it names none: then they are the
    first of its time that lie in no other span. `moments` are single events of its time."""

    rows: Sequence[SpanRow]
    named: int | None
    moments: Found = NONE_FOUND


class FindingSpans:
    """Finds them for one finding after the other. Raises RecordingError.

    `anchors` and `moments` have seen the whole recording.
    """

    def __init__(self, part: RecordingPart, anchors: Anchors, moments: Moments) -> None:
        self._part = part
        self._anchors = anchors
        self._moments = moments
        self._left = MOST_READINGS

    def of(self, finding: Finding) -> Standing | None:
        """None for what stands on neither, and where enough was read for others."""
        ids = sorted(set(finding.spans))
        moments = self._moments_of(finding)
        rows: list[SpanRow] = []
        if finding.kind not in WITHOUT_SPANS and self._left:
            rows += self._named(ids) if ids else self._first(finding, MOST_ROWS - len(moments.rows))
        rows.sort(key=lambda row: row.time_ns)
        return Standing(rows, len(ids) or None, moments) if rows or moments.rows else None

    def _moments_of(self, finding: Finding) -> Found:
        kinds = _MOMENTS_OF.get(finding.kind, _MACHINE)
        subject = Subject.of_finding(finding, self._part.metadata)
        tids = {int(finding.numbers["tid"])} if finding.kind in _OF_THREAD and "tid" in finding.numbers else ()
        return self._moments.between(subject.from_ns, subject.to_ns, kinds, MOST_MOMENTS, tids)

    def _named(self, ids: list[int]) -> Iterator[SpanRow]:
        for group in _near(ids):
            if not self._left:
                return
            left = set(group)
            selection = Selection(from_ns=MOST_NS, spans=frozenset(group))
            for row in self._read(selection, self._anchors.begins(group)[0]):
                yield row
                left.discard(row.id or 0)
                if not left:
                    break

    def _first(self, finding: Finding, most: int) -> Iterator[SpanRow]:
        subject = Subject.of_finding(finding, self._part.metadata)
        found = 0
        for row in self._read(Selection(subject.from_ns, subject.to_ns), subject.from_ns - 1_000_000_000):
            if not row.depth:
                yield row
                found += 1
            if found == most or row.time_ns >= subject.to_ns:
                return

    def _read(self, selection: Selection, from_ns: int) -> Iterator[SpanRow]:
        self._left -= 1
        anchor = self._anchors.before(from_ns)
        numbering = Numbering(from_ns, anchor) if anchor else Numbering.whole(self._part.start_ns)
        yield from SpanStream(self._part.recording, selection, numbering, self._part.end_ns).as_they_end(_MOST_EVENTS)


def _near(ids: list[int]) -> Iterator[list[int]]:
    """Ids in ascending order, those together that are read at once."""
    group = ids[:1]
    for before, number in pairwise(ids):
        if number - before > _NEAR:
            yield group
            group = []
        group.append(number)
    yield group
