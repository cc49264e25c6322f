"""Keys of the notes that readers look at."""

from __future__ import annotations

from typing import Final

from ..program_cost import COST_NOTE

END_NOTE: Final = "end_ns"
"""The recording's end, for one whose last event or sample does not tell it (an import)."""
HOST_COMMANDS_NOTE: Final = "host_commands"
"""By an imported log of the host: a list of `{"time_s", "target_bytes", "comment"}`, seconds since the recording's
start, at most MOST_HOST_COMMANDS."""
IMPORT_NOTE: Final = "import"
"""What an import met; `damage` says why its source ends too early, empty where it does not."""
PART_NOTE: Final = "part"
"""Which file of several this is, from 1."""
SKIPPED_PARTS_NOTE: Final = "skipped_parts"
"""Numbers of earlier files that it has none of, because something else had their names: at most MOST_SKIPPED_PARTS."""
CLOCK_CHANGES_NOTE: Final = "clock_changes"
"""A list of `[at_ns, kind, by_ns]`, at most MOST_CLOCK_CHANGES."""
DROPPED_EVENTS_NOTE: Final = "dropped_events"
"""Events dropped because the queue was full, by kind; they are in the lost stretches too."""
DROPPED_SAMPLES_NOTE: Final = "dropped_samples"
"""Readings of counters dropped because the writer was far behind."""
MARKERS_NOTE: Final = "markers"
"""What was written into a trace that was imported: a list of `[s, text]`, seconds since the recording's start."""
MARKS_NOTE: Final = "marks"
"""What somebody who watched wrote into the recording: a list of `[at_ns, words]`, at most MOST_MARKS."""
NOT_KEPT_NOTE: Final = "not_kept_ns"
"""How long it had been recorded before what is in this file: the beginning was kept in memory and given up."""

KNOWN_NOTES: Final = frozenset(
    {
        *(CLOCK_CHANGES_NOTE, COST_NOTE, DROPPED_EVENTS_NOTE, DROPPED_SAMPLES_NOTE, END_NOTE),
        *(HOST_COMMANDS_NOTE, IMPORT_NOTE, MARKS_NOTE, NOT_KEPT_NOTE, PART_NOTE, SKIPPED_PARTS_NOTE),
    }
)
"""All of these."""

MOST_CLOCK_CHANGES: Final = 1000
MOST_SKIPPED_PARTS: Final = 1000
MOST_HOST_COMMANDS: Final = 10_000
MOST_COMMENT_CHARS: Final = 200
MOST_MARKS: Final = 256
MOST_MARK_CHARS: Final = 120

__all__ = [
    "CLOCK_CHANGES_NOTE",
    "COST_NOTE",
    "DROPPED_EVENTS_NOTE",
    "DROPPED_SAMPLES_NOTE",
    "END_NOTE",
    "HOST_COMMANDS_NOTE",
    "IMPORT_NOTE",
    "KNOWN_NOTES",
    "MARKERS_NOTE",
    "MARKS_NOTE",
    "MOST_CLOCK_CHANGES",
    "MOST_COMMENT_CHARS",
    "MOST_HOST_COMMANDS",
    "MOST_MARKS",
    "MOST_MARK_CHARS",
    "MOST_SKIPPED_PARTS",
    "NOT_KEPT_NOTE",
    "PART_NOTE",
    "SKIPPED_PARTS_NOTE",
]
