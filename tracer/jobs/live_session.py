"""A recording that is followed for a view: what its keys ask for, and how it all ends."""

from __future__ import annotations

import subprocess
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Final

from ..errors import RecordingError, TracerError, UsageError, shown
from ..live.model import LEFT
from ..recorder.handover import begin_apart
from ..store.following import Ending
from ..store.kept import Facts, KeptStream
from .live_analysis import LiveAnalysis, Result

if TYPE_CHECKING:
    from ..live.model import Snapshot
    from ..store import FollowedRecording
    from .live_recorder import RecorderProcess

_LAST_BLOCKS_S: Final = 15.0
"""How long what has come may take to be analysed when it is all over."""
_MOST_MESSAGES: Final = 32


class LiveSession:
    """`Session` (tracer/live/session.py) over a stream that is followed.

    `recorder` is the process that records for this view, None where somebody else's recording is followed; `kept` holds
    the newest part of a stream that is in no file, `path` is the file that is followed, None for a stream.
    """

    def __init__(
        self,
        title: str,
        analysis: LiveAnalysis,
        *,
        halt: Callable[[], None],
        recorder: RecorderProcess | None = None,
        kept: KeptStream | None = None,
        path: Path | None = None,
    ) -> None:
        self.title = title
        self._analysis = analysis
        self._halt = halt
        self._recorder = recorder
        self._kept, self._path = kept, path
        self._messages: deque[str] = deque(maxlen=_MOST_MESSAGES)
        self._report: ReportProcess | None = None
        self._closed = self._ended_first = self._told_over = False

    @property
    def can_mark(self) -> bool:
        """As `Session.can_mark`."""
        return self._recorder is not None

    @property
    def can_save(self) -> bool:
        """As `Session.can_save`."""
        return self._kept is not None

    @property
    def has_begun(self) -> bool:
        """Whether the stream has said what it is."""
        return self._analysis.recording is not None

    @property
    def never_began(self) -> bool:
        """Whether it ended before that."""
        return self.is_over and not self.has_begun

    @property
    def is_over(self) -> bool:
        """Whether the stream has ended, and everything in it is analysed."""
        return self._analysis.over.is_set()

    @property
    def result(self) -> Result | None:
        """All that was found, when it is over."""
        return self._analysis.result

    def latest(self) -> Snapshot | None:
        """As `Session.latest`."""
        snapshot = self._analysis.latest
        return replace(snapshot, ended=LEFT) if snapshot and snapshot.ended and self._was_left else snapshot

    @property
    def _was_left(self) -> bool:
        """Whether it was closed while somebody else's stream went on: that is not cut."""
        recording = self._analysis.recording
        is_cut = recording is not None and recording.ending is Ending.CUT
        return is_cut and self._closed and not self._ended_first and self._recorder is None

    def mark(self, words: str) -> str:
        """As `Session.mark`. Raises UsageError."""
        if self._recorder is None:
            raise UsageError("marks are for a recorder that live has started itself")
        return f"Marked: {self._recorder.mark(words)}"

    def save(self) -> str:
        """As `Session.save`. Raises TracerError."""
        if self._kept is None:
            raise UsageError(f"it is a file already: {self.title}")
        path = named_now(".rtrace")
        self._write_kept(self._kept, path)
        return f"Wrote {shown(path)}"

    def report(self) -> str:
        """As `Session.report`. Raises TracerError."""
        if self._report is not None and self._report.runs:
            raise UsageError("a report is being written already")
        folder = None if self._path else TemporaryDirectory(prefix="reclaim-tracer-")
        source = self._path or Path(folder.name if folder else "", "stream.rtrace")
        if self._kept and folder:
            self._write_kept(self._kept, source)
        self._report = ReportProcess(source, named_now(".html"), folder)
        return f"Writing {shown(self._report.target)} ..."

    def message(self) -> str | None:
        """As `Session.message`."""
        self._gather()
        return self._messages.popleft() if self._messages else None

    def close(self) -> None:
        """As `Session.close`; what has come by then is analysed to its end, and the reports are finished."""
        if self._closed:
            return
        self._closed, self._ended_first = True, self._analysis.stream_ended
        if self._recorder:
            self._recorder.end()
            self._recorder.wait()
            self._analysis.join(_LAST_BLOCKS_S)
        self._halt()
        self._analysis.join(_LAST_BLOCKS_S)
        if self._recorder:
            self._recorder.close()
        if self._report:
            self._report.wait()
        self._gather()

    def outcome(self) -> Exception | None:
        """Once it is closed: why it did not go well, None where it did."""
        if self._recorder and (failure := self._recorder.failure()):
            return failure
        if self._analysis.failure is not None:
            return self._analysis.failure
        recording = self._analysis.recording
        is_cut = recording is not None and recording.ending is Ending.CUT
        if is_cut and (self._recorder or self._ended_first):
            return RecordingError(f"{self.title}: the stream ended without its end mark")
        return None

    def _gather(self) -> None:
        if self._recorder:
            while self._recorder.said:
                self._messages.append(self._recorder.said.popleft())
        if self._report and (told := self._report.told()):
            self._messages.append(told)
        recording = self._analysis.recording
        # One that never began is the outcome's to tell.
        if recording and self.is_over and not self._told_over and (self._ended_first or not self._closed):
            self._told_over = True
            self._messages.append(self._end_words(recording))

    def _end_words(self, recording: FollowedRecording) -> str:
        if self._analysis.failure is not None:
            return f"Stopped: {self._analysis.failure}"
        if recording.ending is Ending.CUT:
            return f"The stream ended without its end mark: {self._recorders_reason() or 'its writer has gone'}"
        return "The recording has ended"

    def _recorders_reason(self) -> TracerError | None:
        """What this view's own recorder ended with, None while it runs."""
        return self._recorder.failure() if self._recorder and self._recorder.poll() is not None else None

    def _write_kept(self, kept: KeptStream, path: Path) -> None:
        recording = self._analysis.recording
        if recording is None:
            raise UsageError("nothing has come yet that could be saved")
        # Copies: the analysis goes on adding to them.
        kept.write(path, Facts(dict(recording.symbols), dict(recording.cgroups), dict(recording.notes)))


class ReportProcess:
    """A report that a process of its own writes; what it was made from goes when it is done."""

    def __init__(self, source: Path, target: Path, folder: TemporaryDirectory[str] | None) -> None:
        """Raises TracerError."""
        self.target = target
        self._folder = folder
        self._told = False
        try:
            self._process = begin_apart(
                f"{__package__}.live_report",
                {"source": source, "target": target},
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.PIPE,
            )
        except OSError as error:
            raise TracerError(f"no process for a report: {error.strerror}") from error

    @property
    def runs(self) -> bool:
        """Whether it is still being written."""
        return self._process.poll() is None

    def told(self) -> str | None:
        """What came of it, once."""
        if self.runs or self._told:
            return None
        self._told = True
        error = self._process.communicate()[1].decode(errors="replace").strip()
        if self._folder:
            with suppress(OSError):
                self._folder.cleanup()
        return error or f"Wrote {shown(self.target)}"

    def wait(self) -> None:
        """Until it is done."""
        self._process.wait()


def named_now(suffix: str) -> Path:
    """A file here, named after the time."""
    return Path(datetime.now().astimezone().strftime(f"reclaim-%Y%m%d-%H%M%S{suffix}"))
