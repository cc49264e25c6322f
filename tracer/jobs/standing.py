"""A recording's analysis with the spans that its findings stand on, for a report."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from .analysis import Span, analyse, opened

if TYPE_CHECKING:
    from ..analyze import Analysis, Options
    from ..evidence.numbering import Anchors
    from ..recording_facts import RecordingFacts
    from ..report.table import Table
    from ..store.slicing import RecordingPart


def analyse_for_report(
    path: Path, options: Options, span: Span, *, redact: bool
) -> tuple[Analysis, RecordingFacts, dict[int, Table]]:
    """The results, and tables of spans by the ids of findings; none of standard input, which is read once only.

    Raises RecordingError, UsageError.
    """
    from ..evidence.numbering import Anchors
    from ..store import STDIN

    part, anchors = span.part(opened(path, span, redact=redact)), Anchors()
    analysis = analyse(part, options, anchors)
    facts = part.facts(analysis.accounting.lost)
    return analysis, facts, {} if path == STDIN else dict(_tables(part, analysis, anchors))


def _tables(part: RecordingPart, analysis: Analysis, anchors: Anchors) -> Iterator[tuple[int, Table]]:
    from ..evidence.standing import FindingSpans
    from ..report.chosen_findings import chosen
    from ..report.evidence import evidence_table

    spans = FindingSpans(part, anchors)
    for finding in chosen(analysis.findings):
        if standing := spans.of(finding):
            yield finding.id, evidence_table(finding, standing, part.metadata.start_ns)
