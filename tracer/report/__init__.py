"""An analysis as one self-contained, offline HTML file."""

from __future__ import annotations

from ..recording_facts import RecordingFacts
from ..wording.verdict import Verdict, verdict
from .page import render, write_made, write_report

__all__ = ["RecordingFacts", "Verdict", "render", "verdict", "write_made", "write_report"]
