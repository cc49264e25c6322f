"""Exports made in this process."""

from __future__ import annotations

from pathlib import Path

from tracer.analyze import Options
from tracer.export.registry import BY_NAME
from tracer.export.source import Source
from tracer.jobs.analysis import WHOLE
from tracer.store import open_recording


def exported(path: Path, name: str) -> bytes:
    """A whole recording in a format."""
    pieces: list[bytes] = []
    source = Source(WHOLE.part(open_recording(path)), Options(), lambda _: None)
    source.pour(BY_NAME[name].writer(source, pieces.append))
    return b"".join(pieces)
