"""What `record` does once its options are read."""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING, Final

from ..errors import shell_word
from ..freed_memory import keep_freed_memory, share_one_heap
from ..output_stream import STDOUT, OutputStream, take_stdout
from ..probes.carried.cache import Cache
from ..probes.carried.programs_file import ProgramsFile
from ..probes.loader import Loader, may_compile
from ..probes.transport import Transport
from ..recorder.footprint import kept_bytes
from ..recorder.starting import Start, Wish, look_before_start
from ..terminal.loading import loading
from ..terminal.messages import Messages
from .closing_summary import print_summary
from .metrics_options import METRICS_BYTES
from .record_options import RecordOptions

if TYPE_CHECKING:
    from ..recorder.capture import Captured

_SIGNALLED: Final = 128
"""A shell's exit status for a command that a signal killed is this and the signal's number."""


def run(options: RecordOptions) -> None:
    """Record, then have the summary made; exits like the command that was traced. Raises TracerError."""
    share_one_heap()
    say = Messages(quiet=options.quiet, verbose=options.verbose)
    stream = take_stdout() if options.output == STDOUT else None
    transport = Transport(options.transport) if options.transport else None
    # Before anything else: a file that is not to be trusted, or damaged, is an error.
    carried = None if options.programs is None else ProgramsFile(options.programs)
    cache = Cache() if options.cached else None
    wish = Wish(
        options.buffer_bytes,
        options.queue_bytes,
        transport,
        compiles=may_compile(carried, cache),
        load_bytes=METRICS_BYTES if options.metrics else 0,
    )
    start = look_before_start(wish, say, force=options.force_start)
    keep_freed_memory(kept_bytes(start.queue_bytes))
    compiling = replace(wish, compiles=True)
    # A compiler, where one is needed, gets ready while this process imports what it needs and makes its plan.
    with Loader(carried, cache, say.info, lambda: _look_again(compiling, force=options.force_start)) as loader:
        captured = _watched(options, start, transport, loader, say, stream)
    if stream is None:
        _summarise(captured, options, say)
    if status := captured.command_status:
        sys.exit(status if status > 0 else _SIGNALLED - status)


def _summarise(captured: Captured, options: RecordOptions, say: Messages) -> None:
    if not options.summary:
        say.next(f"reclaim-tracer summary {shell_word(captured.path)}")
    elif print_summary(captured, verbose=options.verbose):
        say.next(f"reclaim-tracer report {shell_word(captured.path)}")


def _look_again(wish: Wish, *, force: bool) -> None:
    """Raises CannotTraceError where a compiler that nobody thought would be needed has no room."""
    look_before_start(wish, Messages(quiet=True), force=force)


def _watched(
    options: RecordOptions,
    start: Start,
    transport: Transport | None,
    loader: Loader,
    say: Messages,
    stream: OutputStream | None,
) -> Captured:
    """Record, with a process beside it that tells metrics where these are wanted."""
    if options.metrics is None:
        return _capture(options, start, transport, loader, say, stream)
    from .publishing import MetricsProcess

    rotated = options.rotate_bytes is not None
    with MetricsProcess(options.output, options.metrics, say, rotated=rotated) as metrics:
        return _capture(options, start, transport, loader, say, stream, metrics.look)


def _capture(
    options: RecordOptions,
    start: Start,
    transport: Transport | None,
    loader: Loader,
    say: Messages,
    stream: OutputStream | None,
    beside: Callable[[], None] = lambda: None,
) -> Captured:
    with loading():
        from ..recorder.capture import CaptureRequest, capture
        from ..recorder.output import Output, rotation_of
        from ..store import Fsync

    rotation = rotation_of(options.rotate_bytes, options.keep)
    request = CaptureRequest(
        output=Output(
            stream.path if stream else options.output,
            options.force,
            Fsync(options.fsync),
            rotation,
            start.queue_bytes,
            stream,
        ),
        duration_s=options.duration_s,
        command=options.command,
        as_user=options.as_user,
        sample_interval_s=options.sample_interval_s,
        buffer_bytes=start.buffer_bytes,
        flush_s=options.flush_s,
        memory_available_bytes=start.room.available_bytes,
        measure_cost=options.verbose,
        transport=transport,
        balloon_source=options.balloon_source,
        oom_notifiers=options.oom_notifiers,
        lru_detail=options.lru_detail,
        loader=loader,
        marks=options.marks,
        beside=beside,
        labels=options.labels,
    )
    return capture(request, say)
