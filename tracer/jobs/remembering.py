"""Results of a stream that goes on for days: what is long over is told no longer, and counted."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import replace
from math import floor
from typing import TYPE_CHECKING, Final

from ..analyze.model import killed_from_user_space

if TYPE_CHECKING:
    from ..analyze import Analysis, Engine
    from ..analyze.model import Finding

MOST_FINDINGS: Final = 400
"""Beyond it the older half is forgotten: a look takes 0.1 to 0.5 ms each, and they come as long as it goes on."""
_KEPT_FINDINGS: Final = 200
_LEAST_AGO_S: Final = 120.0
"""Readings lag events by a second, or by a minute where none came: nothing younger is forgotten."""


class Remembering:
    """An engine whose results are looked at again and again; the newest findings are kept, of all others sums."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._leaving: Sequence[Finding] = ()
        self._before_s = 0.0
        self._by_kind = Counter[str]()
        self._user_killed = 0

    def so_far(self, end_ns: int) -> Analysis:
        """As Engine.so_far; how many findings were forgotten is among it."""
        analysis = self._counted(self._engine.so_far(end_ns))
        if len(analysis.findings) > MOST_FINDINGS:
            self._forget(analysis, end_ns)
        return analysis

    def finish(self, end_ns: int) -> Analysis:
        """As Engine.finish."""
        return self._counted(self._engine.finish(end_ns))

    def _counted(self, analysis: Analysis) -> Analysis:
        if self._leaving:
            # Not all kinds are forgotten. What was over by then changes no more, so that numbers are enough.
            stayed = self._over(analysis.findings)
            self._by_kind += Counter(_kinds(self._leaving)) - Counter(_kinds(stayed))
            self._user_killed += killed_from_user_space(self._leaving) - killed_from_user_space(stayed)
            self._leaving = ()
        forgotten = replace(analysis.forgotten, findings_by_kind=dict(self._by_kind), user_killed=self._user_killed)
        analysis.forgotten = forgotten
        return analysis

    def _over(self, findings: Iterable[Finding]) -> list[Finding]:
        return [finding for finding in findings if finding.end_s < self._before_s]

    def _forget(self, analysis: Analysis, end_ns: int) -> None:
        ends_s = sorted(finding.end_s for finding in analysis.findings)
        over_s = analysis.duration_s - (end_ns - self._engine.over_ns) / 1e9
        before_s = min(ends_s[-_KEPT_FINDINGS], analysis.duration_s - _LEAST_AGO_S, over_s)
        # At a whole millisecond: those of one have ids that depend on each other.
        self._before_s = floor(before_s * 1e3) / 1e3
        self._leaving = self._over(analysis.findings)
        self._engine.forget(end_ns - round((analysis.duration_s - self._before_s) * 1e9))


def _kinds(findings: Iterable[Finding]) -> Iterable[str]:
    return (finding.kind for finding in findings)
