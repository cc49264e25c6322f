"""Replays a recording: findings in the order they come up, then the summary."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, TextIO

from ..analyze import Engine, Pieces, numbers_of
from ..store import is_stream
from ..store.notes import facts_of
from ..terminal.loading import interrupted_afterwards
from ..terminal.messages import say
from ..terminal.paper import Paper, stdout_paper
from ..terminal.progress import ProgressLine, progress_bar
from ..terminal.summary_text import finding_line, summary_text
from .analysis import WHOLE, analyse
from .pacing import Pace
from .telling import FindingStream

if TYPE_CHECKING:
    from ..analyze import Analysis, Options
    from ..analyze.stream.pieces import Given
    from ..store import AnyRecording

LOOK_S: Final = 1.0
"""How often the results so far are looked at at most, in seconds of the recording (times the speed above 1)."""
LOOK_SHARE: Final = 0.1
"""Share of the time that looking may take: a look takes the longer the more was found."""


def replay_recording(
    recording: AnyRecording,
    options: Options,
    speed: float | None,
    out: TextIO,
    *,
    quiet: bool = False,
    verbose: bool = False,
) -> Analysis:
    """Print findings and the summary to `out`; `speed` None is as fast as it goes, or as a stream comes.

    Raises KeyboardInterrupt where Ctrl-C came in between, after printing what there was by then.
    """
    stream, paper = FindingStream(), stdout_paper()
    stopped = False
    if speed is None and not is_stream(recording):
        analysis = analyse(WHOLE.part(recording), options)
    else:
        with numbers_of(recording.path):
            pace = Pace(1.0, sleep=lambda _: None) if speed is None else Pace(speed)
            analysis, stopped = _paced(recording, options, pace, stream, out, paper, quiet=quiet)
    out.writelines(finding_line(finding, paper) + "\n" for finding in stream.rest(analysis))
    if stream.has_told:
        out.write("\n")
    out.write(summary_text(analysis, facts_of(recording, analysis.accounting.lost), paper, verbose=verbose))
    if stopped:
        out.flush()
        say(f"Stopped: only the first {analysis.duration_s:.1f} s were replayed")
        raise KeyboardInterrupt
    return analysis


@dataclass
class Looks:
    """When the results so far are looked at: every `LOOK_S`, and as seldom as it takes to spend `LOOK_SHARE` on it."""

    speed: float
    clock: Callable[[], float] = time.monotonic
    next_s: float = field(init=False)

    def __post_init__(self) -> None:
        self.next_s = LOOK_S * max(self.speed, 1.0)

    @contextmanager
    def look(self, now_s: float) -> Iterator[None]:
        """Measure a look at this time of the recording, by which the next one is due the later the longer it takes."""
        began = self.clock()
        yield
        pause_s = (self.clock() - began) / LOOK_SHARE
        self.next_s = now_s + max(LOOK_S * max(self.speed, 1.0), pause_s * self.speed)


def _paced(
    recording: AnyRecording,
    options: Options,
    pace: Pace,
    stream: FindingStream,
    out: TextIO,
    paper: Paper,
    *,
    quiet: bool,
) -> tuple[Analysis, bool]:
    """The analysis, and whether Ctrl-C ended it."""
    engine = Engine(recording.metadata, recording.symbols, options, cgroups=recording.cgroups)
    pieces, looks, now_s = Pieces(), Looks(pace.speed), 0.0
    with progress_bar(quiet=quiet) as progress, suppress(KeyboardInterrupt):
        for item, now_s in pace.items(recording):
            _feed(engine, pieces.add(item))
            _show(progress, recording, now_s)
            if now_s < looks.next_s:
                continue
            with looks.look(now_s):
                _feed(engine, pieces.rest())
                now_ns = recording.metadata.start_ns + round(now_s * 1e9)
                found = [*stream.new(engine.so_far(now_ns))]
            if found:
                progress.clear()
                out.writelines(finding_line(finding, paper) + "\n" for finding in found)
                out.flush()
        _feed(engine, pieces.rest())
        return engine.finish(recording.last_ns), False
    _feed(engine, pieces.rest())
    return engine.finish(recording.metadata.start_ns + round(now_s * 1e9)), True


def _show(progress: ProgressLine, recording: AnyRecording, now_s: float) -> None:
    if is_stream(recording):
        progress(f"{now_s:.1f} s", None)
        return
    length_s = (recording.last_ns - recording.metadata.start_ns) / 1e9
    progress(f"{now_s:.1f} of {length_s:.1f} s", now_s / max(length_s, now_s))


def _feed(engine: Engine, items: Iterable[Given]) -> None:
    with interrupted_afterwards():
        for item in items:
            engine.feed(item)
