"""The sections of the report, in reading order."""

from __future__ import annotations

from typing import Final

from . import conflicts, cycles, findings, ladder, quality, shrinkers, stalls, timeline
from .section import Section

SECTIONS: Final = (
    Section("findings", "Findings", findings.content, style=True),
    Section("timeline", "Timeline", timeline.content, script=True),
    Section("ladder", "Ladder", ladder.content, style=True, script=True),
    Section("shrinkers", "Shrinkers", shrinkers.content),
    Section("stalls", "Stalls", stalls.content),
    Section("cycles", "Cycles", cycles.content),
    Section("conflicts", "Conflicts", conflicts.content),
    Section("quality", "Recording quality", quality.content),
)
