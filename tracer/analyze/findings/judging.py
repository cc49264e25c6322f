"""Judges a recording by every kind of finding."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from ..model import Finding, NotJudged
from ..terms import Severity
from .registry import KINDS

if TYPE_CHECKING:
    from .evidence import Evidence

_ORDER: Final = {Severity.CRITICAL: 0, Severity.WARNING: 1, Severity.INFO: 2}
_RANK: Final = {kind.name: rank for rank, kind in enumerate(KINDS)}
_LOST: Final = "lost"


def find(evidence: Evidence) -> list[Finding]:
    """All findings, the worst first: by severity, then cost, an unknown one last, then as kinds are registered, then
    time. Those that overlap a lost stretch say so."""
    findings = [finding for kind in KINDS for finding in kind.findings(evidence)]
    findings.sort(key=_worst_first)
    for finding in findings:
        if finding.kind != _LOST and _touches_loss(evidence, finding):
            finding.text += " Events were lost in this stretch, so the numbers are a lower bound."
    return findings


def not_judged(evidence: Evidence, findings: list[Finding]) -> list[NotJudged]:
    """Kinds of which nothing was found and of which nothing would have been seen, each with why."""
    told = {finding.kind for finding in findings}
    unmet = [(kind, kind.unmet(evidence)) for kind in KINDS if kind.name not in told]
    return [NotJudged(kind.name, why) for kind, why in unmet if why]


def _worst_first(finding: Finding) -> tuple[int, float, int, float, int]:
    cost = -1.0 if finding.cost is None else finding.cost
    return _ORDER[finding.severity], -cost, _RANK[finding.kind], finding.start_s, finding.id


def _touches_loss(evidence: Evidence, finding: Finding) -> bool:
    stretches = evidence.analysis.accounting.lost_stretches
    return any(start <= finding.end_s and finding.start_s <= end for start, end, _ in stretches)
