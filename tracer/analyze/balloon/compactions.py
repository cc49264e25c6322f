"""When compaction was at work, and how often it asked the driver to migrate a page.

Since Linux 7.0 a driver's migration callback may end with -ENOENT: the old page is out of the balloon and counts in
BALLOON_DEFLATE, no new one is in it (balloon_page_migrate() in mm/balloon.c, commit 1258460bd31e). No run of the driver
has that page.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from typing import Final

import numpy as np

from ...metadata import Metadata
from ...schema import SpanKind
from ..stream.lane import SPAN_CODE
from ..stream.stretch import Stretch

_CALL: Final = "virtballoon_migratepage"
_JOINED_NS: Final = 250_000_000
"""Compactions that follow each other this soon are one: what is asked spans readings, which are no closer."""
_MOST_CALLS: Final = 65_536
"""Calls kept for a reading to come; beyond, older ones are forgotten, and what they did is told by nothing."""


class Compactions:
    """Takes stretches; answers for the time since it was last told to forget."""

    def __init__(self, metadata: Metadata) -> None:
        self._calls_traced = _CALL in metadata.kinds_traced
        self._begins: list[int] = []
        self._ends: list[int] = []
        self._calls: list[int] = []

    def advance(self, stretch: Stretch) -> None:
        """Take the next stretch."""
        begin_ns, end_ns = stretch.clipped(stretch.spans.code == SPAN_CODE[SpanKind.COMPACTION])
        order = np.argsort(begin_ns, kind="stable")
        for begin, end in zip(begin_ns[order].tolist(), end_ns[order].tolist(), strict=True):
            if self._ends and begin <= self._ends[-1] + _JOINED_NS:
                self._ends[-1] = max(self._ends[-1], end)
            else:
                self._begins.append(begin)
                self._ends.append(end)
        self._calls += stretch.time_ns[stretch.args.all(_CALL)[0]].tolist()
        del self._calls[:-_MOST_CALLS]

    def at_work(self, since_ns: int, until_ns: int) -> bool:
        """Whether any of it overlaps that time."""
        first = bisect_left(self._ends, since_ns)
        overlaps = first < len(self._begins) and self._begins[first] <= until_ns
        return overlaps or self._called(since_ns, until_ns) > 0

    def may_have_leaked(self, since_ns: int, until_ns: int, migrated: int | None) -> int | None:
        """How many pages it can have taken out, if the kernel counted `migrated`; None where nothing bounds it."""
        if not self.at_work(since_ns, until_ns):
            return 0
        if not self._calls_traced or migrated is None:
            return None
        return max(self._called(since_ns, until_ns) - migrated, 0)

    def forget(self, until_ns: int) -> None:
        """Nobody will ask for a time before."""
        over = bisect_left(self._ends, until_ns)
        del self._begins[:over], self._ends[:over]
        del self._calls[: bisect_left(self._calls, until_ns)]

    def _called(self, since_ns: int, until_ns: int) -> int:
        return bisect_right(self._calls, until_ns) - bisect_left(self._calls, since_ns)
