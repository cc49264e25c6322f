"""The process that records, from its first import on: with no more of other people's modules than that takes."""

from __future__ import annotations

from ..lean_imports import load_lean
from ..terminal.loading import loading
from .record_options import RecordOptions


def run(options: RecordOptions) -> None:
    """See `recording.run`."""
    with loading():
        load_lean()
        from .recording import run as record
    record(options)
