"""What of a recording that goes on is to be sent: things that are over once each, findings when they come up."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from dataclasses import replace
from typing import TYPE_CHECKING, Final

from .telling import FindingStream, is_of_the_whole

if TYPE_CHECKING:
    from ..analyze import Analysis
    from ..analyze.model import Finding
    from ..export.otlp.found import Found, FoundSpans

_OVER_S: Final = 2.0
"""Beyond the horizon, within which a cycle may still get pages back, and a storm another cycle."""
_MOST_S: Final = 60.0
"""Beyond it nobody waits for a run of the balloon that began before and does not end: its pages may be missing."""


class SpanNews:
    """Tells each thing once, when nothing is added to it any more."""

    def __init__(self, horizon_s: float) -> None:
        self._settled_s = horizon_s + _OVER_S
        self._told: set[str] = set()

    def new(self, found: FoundSpans, analysis: Analysis) -> list[Found]:
        """What is over by now, of results so far."""
        now_s = analysis.duration_s
        counted_s = max(analysis.settled_s or 0.0, now_s - _MOST_S)
        before_s = min(counted_s, now_s - self._settled_s)
        return self._untold(found, (one for one in found.all if one.thing.end_s < before_s))

    def rest(self, found: FoundSpans) -> list[Found]:
        """What is left when the recording is over."""
        return self._untold(found, found.all)

    def _untold(self, found: FoundSpans, over: Iterable[Found]) -> list[Found]:
        new = [one for one in over if one.key not in self._told]
        # What the analysis has forgotten does not come again.
        self._told = (self._told & {one.key for one in found.all}) | {one.key for one in new}
        return new


class FindingNews:
    """Tells findings as `replay` does: some while they last, all when they are over, and those that do not hold any
    more. The last one of an id is its last state."""

    def __init__(self) -> None:
        self._stream = FindingStream(grown=math.inf)

    def new(self, analysis: Analysis) -> Iterator[Finding]:
        """What is to be said now."""
        yield from _as_found(self._stream.new(analysis, _left_out(analysis)), analysis)

    def rest(self, analysis: Analysis) -> Iterator[Finding]:
        """What is left to be said when the recording is over."""
        yield from _as_found(self._stream.rest(analysis, _left_out(analysis)), analysis)
        yield from (one for one in analysis.findings if is_of_the_whole(one, analysis.duration_s))


def _as_found(told: Iterable[Finding], analysis: Analysis) -> Iterator[Finding]:
    """In their own words, where they still hold."""
    now = {one.id: one for one in analysis.findings}
    for finding in told:
        yield now.get(finding.id) or replace(finding, open=False)


def _left_out(analysis: Analysis) -> int:
    return sum(analysis.forgotten.findings_by_kind.values())
