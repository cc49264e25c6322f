"""What results say of a recording itself, its notes among it: those in here are as `contents` declares them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from ..metadata import ClockChange, ClockChangeKind, HostCommand, Mark, RecordingFiles
from ..program_cost import costs_from_notes
from ..recording_facts import RecordingFacts
from .following import FollowedRecording
from .format import JSON
from .note_keys import (
    CLOCK_CHANGES_NOTE,
    DROPPED_EVENTS_NOTE,
    HOST_COMMANDS_NOTE,
    IMPORT_NOTE,
    MARKS_NOTE,
    NOT_KEPT_NOTE,
    PART_NOTE,
)
from .parts import RecordingParts
from .redacting import AnyRecording, RedactedRecording

_MOST_DAMAGE: Final = 200
"""Characters shown of why a source is damaged."""


def facts_of(recording: AnyRecording, lost: Mapping[str, int]) -> RecordingFacts:
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
        marks=marks(recording.notes, recording.metadata.start_ns),
        not_kept_ns=not_kept_ns(recording.notes),
        host_commands=host_commands(recording.notes, recording.metadata.start_ns),
    )


def source_damage(notes: Mapping[str, JSON]) -> str:
    """Why an import ended before its source's end; empty where it did not."""
    told: Any = notes.get(IMPORT_NOTE, {})
    damage: str = told.get("damage") or ""
    return damage[:_MOST_DAMAGE]


def clock_changes(notes: Mapping[str, JSON]) -> tuple[ClockChange, ...]:
    """What happened to the clocks while it was recorded."""
    rows: Any = notes.get(CLOCK_CHANGES_NOTE, ())
    return tuple(ClockChange(at_ns, ClockChangeKind(kind), by_ns) for at_ns, kind, by_ns in rows)


def marks(notes: Mapping[str, JSON], start_ns: int) -> tuple[Mark, ...]:
    """What somebody who watched wrote into it; a file of several has earlier ones, which are not its own, too."""
    rows: Any = notes.get(MARKS_NOTE, ())
    return tuple(Mark(at_ns, words) for at_ns, words in rows if at_ns >= start_ns)


def host_commands(notes: Mapping[str, JSON], start_ns: int) -> tuple[HostCommand, ...]:
    """What the host asked for, by its own log, in its order."""
    rows: Any = notes.get(HOST_COMMANDS_NOTE, ())
    return tuple(
        HostCommand(start_ns + round(row["time_s"] * 1e9), row["target_bytes"], row.get("comment", "")) for row in rows
    )


def not_kept_ns(notes: Mapping[str, JSON]) -> int:
    """How long it had been recorded before what was kept of it."""
    told: Any = notes.get(NOT_KEPT_NOTE, 0)
    return int(told)


def files(recording: AnyRecording) -> RecordingFiles:
    """In how many files it is."""
    if isinstance(recording, RedactedRecording):
        return files(recording.unredacted)
    if isinstance(recording, RecordingParts):
        return RecordingFiles(len(recording.parts), recording.removed, recording.missing, skipped=recording.skipped)
    if isinstance(recording, FollowedRecording) and recording.parts > 1:
        return RecordingFiles(recording.parts)
    part: Any = recording.notes.get(PART_NOTE, 0)
    return RecordingFiles(part=part)


def dropped_events(notes: Mapping[str, JSON]) -> int:
    """Lost events that the recorder itself dropped, because writing was too slow."""
    counts: Any = notes.get(DROPPED_EVENTS_NOTE, {})
    return sum(counts.values())
