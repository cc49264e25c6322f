"""`reclaim-tracer record`."""

from __future__ import annotations

import sys
from datetime import datetime
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from ..jobs.record_options import RecordOptions
from ..output_stream import STDOUT, refuse_terminal
from ..recorder.handover import HandOver
from .options import (
    LEAST_S,
    BalloonSource,
    BalloonSourceOption,
    Force,
    OomNotifier,
    Programs,
    Quiet,
    Verbose,
    length_s,
    named,
)


class TransportWish(StrEnum):
    """How events come out of the kernel: one ring buffer, or a perf buffer for each CPU."""

    AUTO = "auto"
    RING = "ring"
    PERF = "perf"


class Fsync(StrEnum):
    """When the disk is waited for."""

    CLOSE = "close"
    FLUSH = "flush"


class LruDetail(StrEnum):
    """How much is told of scans of the LRU lists; the plan's own choices."""

    EACH = "each"
    SPAN = "span"


MOST_MIB = 1 << 20
_MOST_FLUSH_S = 60.0
_PACKAGE = __package__.partition(".")[0]


def _default_output() -> Path:
    return Path(datetime.now().astimezone().strftime("reclaim-%Y%m%d-%H%M%S.rtrace"))


def record(
    command: Annotated[
        list[str] | None,
        typer.Argument(metavar="-- COMMAND", help="Trace while this command runs.", show_default=False),
    ] = None,
    output: Annotated[
        Path | None,
        typer.Option(
            "--output",
            "-o",
            metavar="FILE",
            help="Default: reclaim-DATE-TIME.rtrace; - is standard output.",
            show_default=False,
        ),
    ] = None,
    duration: Annotated[
        float | None,
        typer.Option(
            "--duration",
            "-d",
            metavar="TIME",
            parser=length_s,
            help="Stop after this time: seconds, or 500ms, 30s, 5m, 2h; a COMMAND still running gets SIGTERM.",
            show_default=False,
        ),
    ] = None,
    as_user: Annotated[
        str | None,
        typer.Option(
            "--as-user",
            metavar="USER[:GROUP]",
            help="Run COMMAND as this user (name or number) with its groups, without capabilities.",
            show_default=False,
        ),
    ] = None,
    force: Force = False,
    transport: Annotated[
        TransportWish, typer.Option(help="How events leave the kernel; perf also works before 5.8.")
    ] = TransportWish.AUTO,
    sample_interval: Annotated[
        float, typer.Option(metavar="S", min=0.01, max=1.0, help="Seconds between counter samples.")
    ] = 0.25,
    buffer_size: Annotated[
        int | None,
        typer.Option(
            metavar="MIB",
            min=1,
            max=1024,
            help="Kernel memory for events not yet collected. Default: 2 to 16, by the memory that is available.",
            show_default=False,
        ),
    ] = None,
    balloon_source: BalloonSourceOption = BalloonSource.AUTO,
    oom_notifier: OomNotifier = None,
    lru_detail: Annotated[
        LruDetail,
        typer.Option(help="LRU scans: one event each, or summed in the kernel per reclaim span."),
    ] = LruDetail.EACH,
    queue_size: Annotated[
        int | None,
        typer.Option(
            metavar="MIB",
            min=1,
            max=1024,
            help="Memory for events not yet written. Default: 3 to 8, by the memory that is available.",
            show_default=False,
        ),
    ] = None,
    fsync: Annotated[
        Fsync,
        typer.Option(help="When to fsync: at the end, or also at each flush (once a second)."),
    ] = Fsync.CLOSE,
    flush: Annotated[
        float | None,
        typer.Option(
            metavar="S",
            min=LEAST_S,
            max=_MOST_FLUSH_S,
            help="Write what is S seconds old. Default: once a second, every 5 s while nothing happens.",
            show_default=False,
        ),
    ] = None,
    rotate: Annotated[
        int | None,
        typer.Option(
            metavar="MIB",
            min=1,
            max=MOST_MIB,
            help="Start a new file after this size: FILE.0001.rtrace, ...",
            show_default=False,
        ),
    ] = None,
    keep: Annotated[
        int | None,
        typer.Option(metavar="N", min=1, help="With --rotate: keep only the newest N files.", show_default=False),
    ] = None,
    summary: Annotated[
        bool,
        typer.Option("--summary/--no-summary", help="Print it at the end, which takes more memory than recording."),
    ] = True,
    force_start: Annotated[
        bool,
        typer.Option("--force-start", help="Start even if it takes more than half of the memory that is available."),
    ] = False,
    programs: Programs = None,
    no_cache: Annotated[
        bool, typer.Option("--no-cache", help="Compile, whatever is cached, and cache nothing.")
    ] = False,
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
    """
    if not command and sys.argv[-1:] == ["--"] and output != Path("--"):
        raise typer.BadParameter("no COMMAND after --")
    if as_user is not None and not command:
        raise typer.BadParameter("--as-user needs a COMMAND: record --as-user USER -- COMMAND")
    if output == STDOUT:
        refuse_terminal()
        if rotate is not None:
            raise typer.BadParameter("standard output is one stream: --rotate needs a file")
    options = RecordOptions(
        output=named(output or _default_output()),
        duration_s=duration,
        command=tuple(command or ()),
        as_user=as_user,
        force=force,
        fsync=fsync.value,
        flush_s=flush,
        rotate_bytes=None if rotate is None else rotate << 20,
        keep=keep,
        queue_bytes=None if queue_size is None else queue_size << 20,
        sample_interval_s=sample_interval,
        buffer_bytes=None if buffer_size is None else buffer_size << 20,
        transport=None if transport is TransportWish.AUTO else transport.value,
        balloon_source=balloon_source.value,
        oom_notifiers=tuple(oom_notifier or ()),
        lru_detail=lru_detail.value,
        summary=summary,
        force_start=force_start,
        programs=programs,
        cached=not no_cache,
        quiet=quiet,
        verbose=verbose,
    )
    raise HandOver(f"{_PACKAGE}.jobs.recording_process", {"options": options})
