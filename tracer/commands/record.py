"""`reclaim-tracer record`."""

from __future__ import annotations

import sys
from datetime import datetime
from pathlib import Path

import typer

from ..jobs.record_options import RecordOptions
from ..output_stream import STDOUT, refuse_terminal
from ..recorder.handover import HandOver
from .options import BalloonSource, BalloonSourceOption, Force, OomNotifier, Programs, Quiet, Verbose, named
from .recording_options import (
    AsUser,
    BufferSize,
    Command,
    Duration,
    Flush,
    ForceStart,
    Fsync,
    FsyncOption,
    Keep,
    LruDetail,
    LruDetailOption,
    Marks,
    NoCache,
    QueueSize,
    Rotate,
    SampleInterval,
    Summary,
    Target,
    TransportOption,
    TransportWish,
    mib_bytes,
)

_PACKAGE = __package__.partition(".")[0]


def record(
    command: Command = None,
    output: Target = None,
    duration: Duration = None,
    as_user: AsUser = None,
    force: Force = False,
    transport: TransportOption = TransportWish.AUTO,
    sample_interval: SampleInterval = 0.25,
    buffer_size: BufferSize = None,
    balloon_source: BalloonSourceOption = BalloonSource.AUTO,
    oom_notifier: OomNotifier = None,
    lru_detail: LruDetailOption = LruDetail.EACH,
    queue_size: QueueSize = None,
    fsync: FsyncOption = Fsync.CLOSE,
    flush: Flush = None,
    rotate: Rotate = None,
    keep: Keep = None,
    summary: Summary = True,
    force_start: ForceStart = False,
    programs: Programs = None,
    no_cache: NoCache = False,
    marks: Marks = False,
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
    _refuse_contradictions(command, output, as_user, rotate, marks=marks)
    options = RecordOptions(
        output=named(output or _default_output()),
        duration_s=duration,
        command=tuple(command or ()),
        as_user=as_user,
        force=force,
        fsync=fsync.value,
        flush_s=flush,
        rotate_bytes=mib_bytes(rotate),
        keep=keep,
        queue_bytes=mib_bytes(queue_size),
        sample_interval_s=sample_interval,
        buffer_bytes=mib_bytes(buffer_size),
        transport=None if transport is TransportWish.AUTO else transport.value,
        balloon_source=balloon_source.value,
        oom_notifiers=tuple(oom_notifier or ()),
        lru_detail=lru_detail.value,
        summary=summary,
        force_start=force_start,
        programs=programs,
        cached=not no_cache,
        marks=marks,
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
