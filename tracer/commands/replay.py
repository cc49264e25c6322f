"""`reclaim-tracer replay`."""

from __future__ import annotations

import sys
from typing import Annotated, Final

import typer

from ..terminal.loading import loading
from .options import GAP_S, HORIZON_S, Details, FileOrStdin, Gap, Horizon, Quiet

_SLOWEST: Final = 0.001


def _speed(text: str) -> float | None:
    """None for `max`."""
    if text == "max":
        return None
    try:
        speed = float(text)
    except ValueError:
        speed = 0.0
    if not _SLOWEST <= speed < float("inf"):
        raise typer.BadParameter(f"{text!r} is neither a number from {_SLOWEST:g} up nor max", param_hint="'--speed'")
    return speed


def replay(
    file: FileOrStdin,
    speed: Annotated[str, typer.Option(metavar="N|max", help="1 is the original speed.")] = "max",
    horizon: Horizon = HORIZON_S,
    gap: Gap = GAP_S,
    quiet: Quiet = False,
    verbose: Details = False,
) -> None:
    """Replay a recording through the analysis: findings as they appear, then the summary.

    \b
    Examples:
      reclaim-tracer replay trace.rtrace
      reclaim-tracer replay trace.rtrace --speed 4 --horizon 30
    """
    with loading():
        from ..analyze import Options
        from ..jobs.analysis import opened
        from ..jobs.memory_bound import bounded_memory
        from ..jobs.replaying import replay_recording

    chosen = _speed(speed)
    options = Options(horizon_s=horizon, gap_s=gap)
    with bounded_memory(file):
        replay_recording(opened(file), options, chosen, sys.stdout, quiet=quiet, verbose=verbose)
