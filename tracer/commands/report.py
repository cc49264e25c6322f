"""`reclaim-tracer report`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from ..terminal.loading import loading
from .options import GAP_S, HORIZON_S, FileOrStdin, Force, From, Gap, Horizon, Redact, To, named


def report(
    file: FileOrStdin,
    output: Annotated[
        Path | None,
        typer.Option("--output", "-o", metavar="OUT.html", help="Default: FILE with .html.", show_default=False),
    ] = None,
    force: Force = False,
    from_s: From = None,
    to_s: To = None,
    horizon: Horizon = HORIZON_S,
    gap: Gap = GAP_S,
    title: Annotated[
        str,
        typer.Option("--title", metavar="WORDS", help="What stands above it, for the host's name.", show_default=False),
    ] = "",
    redact: Redact = False,
) -> None:
    """Analyse a recording and write one self-contained HTML file that needs no network.

    \b
    Examples:
      reclaim-tracer report trace.rtrace
      reclaim-tracer report trace.rtrace -o report.html --force
    """
    with loading():
        from ..analyze import Options
        from ..errors import shown
        from ..jobs.analysis import Span, analyse_file
        from ..jobs.memory_bound import bounded_memory
        from ..outputs import check_output
        from ..report import write_report
        from ..store import STDIN, files_of

    if file == STDIN and output is None:
        raise typer.BadParameter("a report of standard input needs a name: -o OUT.html")
    target = named(output or named(file).with_suffix(".html"))
    recording = [] if file == STDIN else files_of(file)
    check_output(target, force=force, what="a report", inputs=recording)
    with bounded_memory(file):
        analysis, facts = analyse_file(file, Options(horizon_s=horizon, gap_s=gap), Span(from_s, to_s), redact=redact)
        size = write_report(target, analysis, facts, recording, force=force, title=title)
    typer.echo(f"Wrote {shown(target)} ({size / 2**20:.1f} MiB)")
