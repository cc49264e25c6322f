"""Results of a stream that goes on for days: what is long over is told no longer, and counted."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from ..analyze import Analysis, Engine

MOST_FINDINGS: Final = 400
"""Beyond it the older half is forgotten: a look takes 0.1 to 0.5 ms each, and they come as long as it goes on."""
_KEPT_FINDINGS: Final = 200
_LEAST_AGO_S: Final = 120.0
"""Readings lag events by a second, or by a minute where none came: nothing younger is forgotten."""


class Remembering:
    """An engine whose results are looked at again and again; the newest findings are kept, of all others sums."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._leaving: Mapping[int, float] = {}
        self._before_s = 0.0
        self._forgotten = 0

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
        found = {finding.id for finding in analysis.findings}
        self._forgotten += sum(end_s < self._before_s for number, end_s in self._leaving.items() if number not in found)
        self._leaving = {}
        analysis.forgotten = replace(analysis.forgotten, findings=self._forgotten)
        return analysis

    def _forget(self, analysis: Analysis, end_ns: int) -> None:
        ends_s = sorted(finding.end_s for finding in analysis.findings)
        self._before_s = min(ends_s[-_KEPT_FINDINGS], analysis.duration_s - _LEAST_AGO_S)
        self._leaving = {finding.id: finding.end_s for finding in analysis.findings}
        self._engine.forget(end_ns - round((analysis.duration_s - self._before_s) * 1e9))
