"""A recording's analysis with what its findings stand on, and scenes span by span, for a report."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
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
    from ..store import is_stream

    seen = _Seen(recording, options, span)
    return ReportSource(seen.analysis, seen.facts) if is_stream(recording) else seen.read_again(seen.part)


def analyse_stdin_for_report(options: Options, *, redact: bool = False) -> ReportSource:
    """The same of standard input, which is kept in a temporary file meanwhile. Raises TracerError."""
    from .copied_stdin import copied_stdin

    with copied_stdin(redact=redact) as stream:
        seen = _Seen(stream.recording, options)
        return seen.read_again(replace(seen.part, recording=stream.again()))


class _Seen:
    """A recording that was analysed, and what was noted meanwhile for reading parts of it again."""

    def __init__(self, recording: AnyRecording, options: Options | None = None, span: Span = WHOLE) -> None:
        from ..analyze import Options
        from ..evidence.longest_wait import LongestWait
        from ..evidence.moments import Moments
        from ..evidence.numbering import Anchors

        self.part = span.part(recording)
        self._anchors, self._longest, self._moments = Anchors(), LongestWait(), Moments(recording)
        self.analysis = analyse(self.part, options or Options(), self._note)
        self.facts = self.part.facts(self.analysis.accounting.lost)

    def _note(self, stretch: Stretch) -> None:
        self._anchors(stretch)
        self._longest(stretch)
        self._moments(stretch)

    def read_again(self, part: RecordingPart) -> ReportSource:
        """What findings stand on, read from `part`. Raises RecordingError."""
        from ..report.chosen_findings import chosen
        from ..report.evidence import evidence_table

        standing = dict(_standing(part, self.analysis, self._anchors, self._moments))
        findings = {finding.id: finding for finding in chosen(self.analysis.findings)}
        tables = {at: evidence_table(findings[at], each, part.metadata.start_ns) for at, each in standing.items()}
        scenes = anatomies_of(part, self.analysis, self._anchors, self._longest, standing)
        return ReportSource(self.analysis, self.facts, tables, scenes)


def _standing(
    part: RecordingPart, analysis: Analysis, anchors: Anchors, moments: Moments
) -> Iterator[tuple[int, Standing]]:
    from ..evidence.standing import FindingSpans
    from ..report.chosen_findings import chosen

    spans = FindingSpans(part, anchors, moments)
    for finding in chosen(analysis.findings):
        if standing := spans.of(finding):
            yield finding.id, standing
