"""Ids of spans where a recording is read from the middle on: results name spans by how many began before them."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Final, Self

import numpy as np
import numpy.typing as npt

from ..analyze.stream.closed import NO_SPAN, NO_TIME, leaving
from ..analyze.stream.stretch import Stretch

I64 = npt.NDArray[np.int64]

MOST_NS: Final = (1 << 63) - 1
EACH: Final = 128
"""Every so manieth span is an anchor: 24 bytes for each."""


@dataclass(frozen=True, order=True)
class Anchor:
    """A span whose id is known."""

    id: int
    begin_ns: int
    tid: int


class Anchors:
    """Notes every EACHth span that leaves the engine."""

    def __init__(self) -> None:
        self._found: list[tuple[int, int, int]] = []
        self._sorted = True

    def __call__(self, stretch: Stretch) -> None:
        """As `on_stretch` of the engine."""
        spans, _ = leaving(stretch)
        kept = np.flatnonzero((spans.id % EACH == 0) & (spans.id != NO_SPAN) & (spans.begin_ns != NO_TIME))
        columns = (column[kept].tolist() for column in (spans.id, spans.begin_ns, spans.tid))
        self._found += zip(*columns, strict=True)
        self._sorted = self._sorted and not len(kept)

    def before(self, time_ns: int) -> Anchor | None:
        """The last one that began by then."""
        anchors = self._in_order()
        at = bisect_right(anchors, time_ns, key=lambda anchor: anchor[1]) - 1
        return Anchor(*anchors[at]) if at >= 0 else None

    def begins(self, numbers: Collection[int]) -> tuple[int, int]:
        """Between which times the spans of these ids begin, the ends of all time where nothing limits it."""
        anchors = self._in_order()
        first, last = (bisect_right(anchors, end, key=lambda anchor: anchor[0]) for end in (min(numbers), max(numbers)))
        return anchors[first - 1][1] if first else 0, anchors[last][1] if last < len(anchors) else MOST_NS

    def _in_order(self) -> Sequence[tuple[int, int, int]]:
        if not self._sorted:
            # In order of id is in order of begin.
            self._found.sort()
            self._sorted = True
        return self._found


class Numbering:
    """From where on to read, and what ids spans have there.

    Read from the recording's start (`from_ns` None) they are what they are counted as; from an anchor on what they
    come to from its id; else they are not known.
    """

    def __init__(self, from_ns: int | None = None, anchor: Anchor | None = None) -> None:
        self.from_ns = from_ns if anchor is None else anchor.begin_ns
        self._anchor = anchor
        self._offset = 0 if self.from_ns is None else None
        self._from_start = self.from_ns is None
        self._made_up: list[int] = []

    @classmethod
    def whole(cls, from_ns: int | None) -> Self:
        """Of a recording, or of a slice that begins then and is looked at as one."""
        numbering = cls()
        numbering.from_ns = from_ns
        return numbering

    def take(self, stretch: Stretch) -> None:
        """The next stretch. Of a kswapd at work when reading began the begin is made up, and counted, although a
        reading from the start has none there."""
        if self._from_start:
            return
        spans = stretch.spans
        self._made_up = sorted({*self._made_up, *spans.id[stretch.awake].tolist()})
        if self._offset is None and self._anchor is not None:
            found = np.flatnonzero((spans.begin_ns == self._anchor.begin_ns) & (spans.tid == self._anchor.tid))
            if len(found):
                self._offset = self._anchor.id - self._counted(int(spans.id[found[0]]))
            self._anchor = None

    def of(self, number: int) -> int | None:
        """The id of a span that was counted so; None where it is not known."""
        if number == NO_SPAN or self._offset is None or number in self._made_up:
            return None
        return self._counted(number) + self._offset

    def several(self, numbers: I64) -> I64:
        """The same for many; NO_SPAN where it is not known."""
        if self._offset is None:
            return np.full(len(numbers), NO_SPAN)
        known = (numbers != NO_SPAN) & ~np.isin(numbers, self._made_up)
        return np.where(known, numbers - np.searchsorted(self._made_up, numbers) + self._offset, NO_SPAN)

    def _counted(self, number: int) -> int:
        return number - bisect_left(self._made_up, number)
