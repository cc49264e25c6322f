"""The sections of the report, in reading order."""

from __future__ import annotations

from typing import Final

from . import anatomy, conflicts, cycles, findings, kills, ladder, nodes, quality, shrinkers, stalls, timeline, words
from .section import Section

SECTIONS: Final = (
    Section("findings", "Findings", findings.content, style=True, script=True),
    Section("timeline", "Timeline", timeline.content, style=True, script=True),
    Section("ladder", "Ladder", ladder.content, style=True, script=True),
    Section("anatomy", "Anatomy", anatomy.content, style=True, script=True),
    Section("shrinkers", "Shrinkers", shrinkers.content, folded=True),
    Section("stalls", "Stalls", stalls.content, style=True, folded=True),
    Section("nodes", "NUMA nodes", nodes.content, folded=True),
    Section("kills", "Kills", kills.content, folded=True),
    Section("cycles", "Cycles", cycles.content, folded=True),
    Section("conflicts", "Conflicts", conflicts.content, folded=True),
    Section("quality", "Recording quality", quality.content),
    Section("words", "Words", words.content, style=True, folded=True),
)
