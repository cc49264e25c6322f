"""A recording's analysis with the spans that its findings stand on, and scenes span by span, for a report."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from .analysis import Span, analyse, opened
from .anatomies import anatomies_of

if TYPE_CHECKING:
    from ..analyze import Analysis, Options
    from ..analyze.stream.stretch import Stretch
    from ..evidence.anatomy import Anatomy
    from ..evidence.numbering import Anchors
    from ..evidence.standing import Standing
    from ..recording_facts import RecordingFacts
    from ..report.table import Table
    from ..store.slicing import RecordingPart


@dataclass(frozen=True)
class ReportSource:
    """What a report is made from: results, tables of spans by the ids of findings, and scenes span by span."""

    analysis: Analysis
    facts: RecordingFacts
    evidence: dict[int, Table] = field(default_factory=dict)
    anatomies: list[Anatomy] = field(default_factory=list)


def analyse_for_report(path: Path, options: Options, span: Span, *, redact: bool) -> ReportSource:
    """The results with their spans; without them of standard input, which is read once only.

    Raises RecordingError, UsageError.
    """
    from ..evidence.longest_wait import LongestWait
    from ..evidence.numbering import Anchors
    from ..report.chosen_findings import chosen
    from ..report.evidence import evidence_table
    from ..store import STDIN

    part, anchors, longest = span.part(opened(path, span, redact=redact)), Anchors(), LongestWait()

    def note(stretch: Stretch) -> None:
        anchors(stretch)
        longest(stretch)

    analysis = analyse(part, options, note)
    facts = part.facts(analysis.accounting.lost)
    if path == STDIN:
        return ReportSource(analysis, facts)
    standing = dict(_standing(part, analysis, anchors))
    findings = {finding.id: finding for finding in chosen(analysis.findings)}
    tables = {at: evidence_table(findings[at], each, part.metadata.start_ns) for at, each in standing.items()}
    return ReportSource(analysis, facts, tables, anatomies_of(part, analysis, anchors, longest, standing))


def _standing(part: RecordingPart, analysis: Analysis, anchors: Anchors) -> Iterator[tuple[int, Standing]]:
    from ..evidence.standing import FindingSpans
    from ..report.chosen_findings import chosen

    spans = FindingSpans(part, anchors)
    for finding in chosen(analysis.findings):
        if standing := spans.of(finding):
            yield finding.id, standing
