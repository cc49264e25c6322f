"""A recording's analysis with what its findings stand on, and scenes span by span, for a report."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from .analysis import WHOLE, Span, analyse
from .anatomies import anatomies_of

if TYPE_CHECKING:
    from ..analyze import Analysis, Options
    from ..analyze.stream.stretch import Stretch
    from ..evidence.anatomy import Anatomy
    from ..evidence.moments import Moments
    from ..evidence.numbering import Anchors
    from ..evidence.standing import Standing
    from ..recording_facts import RecordingFacts
    from ..report.table import Table
    from ..store import AnyRecording
    from ..store.slicing import RecordingPart


@dataclass(frozen=True)
class ReportSource:
    """What a report is made from: results, tables of evidence by the ids of findings, and scenes span by span."""

    analysis: Analysis
    facts: RecordingFacts
    evidence: dict[int, Table] = field(default_factory=dict)
    anatomies: list[Anatomy] = field(default_factory=list)


def analyse_for_report(recording: AnyRecording, options: Options | None = None, span: Span = WHOLE) -> ReportSource:
    """The results with what they stand on; without it of a stream, which is read once only.

    Raises RecordingError, UsageError.
    """
    from ..analyze import Options
    from ..evidence.longest_wait import LongestWait
    from ..evidence.moments import Moments
    from ..evidence.numbering import Anchors
    from ..report.chosen_findings import chosen
    from ..report.evidence import evidence_table
    from ..store import is_stream

    part = span.part(recording)
    anchors, longest, moments = Anchors(), LongestWait(), Moments(recording)

    def note(stretch: Stretch) -> None:
        anchors(stretch)
        longest(stretch)
        moments(stretch)

    analysis = analyse(part, options or Options(), note)
    facts = part.facts(analysis.accounting.lost)
    if is_stream(recording):
        return ReportSource(analysis, facts)
    standing = dict(_standing(part, analysis, anchors, moments))
    findings = {finding.id: finding for finding in chosen(analysis.findings)}
    tables = {at: evidence_table(findings[at], each, part.metadata.start_ns) for at, each in standing.items()}
    return ReportSource(analysis, facts, tables, anatomies_of(part, analysis, anchors, longest, standing))


def _standing(
    part: RecordingPart, analysis: Analysis, anchors: Anchors, moments: Moments
) -> Iterator[tuple[int, Standing]]:
    from ..evidence.standing import FindingSpans
    from ..report.chosen_findings import chosen

    spans = FindingSpans(part, anchors, moments)
    for finding in chosen(analysis.findings):
        if standing := spans.of(finding):
            yield finding.id, standing
