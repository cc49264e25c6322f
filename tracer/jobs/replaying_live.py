"""Plays a recording on the screen of a live view, or as its lines."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING

from ..errors import UsageError
from ..freed_memory import share_one_heap
from ..live.observer import Observer, StreamHealth
from ..store import is_stream
from ..store.notes import facts_of, marks
from ..terminal.paper import stdout_paper
from ..terminal.summary_text import summary_text
from .live import ended_by_signals
from .live_costs import ProcessCost
from .live_view import show, wants_screen
from .live_watch import Wishes
from .playing import FASTEST, PlayingSession

if TYPE_CHECKING:
    from ..analyze import Analysis, Options
    from ..live.model import Snapshot
    from ..store import AnyRecording
    from .playback import Look


def play_recording(recording: AnyRecording, options: Options, speed: float | None, *, lines: bool) -> None:
    """Play until somebody ends the view; lines end where the recording does, with its summary.

    `speed` None is as fast as it goes. Raises RecordingError, UsageError.
    """
    if is_stream(recording):
        raise UsageError("--live plays a file; `reclaim-tracer live -` follows a stream")
    share_one_heap()
    speed = FASTEST if speed is None else speed
    wishes = Wishes(lines=lines)
    with PlayingSession(recording, options, look_of(recording), speed) as session, ended_by_signals() as stop:
        show(session, wishes, stop, lambda: session.failure is not None)
    if session.failure:
        raise session.failure
    if (result := session.result) and not wants_screen(wishes):
        sys.stdout.write("\n" + summary_text(result, facts_of(recording, result.accounting.lost), stdout_paper()))
        sys.stdout.flush()


def look_of(recording: AnyRecording) -> Look:
    """What makes a snapshot of a recording's results so far, with the marks in it up to then."""
    observer, view = Observer(facts_of(recording, {})), ProcessCost(os.getpid())
    start_ns = recording.metadata.start_ns
    marked = [((mark.at_ns - start_ns) / 1e9, mark.words) for mark in marks(recording.notes, start_ns)]

    def look(analysis: Analysis, ended: str | None) -> Snapshot:
        view.look()
        health = StreamHealth(
            view_cpu_share=view.cpu_share,
            view_memory_bytes=view.memory_bytes,
            ended=ended,
            marks=[mark for mark in marked if mark[0] <= analysis.duration_s],
        )
        return observer.look(analysis, health)

    return look
