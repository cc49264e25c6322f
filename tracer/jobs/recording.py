"""What `record` does once its options are read."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Final

from ..errors import shell_word
from ..freed_memory import keep_freed_memory
from ..probes.loading import Loader
from ..recorder.footprint import KEPT_BYTES, one_arena
from ..terminal.loading import loading
from ..terminal.messages import Messages

_SIGNALLED: Final = 128
"""A shell's exit status for a command that a signal killed is this and the signal's number."""


def run(
    *,
    output: Path,
    duration_s: float | None,
    command: tuple[str, ...],
    force: bool,
    fsync: str,
    rotate_bytes: int | None,
    keep: int | None,
    queue_bytes: int,
    sample_interval_s: float,
    buffer_bytes: int,
    transport: str | None,
    balloon_source: str,
    oom_notifiers: tuple[str, ...],
    lru_detail: str,
    quiet: bool,
    verbose: bool,
) -> None:
    """Record, then print the summary; exits like the command that was traced. Raises TracerError."""
    one_arena()
    keep_freed_memory(KEPT_BYTES)
    # It gets ready while this process imports what it needs and makes its plan.
    with Loader() as loader:
        with loading():
            from ..probes.transport import Transport
            from ..recorder.capture import CaptureRequest, capture
            from ..recorder.output import Output, rotation_of
            from ..store import Fsync

        say = Messages(quiet=quiet, verbose=verbose)
        request = CaptureRequest(
            output=Output(output, force, Fsync(fsync), rotation_of(rotate_bytes, keep), queue_bytes),
            duration_s=duration_s,
            command=command,
            sample_interval_s=sample_interval_s,
            buffer_bytes=buffer_bytes,
            measure_cost=verbose,
            transport=Transport(transport) if transport else None,
            balloon_source=balloon_source,
            oom_notifiers=oom_notifiers,
            lru_detail=lru_detail,
            loader=loader,
        )
        captured = capture(request, say)
    _print_summary(captured.path, verbose=verbose)
    say.info(f"Next: reclaim-tracer report {shell_word(captured.path)}")
    if status := captured.command_status:
        sys.exit(status if status > 0 else _SIGNALLED - status)


def _print_summary(recording: Path, *, verbose: bool) -> None:
    # Not while it records: the analysis is a third of all modules.
    from ..terminal.paper import stdout_paper
    from ..terminal.summary_text import summary_text
    from .analysis import analyse_file

    sys.stdout.write(summary_text(*analyse_file(recording), stdout_paper(), verbose=verbose))
    sys.stdout.flush()
