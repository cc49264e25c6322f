"""The process that records, from its first import on: with no more of other people's modules than that takes."""

from __future__ import annotations

from ..lean_imports import slim_numpy
from .record_options import RecordOptions


def run(options: RecordOptions) -> None:
    """See `recording.run`."""
    slim_numpy()
    from .recording import run as record

    record(options)
