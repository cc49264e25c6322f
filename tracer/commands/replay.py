"""`reclaim-tracer replay`."""

from __future__ import annotations

import sys
from typing import Annotated, Final

import typer

from ..terminal.loading import loading
from .options import GAP_S, HORIZON_S, Details, FileOrStdin, Gap, Horizon, Quiet, Redact

_SLOWEST: Final = 0.001
_SPEED: Final = typer.Option(
    metavar="N|max", help="1 is the original speed. Default: max; with --live 1.", show_default=False
)
_LIVE: Final = typer.Option("--live", help="Play it on the live view's screen: pause, seek, step to the next finding.")
_LINES: Final = typer.Option("--lines", help="With --live: lines although there is a terminal.")


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
    speed: Annotated[str | None, _SPEED] = None,
    live: Annotated[bool, _LIVE] = False,
    lines: Annotated[bool, _LINES] = False,
    horizon: Horizon = HORIZON_S,
    gap: Gap = GAP_S,
    redact: Redact = False,
    quiet: Quiet = False,
    verbose: Details = False,
) -> None:
    """Replay a recording through the analysis: findings as they appear, then the summary.

    \b
    Examples:
      reclaim-tracer replay trace.rtrace
      reclaim-tracer replay trace.rtrace --speed 4 --horizon 30
      reclaim-tracer replay --live trace.rtrace --speed 2
    """
    with loading():
        from ..analyze import Options
        from ..jobs.analysis import opened
        from ..jobs.memory_bound import bounded_memory
        from ..jobs.replaying import replay_recording
        from ..jobs.replaying_live import play_recording

    if redact and live:
        raise typer.BadParameter("--redact is for what is printed; the screen of --live shows names")
    if lines and not live:
        raise typer.BadParameter("--lines needs --live")
    chosen = _speed(speed or ("1" if live else "max"))
    options = Options(horizon_s=horizon, gap_s=gap)
    with bounded_memory(file):
        if live:
            play_recording(opened(file), options, chosen, lines=lines)
            return
        replay_recording(opened(file, redact=redact), options, chosen, sys.stdout, quiet=quiet, verbose=verbose)
