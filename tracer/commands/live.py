"""`reclaim-tracer live`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ..jobs.record_options import RecordOptions
from ..output_stream import STDOUT
from ..terminal.loading import loading
from .options import (
    GAP_S,
    HORIZON_S,
    LEAST_S,
    BalloonSource,
    BalloonSourceOption,
    Force,
    Gap,
    Horizon,
    OomNotifier,
    Programs,
    length_s,
    named,
)
from .recording_options import (
    MOST_MIB,
    BufferSize,
    ForceStart,
    Fsync,
    FsyncOption,
    Keep,
    LruDetail,
    LruDetailOption,
    NoCache,
    QueueSize,
    Rotate,
    SampleInterval,
    TransportOption,
    TransportWish,
    mib_bytes,
)

if TYPE_CHECKING:
    from ..jobs.exec_on import FindingCommand

_CYCLES_KEPT = 256
"""Of a storm that lasts: a storm of days would fill memory, and each look would take longer."""
_INTERVAL_S = 1.0
_SOURCE = typer.Argument(
    metavar="FILE",
    readable=False,
    help="Follow a recording that another process writes; - is a pipe.",
    show_default=False,
)
_OUTPUT = typer.Option("--output", "-o", metavar="FILE", help="Also write the recording to a file.", show_default=False)
_HOST = typer.Option(
    metavar="[USER@]GUEST", help="Record there, by ssh; view and analysis run here.", show_default=False
)
_DURATION = typer.Option(
    "--duration",
    "-d",
    metavar="TIME",
    parser=length_s,
    help="Stop after this time: seconds, or 500ms, 30s, 5m, 2h.",
    show_default=False,
)
_FLUSH = typer.Option(metavar="S", min=LEAST_S, max=60.0, help="How old what is shown may be, beside analysis.")
_KEEP_MINUTES = typer.Option(metavar="N", min=0.1, max=1e6, help="Without -o: keep the last N minutes to be saved.")
_KEEP_SIZE = typer.Option(metavar="MIB", min=1, max=MOST_MIB, help="Without -o: keep no more than this in memory.")
_LINES = typer.Option("--lines", help="Print a line at each interval instead of the screen, as without a terminal.")
_JSON = typer.Option("--json", help="Print a JSON object at each interval.")
_INTERVAL = typer.Option(
    metavar="S",
    min=LEAST_S,
    max=3600.0,
    help="How often a line or an object is printed. Default: 1.",
    show_default=False,
)
_COUNT = typer.Option(metavar="N", min=1, help="End after N lines or objects.", show_default=False)
_UNTIL = typer.Option(
    metavar="KIND[,KIND]",
    help="End, with exit code 5, at a finding of this kind; also at cycles, conflicts, kills, loss.",
    show_default=False,
)
_EXEC_ON = typer.Option(
    "--exec-on",
    metavar="KIND[,KIND] CMD",
    help="Run CMD for each such finding, as JSON on its stdin.",
    show_default=False,
)
_EXEC_AS = typer.Option(
    "--exec-as", metavar="USER", help="Run it as this user. Default: the one who ran sudo.", show_default=False
)
_SUMMARY = typer.Option("--summary/--no-summary", help="Print the summary at the end.")


def live(
    file: Annotated[Path | None, _SOURCE] = None,
    output: Annotated[Path | None, _OUTPUT] = None,
    host: Annotated[str | None, _HOST] = None,
    duration: Annotated[float | None, _DURATION] = None,
    lines: Annotated[bool, _LINES] = False,
    as_json: Annotated[bool, _JSON] = False,
    interval: Annotated[float | None, _INTERVAL] = None,
    count: Annotated[int | None, _COUNT] = None,
    until: Annotated[str | None, _UNTIL] = None,
    exec_on: Annotated[tuple[str, str] | None, _EXEC_ON] = None,
    exec_as: Annotated[str | None, _EXEC_AS] = None,
    keep_minutes: Annotated[float, _KEEP_MINUTES] = 30.0,
    keep_size: Annotated[int, _KEEP_SIZE] = 64,
    horizon: Horizon = HORIZON_S,
    gap: Gap = GAP_S,
    summary: Annotated[bool, _SUMMARY] = True,
    flush: Annotated[float, _FLUSH] = 0.1,
    force: Force = False,
    transport: TransportOption = TransportWish.AUTO,
    sample_interval: SampleInterval = 0.25,
    buffer_size: BufferSize = None,
    balloon_source: BalloonSourceOption = BalloonSource.AUTO,
    oom_notifier: OomNotifier = None,
    lru_detail: LruDetailOption = LruDetail.EACH,
    queue_size: QueueSize = None,
    fsync: FsyncOption = Fsync.CLOSE,
    rotate: Rotate = None,
    keep: Keep = None,
    force_start: ForceStart = False,
    programs: Programs = None,
    no_cache: NoCache = False,
) -> None:
    """Show what memory reclaim and the balloon do while they do it.

    \b
    Examples:
      reclaim-tracer live                            (as root)
      reclaim-tracer live -o storm.rtrace --until storm,oom_kill
      reclaim-tracer live --host root@guest
      ssh root@guest reclaim-tracer record -o - | reclaim-tracer live -
      reclaim-tracer live --json --interval 5 --count 12
      reclaim-tracer live --exec-on oom_kill,starved 'logger -t reclaim'
    """
    _refuse_contradictions(file, output, host, duration, rotate, keep)
    with loading():
        from ..analyze import Options
        from ..jobs.live import LiveOptions, run
        from ..jobs.live_watch import Wishes
        from ..store.kept import KeptStream

    recording = RecordOptions(
        output=named(output) if output else STDOUT,
        duration_s=duration,
        command=(),
        as_user=None,
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
        summary=False,
        force_start=force_start,
        programs=programs,
        cached=not no_cache,
        marks=True,
        quiet=True,
        verbose=False,
    )
    asked = LiveOptions(
        source=file,
        record=recording,
        host=host,
        host_arguments=_record_arguments(recording),
        kept=KeptStream(keep_size << 20, round(keep_minutes * 60e9)),
        analysis=Options(horizon_s=horizon, gap_s=gap, cycles_kept=_CYCLES_KEPT),
        wishes=Wishes(
            interval_s=interval or _INTERVAL_S,
            count=count,
            until=_kinds(until, "--until"),
            lines=bool(lines or as_json or interval or count or until),
            as_json=as_json,
        ),
        command=_command(exec_on, exec_as),
        summary=summary,
    )
    if code := run(asked):
        raise typer.Exit(code)


def _refuse_contradictions(
    file: Path | None,
    output: Path | None,
    host: str | None,
    duration: float | None,
    rotate: int | None,
    keep: int | None,
) -> None:
    """Raises typer.BadParameter for options that don't go together."""
    if file is not None and host is not None:
        raise typer.BadParameter("--host starts a recorder there: leave out FILE")
    if file is not None and duration is not None:
        raise typer.BadParameter("-d is for a recorder that live starts itself: leave out FILE")
    if output == STDOUT:
        raise typer.BadParameter("-o -: standard output is for what is shown; `record -o -` writes a stream")
    if rotate is not None and (output is None or file is not None or host is not None):
        raise typer.BadParameter("--rotate needs -o FILE, and a recorder on this machine")
    if keep is not None and rotate is None:
        raise typer.BadParameter("--keep needs --rotate: it limits the number of files")


def _kinds(text: str | None, option: str) -> tuple[str, ...]:
    """Raises typer.BadParameter for what is neither a kind of finding nor a condition."""
    from ..analyze.findings.registry import KIND_BY_NAME
    from ..jobs.live_watch import CONDITIONS

    known = (*(CONDITIONS if option == "--until" else ()), *KIND_BY_NAME)
    names = tuple(name.strip() for name in (text or "").split(",") if name.strip())
    for name in names:
        if name not in known:
            raise typer.BadParameter(f"{name!r} is not one of {', '.join(known)}", param_hint=f"'{option}'")
    return names


def _command(exec_on: tuple[str, str] | None, exec_as: str | None) -> FindingCommand | None:
    """Raises typer.BadParameter, UsageError."""
    from ..jobs.exec_on import finding_command

    if exec_on is None:
        if exec_as is not None:
            raise typer.BadParameter("--exec-as needs --exec-on")
        return None
    kinds, text = exec_on
    return finding_command(_kinds(kinds, "--exec-on"), text, exec_as)


def _record_arguments(options: RecordOptions) -> tuple[str, ...]:
    """The same wishes for `record` on another machine."""
    sizes = {"--buffer-size": options.buffer_bytes, "--queue-size": options.queue_bytes}
    given: dict[str, object] = {
        "--flush": options.flush_s,
        "--duration": options.duration_s,
        "--sample-interval": options.sample_interval_s,
        "--transport": options.transport,
        "--balloon-source": options.balloon_source,
        "--lru-detail": options.lru_detail,
        "--programs": options.programs,
        **{name: size and size >> 20 for name, size in sizes.items()},
    }
    flags = ("--force-start" * options.force_start, "--no-cache" * (not options.cached))
    callbacks = (word for name in options.oom_notifiers for word in ("--oom-notifier", name))
    pairs = (word for name, value in given.items() if value is not None for word in (name, str(value)))
    return (*pairs, *callbacks, *filter(None, flags))
