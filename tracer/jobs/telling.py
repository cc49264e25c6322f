"""Findings in the order in which they come up while a recording goes on, each told anew where it has changed."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Final, Protocol

from ..analyze.findings.registry import KIND_BY_NAME

if TYPE_CHECKING:
    from ..analyze.model import Finding

SETTLED_S: Final = 1.0
"""How long ago a finding must have ended to be told as over: until then it may still grow."""
_GROWN: Final = 2.0
"""One that lasts is told anew when it is so many times as long: a storm of an hour some ten times."""
_GROWN_LEAST_S: Final = 1.0


class Found(Protocol):
    """What was found so far, in so many seconds of the recording: an analysis, or what a view knows of one."""

    @property
    def duration_s(self) -> float:
        """How long the recording is so far."""
        ...

    @property
    def findings(self) -> Sequence[Finding]:
        """In any order."""
        ...


@dataclass
class _Told:
    """What was said of a finding last, and how long it was then."""

    finding: Finding
    is_over: bool

    @property
    def length_s(self) -> float:
        return self.finding.end_s - self.finding.start_s


@dataclass
class FindingStream:
    """Tells findings, known by their ids. Some kinds are told while they last, others when they are over; what was told
    is told anew when it has `grown` (is so many times as long), is over, or no longer holds. What concerns the whole
    recording is the summary's."""

    grown: float = _GROWN
    let_go: int = 0
    """Told ones that are over and no longer among those that come: left out, although they hold."""
    _told: dict[int, _Told] = field(default_factory=dict)

    @property
    def has_told(self) -> bool:
        """Whether anything was."""
        return bool(self._told)

    def new(self, analysis: Found, left_out: int = 0) -> Iterator[Finding]:
        """What is to be said now, in the order it ended; the analysis is of the recording so far.

        `left_out` is how many earlier findings it has not, although they hold.
        """
        settled_s = analysis.duration_s - SETTLED_S
        yield from self._withdrawn(analysis, left_out)
        for finding in _by_end(analysis):
            is_over = not finding.open and finding.end_s <= settled_s
            if finding.id in self._told:
                yield from self._again(finding, is_over=is_over)
            elif is_over or (finding.open and _told_open(finding)):
                yield self._tell(finding, "", is_over=is_over)

    def rest(self, analysis: Found, left_out: int = 0) -> Iterator[Finding]:
        """What is left to be said when the recording is over."""
        yield from self._withdrawn(analysis, left_out)
        for finding in _by_end(analysis):
            told = self._told.get(finding.id)
            if told is None:
                yield self._tell(finding, "", is_over=True)
            elif told.finding.text != finding.text:
                yield self._tell(finding, "Update: " if finding.open else "Over: ", is_over=True)

    def _again(self, finding: Finding, *, is_over: bool) -> Iterator[Finding]:
        told = self._told[finding.id]
        if is_over and not told.is_over:
            yield self._tell(finding, "Over: ", is_over=True)
        elif told.finding.text != finding.text:
            length_s = finding.end_s - finding.start_s
            if told.is_over or length_s >= max(self.grown * told.length_s, told.length_s + _GROWN_LEAST_S):
                yield self._tell(finding, "Update: ", is_over=is_over)

    def _withdrawn(self, analysis: Found, left_out: int) -> Iterator[Finding]:
        """What was told and is found no longer; one that was over may be among those left out."""
        found = {finding.id for finding in analysis.findings}
        for number in [number for number in self._told if number not in found]:
            told = self._told.pop(number)
            if left_out and told.is_over:
                self.let_go += 1
            else:
                yield replace(told.finding, text=f"Withdrawn: {told.finding.text}")

    def _tell(self, finding: Finding, lead: str, *, is_over: bool) -> Finding:
        self._told[finding.id] = _Told(finding, is_over)
        return replace(finding, text=f"{lead}{finding.text}")


def _by_end(analysis: Found) -> list[Finding]:
    """Findings in the order they ended, but for those about the whole recording."""
    findings = sorted(analysis.findings, key=lambda finding: finding.end_s)
    return [each for each in findings if not is_of_the_whole(each, analysis.duration_s)]


def is_of_the_whole(finding: Finding, duration_s: float) -> bool:
    """Whether it is about the whole recording: it began with it, and lasts as long."""
    return finding.start_s <= 0.0 and finding.end_s >= duration_s


def _told_open(finding: Finding) -> bool:
    kind = KIND_BY_NAME.get(finding.kind)
    return kind is not None and kind.told_open
