"""`reclaim-tracer import`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer

from ..terminal.loading import loading
from .options import Force, Quiet, named

if TYPE_CHECKING:
    from ..imports import ImportResult
    from ..terminal.messages import Messages


_MOST_NAME: Final = 253
"""Characters of a full host name (RFC 1035); a kernel's release has 64 (__NEW_UTS_LEN in linux/utsname.h)."""
_PACKED_SUFFIXES = (".gz", ".zst", ".xz", ".bz2")


def _mapping(pairs: list[str] | None) -> dict[str, str]:
    mapping = {}
    for pair in pairs or ():
        name, equals, kind = pair.rpartition("=")
        if not (equals and name and kind):
            raise typer.BadParameter(f"{pair!r} is not of the form NAME=KIND", param_hint="'--map'")
        mapping[name] = kind
    return mapping


def _name(text: str) -> str:
    if len(text) > _MOST_NAME:
        raise typer.BadParameter(f"of {len(text):,} characters: {_MOST_NAME} at most")
    return text


def _complete_mapping(incomplete: str) -> list[str]:
    """Kinds, once the name is there."""
    from ..schema import KIND_BY_NAME

    name, equals, start = incomplete.rpartition("=")
    return [f"{name}={kind}" for kind in KIND_BY_NAME if kind.startswith(start)] if equals else []


def _beside(source: str) -> Path:
    """Where the recording goes by default: beside its source, `trace.txt.gz` to `trace.rtrace`."""
    if source == "-":
        raise typer.BadParameter("standard input has no name: name the output with -o OUT.rtrace")
    path = named(Path(source))
    name = path.with_suffix("") if path.suffix in _PACKED_SUFFIXES else path
    return name.with_suffix(".rtrace")


def _say(result: ImportResult, output: Path, say: Messages) -> None:
    from ..errors import shell_word
    from ..imports import listed

    for remark in result.remarks:
        say.info(f"{remark}.")
    if result.unknown:
        say.info(f"Left out: {listed(result.unknown)}.")
    kinds = f"{result.events:,} events of {len(result.kinds)} kinds"
    size = f"{result.bytes_written / 1024:,.0f} KiB"
    say.info(f"Wrote {output} ({kinds} from {result.lines:,} lines, {result.lost:,} lost, {size})")
    say.next(f"reclaim-tracer summary {shell_word(output)}")


def import_(
    source: Annotated[
        str,
        typer.Argument(metavar="SRC", help="Text, compressed or not; trace.dat; perf.data; or - for stdin."),
    ],
    output: Annotated[
        Path | None,
        typer.Option(
            "--output", "-o", metavar="OUT.rtrace", help="Default: SRC's name with .rtrace.", show_default=False
        ),
    ] = None,
    force: Force = False,
    mapping: Annotated[
        list[str] | None,
        typer.Option(
            "--map",
            metavar="NAME=KIND",
            help="Treat event NAME as KIND. Can be repeated.",
            autocompletion=_complete_mapping,
            show_default=False,
        ),
    ] = None,
    samples: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Counters read in the guest, as lines of JSON.", show_default=False),
    ] = None,
    host_log: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="The host's commands and readings, as lines of JSON.", show_default=False),
    ] = None,
    kernel: Annotated[
        str,
        typer.Option(
            metavar="RELEASE", parser=_name, help="The kernel that was traced, as uname -r has it.", show_default=False
        ),
    ] = "",
    host: Annotated[
        str, typer.Option(metavar="NAME", parser=_name, help="The machine that was traced.", show_default=False)
    ] = "",
    quiet: Quiet = False,
) -> None:
    """Convert a trace from ftrace, trace-cmd or perf into a recording.

    \b
    Examples:
      reclaim-tracer import trace.txt.gz --kernel 6.1.0-56 --host vm7
      reclaim-tracer import trace.dat -o trace.rtrace --samples vmstat.jsonl
      cat /sys/kernel/tracing/trace | reclaim-tracer import - -o trace.rtrace
    """
    with loading():
        from ..imports import ImportRequest, import_trace
        from ..terminal.messages import Messages
        from ..terminal.progress import progress_bar

    target = named(output or _beside(source))
    request = ImportRequest(source, target, force, _mapping(mapping), samples, host_log, kernel, host)
    with progress_bar(quiet=quiet) as progress:
        result = import_trace(request, progress)
    _say(result, target, Messages(quiet=quiet))
