"""How long a recording is, and which part of it was looked at."""

from __future__ import annotations

from ..analyze.model import Analysis
from ..recording_facts import RecordingFacts
from .numbers import offset, seconds


def length_of(analysis: Analysis, facts: RecordingFacts) -> str:
    """`54.0 s`, or `10.0 s (10.000 s to 20.000 s of 54.0 s)` of a slice, whose own times count from its beginning."""
    if not facts.complete and not analysis.accounting.events and not analysis.samples:
        return "an unknown time"
    if (part := facts.slice) is None:
        return seconds(analysis.duration_s)
    return f"{seconds(analysis.duration_s)} ({offset(part.from_s)} to {offset(part.to_s)} of {seconds(part.of_s)})"
