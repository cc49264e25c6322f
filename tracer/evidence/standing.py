"""The spans that findings stand on, for a page: some for each, read from the blocks that they lie in."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Final

from ..analyze.model import Finding
from ..store.slicing import RecordingPart
from .numbering import MOST_NS, Anchors, Numbering
from .rows import SpanRow
from .selection import Selection
from .spans import SpanStream
from .subjects import Subject

MOST_ROWS: Final = 50
"""For one finding."""
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


@dataclass(frozen=True)
class Standing:
    """Rows by begin. `named` of them are named by the finding itself, None where it names none: then they are the
    first of its time that lie in no other span."""

    rows: Sequence[SpanRow]
    named: int | None


class FindingSpans:
    """Finds them for one finding after the other. Raises RecordingError."""

    def __init__(self, part: RecordingPart, anchors: Anchors) -> None:
        self._part = part
        self._anchors = anchors
        self._left = MOST_READINGS

    def of(self, finding: Finding) -> Standing | None:
        """None for what stands on no spans, and where enough was read for others."""
        if finding.kind in WITHOUT_SPANS or not self._left:
            return None
        ids = sorted(set(finding.spans))
        rows = [*(self._named(ids) if ids else self._first(finding))]
        rows.sort(key=lambda row: row.time_ns)
        return Standing(rows, len(ids) or None) if rows else None

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

    def _first(self, finding: Finding) -> Iterator[SpanRow]:
        subject = Subject.of_finding(finding, self._part.metadata)
        found = 0
        for row in self._read(Selection(subject.from_ns, subject.to_ns), subject.from_ns - 1_000_000_000):
            if not row.depth:
                yield row
                found += 1
            if found == MOST_ROWS or row.time_ns >= subject.to_ns:
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
