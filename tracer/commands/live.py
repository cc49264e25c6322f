"""`reclaim-tracer live`."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import typer

from ..jobs.record_options import RecordOptions
from ..output_stream import STDOUT
from ..terminal.loading import loading
from .grouped import with_groups
from .live_options import Duration, ExecGroup, Flush, Host, KeptGroup, Output, Source, Summary, WatchGroup
from .options import GAP_S, HORIZON_S, Gap, Horizon, named
from .recording_options import RecorderGroup

_CYCLES_KEPT = 256
"""Of a storm that lasts: a storm of days would fill memory, and each look would take longer."""
_SCREEN, _NOTHING_RUN, _KEPT, _AS_USUAL = WatchGroup(), ExecGroup(), KeptGroup(), RecorderGroup()


@with_groups
def live(
    file: Source = None,
    output: Output = None,
    host: Host = None,
    duration: Duration = None,
    watched: WatchGroup = _SCREEN,
    run: ExecGroup = _NOTHING_RUN,
    kept: KeptGroup = _KEPT,
    horizon: Horizon = HORIZON_S,
    gap: Gap = GAP_S,
    summary: Summary = True,
    flush: Flush = 0.1,
    recorder: RecorderGroup = _AS_USUAL,
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
    _refuse_contradictions(file, output, host, duration, recorder)
    with loading():
        from ..analyze import Options
        from ..jobs.live import LiveOptions
        from ..jobs.live import run as follow

    recording = replace(recorder.wishes(named(output) if output else STDOUT, duration, flush), marks=True)
    asked = LiveOptions(
        source=file,
        record=recording,
        host=host,
        host_arguments=_record_arguments(recording),
        kept=kept.stream(),
        analysis=Options(horizon_s=horizon, gap_s=gap, cycles_kept=_CYCLES_KEPT),
        wishes=watched.wishes(),
        command=run.command(),
        summary=summary,
    )
    if code := follow(asked):
        raise typer.Exit(code)


def _refuse_contradictions(
    file: Path | None,
    output: Path | None,
    host: str | None,
    duration: float | None,
    recorder: RecorderGroup,
) -> None:
    """Raises typer.BadParameter for options that don't go together."""
    if file is not None and host is not None:
        raise typer.BadParameter("--host starts a recorder there: leave out FILE")
    if file is not None and duration is not None:
        raise typer.BadParameter("-d is for a recorder that live starts itself: leave out FILE")
    if output == STDOUT:
        raise typer.BadParameter("-o -: standard output is for what is shown; `record -o -` writes a stream")
    if recorder.rotate is not None and (output is None or file is not None or host is not None):
        raise typer.BadParameter("--rotate needs -o FILE, and a recorder on this machine")
    if recorder.keep is not None and recorder.rotate is None:
        raise typer.BadParameter("--keep needs --rotate: it limits the number of files")


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
    labels = (word for key, value in options.labels.items() for word in ("--label", f"{key}={value}"))
    pairs = (word for name, value in given.items() if value is not None for word in (name, str(value)))
    return (*pairs, *callbacks, *labels, *filter(None, flags))
