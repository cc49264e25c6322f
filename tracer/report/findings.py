"""Findings: everything flagged, the worst first, each with its numbers, its evidence and what to try."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from ..analyze.findings.registry import KIND_BY_NAME
from ..analyze.model import Finding
from ..analyze.terms import Severity
from ..evidence.standing import WITHOUT_SPANS
from ..wording.numbers import count, offset, plural, seconds
from ..wording.verdict import unjudged_words
from .calm import calm
from .chosen_findings import chosen
from .explanations import Explanation, Prose, anchor, explanations, first_advice, prose
from .finding_numbers import Number, numbers
from .section import Content, Source
from .table import Table

_RANK: Final = {Severity.CRITICAL: 0, Severity.WARNING: 1, Severity.INFO: 2}
_MARKS: Final = {Severity.CRITICAL: "▲", Severity.WARNING: "◆", Severity.INFO: "●"}
"""A shape for each severity, so that none is told by its colour alone."""


@dataclass(frozen=True)
class ShownFinding:
    """One finding. `rank` is its severity's, 0 for the worst; `anatomy` is the key of its scene, or `undrawn` says why
    there is none; `unread` stands for evidence that was not read; `cost` is empty where it is not known; `title` and
    `meaning` are its kind's, `advice` is what of its kind's is true for it."""

    finding: Finding
    rank: int
    mark: str
    when: str
    cost: str
    title: str
    numbers: Sequence[Number]
    evidence: Table | None
    unread: str
    anatomy: str
    undrawn: str
    meaning: Prose
    advice: Prose
    anchor: str


@dataclass(frozen=True)
class Group:
    """A severity or a kind that can be chosen, and how many of the page's findings are of it."""

    name: str
    mark: str
    count: int


@dataclass(frozen=True)
class Findings:
    """The list, and where nothing was flagged what to say instead; what can be chosen; how many are left out; what
    could not be judged; what the kinds mean."""

    shown: Sequence[ShownFinding]
    calm: Sequence[Prose]
    severities: Sequence[Group]
    kinds: Sequence[Group]
    note: str
    unjudged: str
    unjudged_count: str
    explanations: Sequence[Explanation]


def content(source: Source) -> Content:
    """Everything flagged."""
    findings = source.analysis.findings
    kept = chosen(findings)
    words = unjudged_words(source.analysis.not_judged)
    severities, kinds = Counter(finding.severity for finding in kept), Counter(finding.kind for finding in kept)
    return Content(
        Findings(
            [_shown(finding, source) for finding in kept],
            [] if kept else [prose(words) for words in calm(source)],
            [Group(str(each), _MARKS[each], severities[each]) for each in _RANK if each in severities],
            [Group(kind, "", number) for kind, number in sorted(kinds.items())],
            _note(findings, kept),
            f"Not judged: {words}." if words else "",
            plural(len(source.analysis.not_judged), "kind of finding", "kinds of findings"),
            explanations(source.analysis),
        )
    )


def _note(findings: Sequence[Finding], kept: Sequence[Finding]) -> str:
    if len(kept) == len(findings):
        return ""
    of_kinds = Counter(finding.kind for finding in findings)
    most = max(Counter(finding.kind for finding in kept).values())
    cut = ", ".join(f"{kind} {count(number)}" for kind, number in sorted(of_kinds.items()) if number > most)
    return (
        f"Showing {count(len(kept))} of {plural(len(findings), 'finding')}: of each kind the costliest {most} "
        f"({cut} in all). `reclaim-tracer summary --json` lists every one."
    )


def _undrawn(finding: Finding, source: Source) -> str:
    """Why a finding is not drawn span by span."""
    if finding.kind in WITHOUT_SPANS:
        return "It stands on counters or on the whole recording: no spans to draw."
    if not source.anatomies:
        return "This page was made without spans: make it from the recording's file."
    return "Not drawn span by span: no spans in its time, or too many events before it were read for this page."


def _unread(finding: Finding, source: Source) -> str:
    """What is said of a finding with spans whose evidence the page lacks though it has that of others."""
    if finding.kind in WITHOUT_SPANS or finding.id in source.evidence or not source.evidence:
        return ""
    command = f"reclaim-tracer spans FILE --finding {finding.id}"
    return (
        f"No span of its time was read for this page, which reads those of the first findings; `{command}` prints them."
    )


def _shown(finding: Finding, source: Source) -> ShownFinding:
    kind = KIND_BY_NAME.get(finding.kind)
    scene = f"finding-{finding.id}"
    length = f" for {seconds(finding.end_s - finding.start_s)}" if finding.end_s > finding.start_s else ""
    return ShownFinding(
        finding,
        _RANK[finding.severity],
        _MARKS[finding.severity],
        f"{offset(finding.start_s)}{length}{', still open at the end' if finding.open else ''}",
        "" if finding.cost is None else seconds(finding.cost),
        kind.title if kind else finding.kind,
        numbers(finding, source.page_bytes),
        source.evidence.get(finding.id),
        _unread(finding, source),
        scene if scene in source.scenes else "",
        "" if scene in source.scenes else _undrawn(finding, source),
        prose(kind.explanation.meaning) if kind else (),
        first_advice(finding),
        anchor(finding.kind),
    )
