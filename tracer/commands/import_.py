"""`reclaim-tracer import`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ..terminal.exit_codes import interrupted_afterwards
from .options import Force, Quiet

if TYPE_CHECKING:
    from ..imports import ImportResult
    from ..terminal.messages import Messages


def _mapping(pairs: list[str] | None) -> dict[str, str]:
    mapping = {}
    for pair in pairs or ():
        name, equals, kind = pair.rpartition("=")
        if not (equals and name and kind):
            raise typer.BadParameter(f"{pair!r} is not NAME=KIND")
        mapping[name] = kind
    return mapping


def _say(result: ImportResult, output: Path, say: Messages) -> None:
    from ..imports import listed

    for remark in result.remarks:
        say.info(f"{remark}.")
    if result.unknown:
        say.info(f"Left out: {listed(result.unknown)}.")
    kinds = f"{result.events:,} events of {len(result.kinds)} kinds"
    size = f"{result.bytes_written / 1024:,.0f} KiB"
    say.info(f"Wrote {output} ({kinds} from {result.lines:,} lines, {result.lost:,} lost, {size})")
    say.info(f"Next: reclaim-tracer summary {output}")


def import_(
    source: Annotated[
        str, typer.Argument(metavar="SRC", help="Text, trace.dat, perf.data, gzip, zstd, or - for stdin.")
    ],
    output: Annotated[
        Path, typer.Option("--output", "-o", metavar="OUT.rtrace", help="The recording.", show_default=False)
    ],
    force: Force = False,
    mapping: Annotated[
        list[str] | None,
        typer.Option("--map", metavar="NAME=KIND", help="Event NAME is of KIND; may be repeated.", show_default=False),
    ] = None,
    samples: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Counters read in the guest, as lines of JSON.", show_default=False),
    ] = None,
    host_log: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="What the host asked for and saw, as lines of JSON.", show_default=False),
    ] = None,
    quiet: Quiet = False,
) -> None:
    """Turn a recording of ftrace, trace-cmd or perf into one of this tool's.

    \b
    Examples:
      reclaim-tracer import trace.txt.gz -o trace.rtrace
      reclaim-tracer import trace.dat -o trace.rtrace --samples vmstat.jsonl
      cat /sys/kernel/tracing/trace | reclaim-tracer import - -o trace.rtrace
    """
    with interrupted_afterwards():
        from ..imports import ImportRequest, import_trace
        from ..terminal.messages import Messages
        from ..terminal.progress import progress_bar

    request = ImportRequest(source, output, force, _mapping(mapping), samples, host_log)
    with progress_bar(quiet=quiet) as progress:
        result = import_trace(request, progress)
    _say(result, output, Messages(quiet=quiet))
