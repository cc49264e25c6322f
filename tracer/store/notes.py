"""What results say of a recording itself, its notes among it: anything may be in there."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from ..metadata import ClockChange, RecordingFiles
from ..program_cost import costs_from_notes
from ..recording_facts import RecordingFacts
from .background import DROPPED_EVENTS_NOTE
from .format import IMPORT_NOTE, JSON
from .parts import RecordingParts
from .reader import Recording
from .rotating import PART_NOTE

CLOCK_CHANGES_NOTE: Final = "clock_changes"
"""Note: a list of `[at_ns, kind, by_ns]`."""
MOST_CLOCK_CHANGES: Final = 1000
_MOST_DAMAGE: Final = 200
"""Characters shown of why a source is damaged."""


def facts_of(recording: Recording | RecordingParts, lost: Mapping[str, int]) -> RecordingFacts:
    """What results say about a recording; after a whole pass, when all damage has shown.

    `lost` is what the pass came to, by kind.
    """
    damage = source_damage(recording.notes)
    return RecordingFacts(
        source=recording.path.name,
        metadata=recording.metadata,
        lost=lost,
        cut_bytes=recording.cut_bytes,
        bad_blocks=recording.bad_blocks,
        complete=recording.complete and not damage,
        program_cost=costs_from_notes(recording.notes),
        dropped_events=dropped_events(recording.notes),
        clock_changes=clock_changes(recording.notes),
        files=files(recording),
        source_damage=damage,
    )


def source_damage(notes: Mapping[str, JSON]) -> str:
    """Why an import ended before its source's end; empty where it did not."""
    told = notes.get(IMPORT_NOTE)
    damage = told.get("damage") if isinstance(told, dict) else None
    return damage[:_MOST_DAMAGE] if isinstance(damage, str) else ""


def clock_changes(notes: Mapping[str, JSON]) -> tuple[ClockChange, ...]:
    """What happened to the clocks while it was recorded."""
    rows = notes.get(CLOCK_CHANGES_NOTE)
    try:
        return tuple(ClockChange.from_json(row) for row in rows) if isinstance(rows, list) else ()
    except (TypeError, ValueError, OverflowError):
        return ()


def files(recording: Recording | RecordingParts) -> RecordingFiles:
    """In how many files it is."""
    if isinstance(recording, RecordingParts):
        return RecordingFiles(len(recording.parts), recording.removed, recording.missing)
    part = recording.notes.get(PART_NOTE)
    return RecordingFiles(part=part if isinstance(part, int) else 0)


def dropped_events(notes: Mapping[str, JSON]) -> int:
    """Lost events that the recorder itself dropped, because writing was too slow."""
    counts = notes.get(DROPPED_EVENTS_NOTE)
    return sum(n for n in counts.values() if isinstance(n, int)) if isinstance(counts, dict) else 0
