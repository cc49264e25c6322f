"""`reclaim-tracer record`."""

from __future__ import annotations

import sys
from dataclasses import replace
from datetime import datetime
from pathlib import Path

import typer

from ..output_stream import STDOUT, refuse_terminal
from ..recorder.handover import HandOver
from .grouped import with_groups
from .metrics_options import MetricsGroup
from .options import Quiet, Verbose, named
from .recording_options import AsUser, Command, Duration, Flush, Marks, RecorderGroup, Summary, Target

_PACKAGE = __package__.partition(".")[0]
_AS_USUAL, _NO_METRICS = RecorderGroup(), MetricsGroup()


@with_groups
def record(
    command: Command = None,
    output: Target = None,
    duration: Duration = None,
    as_user: AsUser = None,
    flush: Flush = None,
    summary: Summary = True,
    recorder: RecorderGroup = _AS_USUAL,
    marks: Marks = False,
    metrics: MetricsGroup = _NO_METRICS,
    quiet: Quiet = False,
    verbose: Verbose = False,
) -> None:
    """Trace this machine until the time is up, the command ends, or Ctrl-C; then print the summary.

    \b
    Examples (as root):
      reclaim-tracer record -d 30
      reclaim-tracer record -o build.rtrace -- make -j8
      reclaim-tracer record --as-user alice -- make -j8
      reclaim-tracer record -d 5 --buffer-size 64 --force -o trace.rtrace
      reclaim-tracer record -o flight.rtrace --rotate 64 --keep 4
      reclaim-tracer record -o - --flush 0.2 | reclaim-tracer replay -
      reclaim-tracer record -o guest.rtrace --rotate 64 --keep 4 --metrics 9464
      reclaim-tracer record -o guest.rtrace --otlp http://127.0.0.1:4318
    """
    _refuse_contradictions(command, output, as_user, recorder.rotate, marks=marks)
    wanted = metrics.wishes()
    if wanted and output == STDOUT:
        raise typer.BadParameter("metrics are made from the recording's file: with -o - there is none")
    options = replace(
        recorder.wishes(named(output or _default_output()), duration, flush),
        command=tuple(command or ()),
        as_user=as_user,
        summary=summary,
        marks=marks,
        metrics=wanted,
        quiet=quiet,
        verbose=verbose,
    )
    raise HandOver(f"{_PACKAGE}.jobs.recording_process", {"options": options})


def _refuse_contradictions(
    command: list[str] | None, output: Path | None, as_user: str | None, rotate: int | None, *, marks: bool
) -> None:
    """Raises typer.BadParameter for options that don't go together, UsageError where stdout is a terminal."""
    if not command and sys.argv[-1:] == ["--"] and output != Path("--"):
        raise typer.BadParameter("no COMMAND after --")
    if as_user is not None and not command:
        raise typer.BadParameter("--as-user needs a COMMAND: record --as-user USER -- COMMAND")
    if marks and command:
        raise typer.BadParameter("--marks reads standard input, which is COMMAND's: leave out one of them")
    if output == STDOUT:
        refuse_terminal()
        if rotate is not None:
            raise typer.BadParameter("standard output is one stream: --rotate needs a file")


def _default_output() -> Path:
    return Path(datetime.now().astimezone().strftime("reclaim-%Y%m%d-%H%M%S.rtrace"))
