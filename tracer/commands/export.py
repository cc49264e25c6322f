"""`reclaim-tracer export`."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ..output_stream import STDOUT
from ..terminal.loading import loading
from .options import GAP_S, HORIZON_S, FileOrStdin, Force, From, Gap, Horizon, Quiet, To, named

if TYPE_CHECKING:
    from ..jobs.exporting import Exported


class ExportFormat(StrEnum):
    """The formats; a test holds them against the registry, which is too slow to import for `--help`."""

    PERFETTO = "perfetto"
    CHROME = "chrome"
    PARQUET = "parquet"
    ARROW = "arrow"
    CSV = "csv"
    FOLDED = "folded"
    FTRACE = "ftrace"
    PROMETHEUS = "prometheus"
    OTLP = "otlp"


def export(
    file: FileOrStdin,
    to: Annotated[ExportFormat, typer.Option("--format", "-t", help="What to write.", show_default=False)],
    output: Annotated[
        Path,
        typer.Option(
            "--output",
            "-o",
            metavar="OUT",
            help="File, or folder for tables. Default: -, standard output.",
            show_default=False,
        ),
    ] = STDOUT,
    force: Force = False,
    from_s: From = None,
    to_s: To = None,
    horizon: Horizon = HORIZON_S,
    gap: Gap = GAP_S,
    quiet: Quiet = False,
) -> None:
    """Write a recording in the format of another tool.

    \b
    Examples:
      reclaim-tracer export trace.rtrace --format perfetto -o trace.pftrace
      reclaim-tracer export trace.rtrace --format parquet -o tables
      reclaim-tracer export trace.rtrace --format folded | flamegraph.pl > waits.svg
    """
    with loading():
        from ..analyze import Options
        from ..export.registry import BY_NAME
        from ..jobs.analysis import Span
        from ..jobs.exporting import ExportRequest, lighten
        from ..jobs.exporting import export as write_export
        from ..jobs.memory_bound import bounded_memory
        from ..terminal.messages import stdout_until_read
        from ..terminal.progress import progress_bar

    target = output if output == STDOUT else named(output)
    options = Options(horizon_s=horizon, gap_s=gap)
    request = ExportRequest(file, BY_NAME[to.value], target, force, options, Span(from_s, to_s))
    with stdout_until_read(), bounded_memory(file):
        lighten(request.format)
        with progress_bar(quiet=quiet) as progress:
            exported = write_export(request, progress)
        _tell(exported, to, target, quiet)


def _tell(exported: Exported, to: ExportFormat, target: Path, quiet: bool) -> None:
    """What became of it."""
    from ..errors import shown
    from ..terminal.messages import Messages, say
    from ..wording.numbers import bytes_

    if exported.missing_part:
        say(f"Part of what happened is missing: {exported.missing_part}.")
    if exported.unsaid:
        Messages(quiet=quiet).info(f"{to.value} has no words for: {exported.unsaid}")
    if target != STDOUT:
        Messages(quiet=quiet).info(f"Wrote {shown(target)} ({bytes_(exported.written_bytes)})")
