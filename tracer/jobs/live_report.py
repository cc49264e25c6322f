"""A report of what a live view has followed so far, in a process of its own."""

from __future__ import annotations

import os
from pathlib import Path

from ..programs import kill_first
from ..terminal.loading import loading


def run(source: Path, target: Path) -> None:
    """Analyse a recording that may still be written, and write its page. Raises TracerError."""
    kill_first(os.getpid())
    with loading():
        from ..report import write_report
        from ..store import files_of, open_recording
        from .memory_bound import bounded_memory
        from .standing import analyse_for_report

    with bounded_memory(source):
        found = analyse_for_report(open_recording(source))
        write_report(
            target,
            found.analysis,
            found.facts,
            files_of(source),
            evidence=found.evidence,
            anatomies=found.anatomies,
        )
