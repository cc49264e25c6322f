"""The options of what records, for `record` and `live`."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import typer

from ..errors import UsageError
from ..jobs.record_options import RecordOptions
from ..labels import labels_of
from .options import LEAST_S, BalloonSource, BalloonSourceOption, Force, OomNotifier, Programs, length_s

MOST_MIB = 1 << 20
_MOST_MEMORY_MIB = 1024
_MOST_FLUSH_S = 60.0


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


def _memory(holds: str, least: int, most: int) -> Any:  # noqa: ANN401 - typer has it so
    """An option for so many MiB of memory for events, which follow the memory that is available."""
    return typer.Option(
        metavar="MIB",
        min=1,
        max=_MOST_MEMORY_MIB,
        help=f"{holds}. Default: {least} to {most}, by the memory that is available.",
        show_default=False,
    )


Command = Annotated[
    list[str] | None,
    typer.Argument(metavar="-- COMMAND", help="Trace while this command runs.", show_default=False),
]
Target = Annotated[
    Path | None,
    typer.Option(
        "--output",
        "-o",
        metavar="FILE",
        help="Default: reclaim-DATE-TIME.rtrace; - is standard output.",
        show_default=False,
    ),
]
Duration = Annotated[
    float | None,
    typer.Option(
        "--duration",
        "-d",
        metavar="TIME",
        parser=length_s,
        help="Stop after this time: seconds, or 500ms, 30s, 5m, 2h; a COMMAND still running gets SIGTERM.",
        show_default=False,
    ),
]
AsUser = Annotated[
    str | None,
    typer.Option(
        "--as-user",
        metavar="USER[:GROUP]",
        help="Run COMMAND as this user (name or number) with its groups, without capabilities.",
        show_default=False,
    ),
]
TransportOption = Annotated[
    TransportWish, typer.Option(help="How events leave the kernel; perf also works before 5.8.")
]
SampleInterval = Annotated[float, typer.Option(metavar="S", min=0.01, max=1.0, help="Seconds between counter samples.")]
BufferSize = Annotated[int | None, _memory("Kernel memory for events not yet collected", 2, 16)]
LruDetailOption = Annotated[
    LruDetail, typer.Option(help="LRU scans: one event each, or summed in the kernel per reclaim span.")
]
QueueSize = Annotated[int | None, _memory("Memory for events not yet written", 3, 8)]
FsyncOption = Annotated[Fsync, typer.Option(help="When to fsync: at the end, or also at each flush (once a second).")]
Flush = Annotated[
    float | None,
    typer.Option(
        metavar="S",
        min=LEAST_S,
        max=_MOST_FLUSH_S,
        help="Write what is S seconds old. Default: once a second, every 5 s while nothing happens.",
        show_default=False,
    ),
]
Rotate = Annotated[
    int | None,
    typer.Option(
        metavar="MIB",
        min=1,
        max=MOST_MIB,
        help="Start a new file after this size: FILE.0001.rtrace, ...",
        show_default=False,
    ),
]
Keep = Annotated[
    int | None,
    typer.Option(metavar="N", min=1, help="With --rotate: keep only the newest N files.", show_default=False),
]
Summary = Annotated[
    bool,
    typer.Option("--summary/--no-summary", help="Print it at the end, which takes more memory than recording."),
]
ForceStart = Annotated[
    bool,
    typer.Option("--force-start", help="Start even if it takes more than half of the memory that is available."),
]
Marks = Annotated[
    bool,
    typer.Option(
        "--marks",
        help="Put each line of standard input into the recording, with its time; with -o - its end ends the recording.",
    ),
]
NoCache = Annotated[bool, typer.Option("--no-cache", help="Compile, whatever is cached, and cache nothing.")]


Label = Annotated[
    list[str] | None,
    typer.Option(
        metavar="KEY=VALUE",
        help="Put a label into the recording, such as policy=oom-only. Can be repeated.",
        show_default=False,
    ),
]


def mib_bytes(mib: int | None) -> int | None:
    """MiB as they are given, in bytes."""
    return None if mib is None else mib << 20


def _labels(words: list[str] | None) -> dict[str, str]:
    try:
        return labels_of(words or ())
    except UsageError as error:
        raise typer.BadParameter(str(error), param_hint="'--label'") from error


@dataclass(frozen=True)
class RecorderGroup:
    """What a recorder is told, whoever starts it."""

    force: Force = False
    transport: TransportOption = TransportWish.AUTO
    sample_interval: SampleInterval = 0.25
    buffer_size: BufferSize = None
    balloon_source: BalloonSourceOption = BalloonSource.AUTO
    oom_notifier: OomNotifier = None
    lru_detail: LruDetailOption = LruDetail.EACH
    queue_size: QueueSize = None
    fsync: FsyncOption = Fsync.CLOSE
    rotate: Rotate = None
    keep: Keep = None
    force_start: ForceStart = False
    programs: Programs = None
    no_cache: NoCache = False
    label: Label = None

    def wishes(self, output: Path, duration_s: float | None, flush_s: float | None) -> RecordOptions:
        """What is recorded where, for how long, and written how often; nothing is printed, and no command is run."""
        return RecordOptions(
            output=output,
            duration_s=duration_s,
            command=(),
            as_user=None,
            force=self.force,
            fsync=self.fsync.value,
            flush_s=flush_s,
            rotate_bytes=mib_bytes(self.rotate),
            keep=self.keep,
            queue_bytes=mib_bytes(self.queue_size),
            sample_interval_s=self.sample_interval,
            buffer_bytes=mib_bytes(self.buffer_size),
            transport=None if self.transport is TransportWish.AUTO else self.transport.value,
            balloon_source=self.balloon_source.value,
            oom_notifiers=tuple(self.oom_notifier or ()),
            lru_detail=self.lru_detail.value,
            summary=False,
            force_start=self.force_start,
            programs=self.programs,
            cached=not self.no_cache,
            marks=False,
            labels=_labels(self.label),
            quiet=True,
            verbose=False,
        )
