"""An analysis as one self-contained, offline HTML file."""

from __future__ import annotations

from .facts import RecordingFacts
from .page import render, write_report
from .verdict import Verdict, verdict

__all__ = ["RecordingFacts", "Verdict", "render", "verdict", "write_report"]
