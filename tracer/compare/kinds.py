"""Kinds of findings that came, went or stayed from one arm to another."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from ..analyze.findings.registry import KINDS
from ..analyze.terms import Severity
from ..gates.conditions import SEVERITIES
from ..gates.measures import missing_part, unjudged_why
from .arms import Arm, Run


class Course(Enum):
    """What became of a kind: it is in all recordings of one arm and in none of the other, in some, or nobody knows."""

    CAME = "came"
    WENT = "went"
    STAYED = "stayed"
    VARIES = "varies"
    UNKNOWN = "unknown"


@dataclass(frozen=True)
class KindChange:
    """A kind of finding in two arms: in how many recordings, how many findings, the worst severity.

    `why` says, of UNKNOWN, why it could not be judged where it was not found.
    """

    kind: str
    title: str
    severity: Severity
    before_runs: int
    after_runs: int
    before: int
    after: int
    course: Course
    why: str = ""


def kind_changes(before: Arm, after: Arm) -> list[KindChange]:
    """Every kind that is found in either arm, what came or went first, then by severity."""
    found = [each for kind in KINDS if not kind.of_recording for each in _change(kind.name, kind.title, before, after)]
    order = [Course.CAME, Course.WENT, Course.UNKNOWN, Course.VARIES, Course.STAYED]
    return sorted(found, key=lambda each: (order.index(each.course), -SEVERITIES.index(each.severity.value)))


def _change(kind: str, title: str, before: Arm, after: Arm) -> list[KindChange]:
    counts = [[_count(kind, run) for run in arm.runs] for arm in (before, after)]
    if not any(map(any, counts)):
        return []
    severities = [
        finding.severity
        for arm in (before, after)
        for run in arm.runs
        for finding in run.analysis.findings
        if finding.kind == kind
    ]
    severity = max(severities, key=lambda each: SEVERITIES.index(each.value))
    runs = [sum(map(bool, side)) for side in counts]
    why = _unjudged(kind, (before, after), counts)
    course = Course.UNKNOWN if why else _course(runs, (len(before.runs), len(after.runs)))
    return [KindChange(kind, title, severity, runs[0], runs[1], sum(counts[0]), sum(counts[1]), course, why)]


def _count(kind: str, run: Run) -> int:
    return sum(finding.kind == kind for finding in run.analysis.findings)


def _unjudged(kind: str, arms: tuple[Arm, Arm], counts: list[list[int]]) -> str:
    """Why it is not known of a recording that it has none; empty where it is."""
    for arm, side in zip(arms, counts, strict=True):
        for run, count in zip(arm.runs, side, strict=True):
            why = "" if count else unjudged_why(kind, run.analysis) or missing_part(run.facts)
            if why:
                return f"{run.source}: {why}"
    return ""


def _course(found: list[int], of: tuple[int, int]) -> Course:
    if found[0] == of[0] and found[1] == of[1]:
        return Course.STAYED
    if not found[0] and found[1] == of[1]:
        return Course.CAME
    if not found[1] and found[0] == of[0]:
        return Course.WENT
    return Course.VARIES
