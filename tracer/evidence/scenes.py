"""Which stretches of a recording are shown span by span: the costliest cycle and wait, each kill, and findings."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from ..analyze.model import Analysis, Cycle, Finding
from .longest_wait import Wait
from .standing import WITHOUT_SPANS, Standing

KILLS: Final = ("oom_kill", "constrained_oom", "user_kill")
_MOST_KILLS: Final = 8
_LONG_NS: Final = 2_000_000_000
"""Of a finding that lasts longer the part around its longest span is shown."""
_BEFORE_KILL_NS: Final = 1_000_000_000
_AFTER_KILL_NS: Final = 200_000_000
_LEAST_AROUND_NS: Final = 1_000_000
_STORMS: Final = frozenset({"storm", "cycle"})


class SceneKind(StrEnum):
    """Why a stretch is shown."""

    CYCLE = "cycle"
    WAIT = "wait"
    KILL = "kill"
    FINDING = "finding"


@dataclass(frozen=True)
class Scene:
    """`from_ns <= time < to_ns`; `named` are ids of the spans that it is about. `part` says which part of the
    subject's time it is, empty where it is all; `key` is unique among a recording's scenes."""

    kind: SceneKind
    key: str
    from_ns: int
    to_ns: int
    named: frozenset[int]
    subject: Cycle | Wait | Finding
    part: str = ""

    @property
    def of_cycle(self) -> bool:
        """Whether pages left the balloon in it and came back."""
        return self.kind is SceneKind.CYCLE or (isinstance(self.subject, Finding) and self.subject.kind in _STORMS)

    @property
    def whole(self) -> bool:
        """Whether it is all of the subject's time."""
        return not self.part


def scenes(
    analysis: Analysis, start_ns: int, wait: Wait | None, findings: Sequence[Finding], standing: Mapping[int, Standing]
) -> Iterator[Scene]:
    """The costliest first. `findings` are those that may be opened, `standing` the spans of some of them."""
    costliest = max(analysis.cycles, key=lambda cycle: (cycle.wasted_pages, -cycle.id), default=None)
    if costliest is not None:
        yield _cycle(costliest, start_ns)
    if wait is not None:
        yield Scene(SceneKind.WAIT, "wait", *_around(wait.begin_ns, wait.end_ns), frozenset({wait.id}), wait)
    kills = [finding for finding in findings if finding.kind in KILLS]
    yield from (_kill(finding, start_ns) for finding in kills[:_MOST_KILLS])
    for finding in findings:
        if finding.kind not in WITHOUT_SPANS and finding not in kills[:_MOST_KILLS]:
            yield _finding(finding, analysis, start_ns, standing.get(finding.id))


def _cycle(cycle: Cycle, start_ns: int) -> Scene:
    begin_ns, end_ns = _ns(start_ns, cycle.leak_start_s or cycle.start_s), _ns(start_ns, cycle.end_s)
    return Scene(SceneKind.CYCLE, "cycle", *_around(begin_ns, end_ns), frozenset(cycle.spans), cycle)


def _kill(finding: Finding, start_ns: int) -> Scene:
    at_ns = _ns(start_ns, finding.start_s)
    limits = at_ns - _BEFORE_KILL_NS, at_ns + _AFTER_KILL_NS
    return Scene(SceneKind.KILL, f"finding-{finding.id}", *limits, frozenset(finding.spans), finding)


def _finding(finding: Finding, analysis: Analysis, start_ns: int, standing: Standing | None) -> Scene:
    begin_ns, end_ns, part = _ns(start_ns, finding.start_s), _ns(start_ns, finding.end_s), ""
    if end_ns - begin_ns > _LONG_NS:
        begin_ns, end_ns, part = _part(finding, analysis, start_ns, standing)
    limits = _around(begin_ns, end_ns)
    return Scene(SceneKind.FINDING, f"finding-{finding.id}", *limits, frozenset(finding.spans), finding, part)


def _part(finding: Finding, analysis: Analysis, start_ns: int, standing: Standing | None) -> tuple[int, int, str]:
    """Of a storm its costliest cycle; else the longest of its spans, or without any the beginning."""
    if finding.kind in _STORMS:
        inside = [each for each in analysis.cycles if finding.start_s <= each.start_s and each.end_s <= finding.end_s]
        if inside:
            most = max(inside, key=lambda cycle: (cycle.wasted_pages, -cycle.id))
            return _ns(start_ns, most.leak_start_s or most.start_s), _ns(start_ns, most.end_s), "its costliest cycle"
    rows = standing.rows if standing and standing.named else ()
    timed = [(row.duration_ns, row.time_ns) for row in rows if row.duration_ns is not None]
    if not timed:
        begin_ns = _ns(start_ns, finding.start_s)
        return begin_ns, begin_ns + _LONG_NS, "its beginning"
    length_ns, begin_ns = max(timed)
    around_ns = max(0, _LONG_NS // 2 - length_ns) // 2
    return begin_ns - around_ns, begin_ns + length_ns + around_ns, "around its longest span"


def _around(begin_ns: int, end_ns: int) -> tuple[int, int]:
    more_ns = max((end_ns - begin_ns) // 20, _LEAST_AROUND_NS)
    return begin_ns - more_ns, end_ns + more_ns


def _ns(start_ns: int, at_s: float) -> int:
    return start_ns + round(at_s * 1e9)
