"""Recordings of several arms analysed, each from the moment that they are aligned by."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

from ..analyze.findings.needs import nothing_recorded
from ..compare.align import Align
from ..compare.arms import Arm, Run
from ..compare.comparing import Comparison, compare
from ..errors import RecordingError, UsageError, printable, shown
from ..store.aliases import Aliases
from .analysis import WHOLE, Span, analyse_file
from .memory_bound import bounded_memory

if TYPE_CHECKING:
    from ..analyze import Analysis, Options
    from ..recording_facts import RecordingFacts

_TARGETS: Final = "target_change"


@dataclass(frozen=True)
class ArmFiles:
    """An arm before anything was read."""

    name: str
    files: tuple[Path, ...]


@dataclass(frozen=True)
class Request:
    """What to compare. `span` counts from second 0 of each recording as `align` has it; `mark` is the first mark's
    text that is second 0, any where it is None. With `redact` results tell aliases for names; a mark is looked for by
    its own."""

    arms: Sequence[ArmFiles]
    options: Options
    span: Span = WHOLE
    align: Align = Align.START
    mark: str | None = None
    by_work: bool = False
    redact: bool = False

    def run(self) -> Comparison:
        """Analyse and compare. Raises RecordingError, UsageError."""
        aliases = Aliases() if self.redact else None
        arms = [Arm(arm.name, tuple(self._run(path, aliases) for path in arm.files)) for arm in self.arms]
        return compare(arms, self.align, by_work=self.by_work)

    def _run(self, path: Path, aliases: Aliases | None) -> Run:
        with bounded_memory(path):
            zero_s = 0.0 if self.align is Align.START else self._zero_s(path, *self._analysed(path, WHOLE))
            span = self.span if self.align is Align.START else _later(self.span, zero_s)
            analysis, facts = self._analysed(path, span, aliases)
        source = str(path) if aliases is None else facts.source
        return Run(source, analysis, facts, span.from_s or 0.0)

    def _analysed(self, path: Path, span: Span, aliases: Aliases | None = None) -> tuple[Analysis, RecordingFacts]:
        """Raises RecordingError where there is nothing in it that could be compared."""
        analysis, facts = analyse_file(path, self.options, span, redact=aliases or False)
        if nothing_recorded(analysis, facts.metadata):
            raise RecordingError(f"{shown(path)}: nothing was recorded, so it can't be compared")
        return analysis, facts

    def _zero_s(self, path: Path, analysis: Analysis, facts: RecordingFacts) -> float:
        """The moment that recordings are aligned by. Raises UsageError where this one has none."""
        if self.align is Align.HOST:
            told = analysis.timeline.spans.get(_TARGETS)
            if told is None or not len(told.begin_s):
                raise UsageError(f"{shown(path)}: no command of the host was recorded; align by start or by a mark")
            return float(told.begin_s[0])
        marks = [each for each in facts.marks if self.mark is None or each.words == self.mark]
        if not marks:
            wanted = "" if self.mark is None else f" {printable(self.mark)!r}"
            raise UsageError(f"{shown(path)}: it has no mark{wanted}; record --marks or live's key m make them")
        return (marks[0].at_ns - facts.metadata.start_ns) / 1e9


def _later(span: Span, zero_s: float) -> Span:
    return Span(zero_s + (span.from_s or 0.0), None if span.to_s is None else zero_s + span.to_s)
