"""Exports made in this process."""

from __future__ import annotations

from pathlib import Path

from tracer.analyze import Options
from tracer.export.registry import BY_NAME
from tracer.export.source import Source
from tracer.jobs.analysis import WHOLE, Span
from tracer.store import Recording, open_recording
from tracer.store.redacting import AnyRecording
from tracer.store.slicing import RecordingPart


def exported(path: Path, name: str) -> bytes:
    """A whole recording in a format."""
    return exported_of(open_recording(path), name)


def exported_of(recording: AnyRecording, name: str, span: Span = WHOLE) -> bytes:
    """A span of a recording in a format."""
    return exported_part(span.part(recording), name)


def exported_part(part: RecordingPart, name: str) -> bytes:
    """A part of a recording in a format."""
    pieces: list[bytes] = []
    source = Source(part, Options(), lambda _: None)
    source.pour(BY_NAME[name].writer(source, pieces.append))
    return b"".join(pieces)


def with_notes(path: Path, notes: dict[str, object]) -> Recording:
    """A recording with notes beside its own."""
    recording = Recording.open(path)
    recording.notes = {**recording.notes, **notes}
    return recording
