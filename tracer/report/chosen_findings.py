"""Which findings a page has: all, or where there are too many, of each kind the costliest."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Final

from ..analyze.model import Finding

MOST_FINDINGS: Final = 120
"""On one page, of all kinds together."""


def chosen(findings: Sequence[Finding]) -> list[Finding]:
    """Of each kind the first so many, as many as fit for all kinds alike: `findings` come the costliest first."""
    most = _most_of_a_kind(Counter(finding.kind for finding in findings).values())
    taken: Counter[str] = Counter()
    kept = []
    for finding in findings:
        taken[finding.kind] += 1
        if taken[finding.kind] <= most:
            kept.append(finding)
    return kept


def _most_of_a_kind(counts: Iterable[int]) -> int:
    """The largest number of each kind with which no more than MOST_FINDINGS are shown, but at least one."""
    left, most = MOST_FINDINGS, 0
    ordered = sorted(counts)
    for place, number in enumerate(ordered):
        kinds = len(ordered) - place
        if (number - most) * kinds > left:
            return max(1, most + left // kinds)
        left -= (number - most) * kinds
        most = number
    return max(1, most)
