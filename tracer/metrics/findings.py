"""Findings by kind: how many there were, which last, and what could not be judged."""

from __future__ import annotations

from collections import Counter

from ..analyze.findings.registry import KINDS
from ..analyze.terms import Severity
from .families import Families
from .results import Results


def tell_findings(results: Results, families: Families) -> None:
    """A kind that could not be judged has no count: there may have been some."""
    analysis = results.analysis
    counts = Counter(one.kind for one in analysis.findings) + Counter(analysis.forgotten.findings_by_kind)
    open_now = Counter((one.kind, one.severity) for one in analysis.findings if one.open)
    not_judged = {one.kind for one in analysis.not_judged}
    for kind in (kind.name for kind in KINDS):
        is_judged = kind not in not_judged
        families.gauge("finding_judged", "1 for kinds of findings that would be seen.", int(is_judged), kind=kind)
        if not is_judged and not counts[kind]:
            continue
        families.counter("findings", "Findings, by kind.", counts[kind], kind=kind)
        for severity in Severity:
            told = "Findings that last, by kind and severity."
            labels = {"kind": kind, "severity": severity.value}
            families.gauge("findings_open", told, open_now[kind, severity], **labels)
