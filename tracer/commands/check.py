"""`reclaim-tracer check`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from .options import BalloonSource, BalloonSourceOption, OomNotifier, Programs, length_s


def check(
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
    verbose: Annotated[
        bool, typer.Option("--verbose", "-v", help="List every source of every event separately.")
    ] = False,
    recording: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE", help="Show how the balloon gave pages back in this recording.", show_default=False
        ),
    ] = None,
    observe: Annotated[
        float | None,
        typer.Option(metavar="TIME", parser=length_s, help="... or by tracing for this long now.", show_default=False),
    ] = None,
    balloon_source: BalloonSourceOption = BalloonSource.AUTO,
    oom_notifier: OomNotifier = None,
    programs: Programs = None,
) -> None:
    """Show what can be traced on this machine, and how to get what is missing.

    \b
    Examples:
      reclaim-tracer check
      reclaim-tracer check -v
      reclaim-tracer check --json
      reclaim-tracer check --observe 30
      reclaim-tracer check --recording trace.rtrace
      reclaim-tracer check --programs FILE
    """
    from ..errors import UsageError
    from ..jobs.checking import run

    if recording is not None and observe is not None:
        raise UsageError("--recording and --observe exclude each other")
    status = run(
        as_json=as_json,
        verbose=verbose,
        recording=recording,
        observe_s=observe,
        balloon_source=balloon_source.value,
        oom_notifiers=tuple(oom_notifier or ()),
        programs=programs,
    )
    raise typer.Exit(status)
