"""A recording as a short text: the analysis, and one more look at the stretch that stands for the rest."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final

from ..analyze import numbers_of
from ..report.letter import Letter, Moments, letter, moments, typical_stretch
from ..wording.verdict import verdict
from .analysis import WHOLE, analyse
from .copied_stdin import copied_stdin

if TYPE_CHECKING:
    from ..analyze import Analysis, Options
    from ..recording_facts import RecordingFacts
    from ..store import AnyRecording
    from ..store.slicing import RecordingPart
    from .analysis import Span

_AROUND_NS: Final = 1_000_000_000
"""Spans that have begun so long before are seen whole, and so is what a reading so long after tells."""


def letter_of(recording: AnyRecording, options: Options, span: Span, title: str) -> Letter:
    """Analyse a recording in a file, or a part of it, and put together what is to be said.

    Raises RecordingError, UsageError.
    """
    part = span.part(recording)
    analysis, facts = _analysed(part, options)
    return letter(analysis, facts, _moments(part, analysis, facts), title=title)


def letter_of_stdin(options: Options, title: str, *, redact: bool = False) -> Letter:
    """The same of standard input, which is kept in a temporary file meanwhile. Raises TracerError."""
    with copied_stdin(redact=redact) as stream:
        part = WHOLE.part(stream.recording)
        analysis, facts = _analysed(part, options)
        again = replace(part, recording=stream.again())
        return letter(analysis, facts, _moments(again, analysis, facts), title=title)


def _analysed(part: RecordingPart, options: Options) -> tuple[Analysis, RecordingFacts]:
    analysis = analyse(part, options)
    return analysis, part.facts(analysis.accounting.lost)


def _moments(part: RecordingPart, analysis: Analysis, facts: RecordingFacts) -> Moments | None:
    stretch = typical_stretch(analysis, verdict(analysis, facts), facts.metadata.page_size_bytes)
    if stretch is None:
        return None
    start_ns = part.metadata.start_ns
    from_ns = max(start_ns + round(stretch.from_s * 1e9) - _AROUND_NS, part.start_ns or 0)
    items = part.recording.items(from_ns, start_ns + round(stretch.to_s * 1e9) + _AROUND_NS)
    with numbers_of(part.recording.path):
        return moments(items, part.metadata, part.recording.symbols, stretch, analysis.findings)
