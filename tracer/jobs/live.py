"""What `live` does once its options are read: a recorder or somebody else's stream, the analysis, and a view of it."""

from __future__ import annotations

import os
import select
import signal
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import FrameType
from typing import Any, Final

from ..analyze import Options
from ..errors import UsageError, shown
from ..freed_memory import share_one_heap
from ..output_stream import STDOUT
from ..programs import kill_first
from ..store.feeds import STDIN, Feed, PipeFeed, feed_of, is_written
from ..store.kept import KeptStream
from ..terminal.messages import lead_nowhere, print_result, say
from ..terminal.paper import stdout_paper
from ..terminal.progress import progress_bar
from ..terminal.summary_text import summary_text
from ..wording.numbers import listing
from .exec_on import ExecOn, FindingCommand
from .live_analysis import LiveAnalysis
from .live_costs import observing
from .live_recorder import RecorderProcess, start_at, start_here
from .live_session import LiveSession
from .live_stream import Backlog, Copying, HaltingFeed, await_file, first_identity
from .live_view import show, wants_screen
from .live_watch import UnreadOutputError, Wishes
from .memory_bound import bounded_memory
from .record_options import RecordOptions

CONDITION_MET: Final = 5
"""As `summary --fail-on` exits."""
_ENDING: Final = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
_LOOK_S: Final = 0.05
_HERE: Final = Path("this machine")


@dataclass(frozen=True)
class LiveOptions:
    """What `live` was asked for.

    `source` is a file, or `-`, that another process writes; None where a recorder is started: here, or at `host` with
    these `host_arguments`. `kept` keeps the newest part of a stream that goes to no file.
    """

    source: Path | None
    record: RecordOptions
    host: str | None
    host_arguments: tuple[str, ...]
    kept: KeptStream
    analysis: Options
    wishes: Wishes
    command: FindingCommand | None
    summary: bool

    @property
    def output(self) -> Path | None:
        """The file that the recording goes to, None where it goes to none."""
        return None if self.record.output == STDOUT else self.record.output


def run(options: LiveOptions) -> int:
    """Follow until it ends, somebody ends it, or what was waited for is there; the exit code. Raises TracerError."""
    share_one_heap()
    with ended_by_signals() as stop:
        recorder, feed = _begin(options, stop)
        if feed is None:
            assert recorder is not None
            recorder.end()
            if failure := recorder.failure():
                raise failure
            return 0
        exec_on = ExecOn(options.command) if options.command else None
        # The recorder has its own place by now: when memory is short, this process is the first to go.
        kill_first(os.getpid())
        with bounded_memory(feed.path):
            session = _session(options, recorder, feed, exec_on)
            code = _show(options, session, stop)
        if exec_on and (told := exec_on.told()):
            say(told)
        return code


def _begin(options: LiveOptions, stop: threading.Event) -> tuple[RecorderProcess | None, _Halting | None]:
    """What records, where that is ours, and what is followed; None where the recorder ended before it began."""
    path = options.output
    if options.source is not None:
        return None, _followed(options.source, path, force=options.record.force)
    if options.host is not None:
        recorder = start_at(options.host, options.host_arguments)
        return recorder, _taken(_stream_of(recorder, Path(options.host)), path, force=options.record.force)
    if path is None:
        recorder = start_here(options.record)
        return recorder, Backlog(_stream_of(recorder, _HERE))
    rotated = options.record.rotate_bytes is not None
    before = first_identity(path, rotated=rotated)
    recorder = start_here(options.record)
    feed = await_file(
        path, before, lambda: recorder.poll() is not None, rotated=rotated, wanted=lambda: not stop.is_set()
    )
    return recorder, HaltingFeed(feed) if feed else None


_Halting = HaltingFeed | Backlog | Copying


def _stream_of(recorder: RecorderProcess, name: Path) -> Feed:
    assert recorder.stdout is not None
    return PipeFeed(recorder.stdout, name)


def _followed(source: Path, output: Path | None, *, force: bool) -> _Halting:
    """What another process writes. Raises RecordingError, UsageError."""
    if source == STDIN:
        return _taken(feed_of(STDIN), output, force=force)
    if output is not None:
        raise UsageError(f"-o is for what live records or takes from a pipe; {shown(source)} is a file already")
    return HaltingFeed(feed_of(source))


def _taken(stream: Feed, output: Path | None, *, force: bool) -> _Halting:
    """A stream, through a file where it is to go to one. Raises TracerError."""
    return Backlog(stream) if output is None else Copying(stream, output, force=force)


def _session(
    options: LiveOptions, recorder: RecorderProcess | None, feed: _Halting, exec_on: ExecOn | None
) -> LiveSession:
    """The analysis begins here."""
    path = options.source if options.source not in (None, STDIN) else options.output
    kept = options.kept if path is None else None
    pid = recorder.pid if recorder else None
    analysis = LiveAnalysis(
        feed,
        options.analysis,
        lambda recording: observing(recording, recorder_pid=pid, is_written=path is None or is_written(path)),
        kept,
        exec_on.looked if exec_on else lambda _: None,
    )
    title = str(_HERE) if pid is not None else options.host or shown(feed.path)
    return LiveSession(title, analysis, halt=feed.halt, recorder=recorder, kept=kept, path=path)


def _show(options: LiveOptions, session: LiveSession, stop: threading.Event) -> int:
    """The view, then what came of it all. Raises TracerError."""
    try:
        met = _view(options, session, stop)
    finally:
        session.close()
    if _has_hung_up(1):
        lead_nowhere(1)
    for told in iter(session.message, None):
        say(told)
    if (result := session.result) and options.summary and not options.wishes.as_json:
        print_result("\n" + summary_text(result.analysis, result.facts, stdout_paper()))
        if forgotten := result.analysis.forgotten.findings_by_kind:
            say(f"{_left_out(forgotten)}; `reclaim-tracer summary FILE` tells all of a file")
    if failure := session.outcome():
        raise failure
    if met:
        say(f"--until: {', '.join(met)}")
    return CONDITION_MET if met else 0


def _view(options: LiveOptions, session: LiveSession, stop: threading.Event) -> list[str]:
    """Show it; what was waited for, with its numbers, where that ended it. Raises TracerError."""
    try:
        if wants_screen(options.wishes):
            _await_begin(session, stop)
        return [] if session.never_began else show(session, options.wishes, stop, lambda: session.is_over)
    except OSError as error:
        # Whoever read the lines has seen enough (`| head`), or closed the window.
        if not (isinstance(error, BrokenPipeError) or _has_hung_up(1)):
            raise
    except UnreadOutputError as error:
        say(str(error))
    lead_nowhere(1)
    return []


def _has_hung_up(descriptor: int) -> bool:
    """Whether a terminal is gone: its window was closed, the connection broke."""
    poll = select.poll()
    poll.register(descriptor, 0)
    return any(events & select.POLLHUP for _, events in poll.poll(0))


def _left_out(forgotten: Mapping[str, int]) -> str:
    """How many earlier findings the summary does not tell."""
    by_kind = listing([f"{number:,} {kind}" for kind, number in sorted(forgotten.items())])
    return f"Left out of it: {sum(forgotten.values()):,} earlier findings ({by_kind})"


def _await_begin(session: LiveSession, stop: threading.Event) -> None:
    """Draw nothing before there is something to show: what goes wrong until then is a line on stderr."""
    with progress_bar(quiet=False) as progress:
        while not (session.has_begun or session.is_over or stop.wait(_LOOK_S)):
            progress(f"{session.title}: starting", None)


@contextmanager
def ended_by_signals() -> Iterator[threading.Event]:
    """Set by the first signal that ends a command; a second one interrupts. SIGHUP, where it is ignored
    (nohup), stays so."""
    stop, before = threading.Event(), dict[signal.Signals, Any]()

    def note(_number: int, _frame: FrameType | None) -> None:
        if stop.is_set():
            raise KeyboardInterrupt
        stop.set()

    for number in _ENDING:
        if number is not signal.SIGHUP or signal.getsignal(number) is not signal.SIG_IGN:
            before[number] = signal.signal(number, note)
    try:
        yield stop
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
