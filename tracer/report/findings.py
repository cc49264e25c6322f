"""Findings: everything flagged, the worst first, and what each kind means."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from ..analyze.model import Finding
from ..analyze.terms import Severity
from ..wording.verdict import unjudged_words
from .explanations import Explanation, anchor, explanations
from .section import Content, Source
from .table import Cell, Column, Table, first, quality, times, word

_WORST: Final = {Severity.CRITICAL: 0, Severity.WARNING: 1, Severity.INFO: 2}


@dataclass(frozen=True)
class Findings:
    """The table, None where nothing was flagged; what could not be judged; what the kinds mean."""

    table: Table | None
    unjudged: str
    explanations: Sequence[Explanation]


def content(source: Source) -> Content:
    """Everything flagged."""
    words = unjudged_words(source.analysis.not_judged)
    return Content(
        Findings(
            _table(source.analysis.findings) if source.analysis.findings else None,
            f"Not judged: {words}." if words else "",
            explanations(source.analysis),
        )
    )


def _table(findings: Sequence[Finding]) -> Table:
    shown, note = first(findings, "finding", "worst first")
    columns = (Column("Severity"), Column("When", True), Column("What happened"), Column("Kind"), Column("Numbers"))
    return Table("Findings", columns, [_row(finding) for finding in shown], css="prose findings", note=note)


def _row(finding: Finding) -> list[Cell]:
    return [
        Cell(str(finding.severity), float(_WORST[finding.severity]), badge=f"sev-{finding.severity}"),
        times(finding.start_s, finding.end_s),
        word(finding.text),
        Cell(finding.kind, css="quiet", link=anchor(finding.kind)),
        quality(finding.quality),
    ]
