"""Plays a recording for a view: a thread of its own analyses, the view takes what is latest and never waits."""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Self

from ..analyze import numbers_of
from ..errors import TracerError, UsageError, shown
from ..freed_memory import GivingBack
from .live_session import ReportProcess, named_now
from .look_times import LOOK_EVERY_S, next_look_s
from .playback import Playback
from .telling import is_of_the_whole

if TYPE_CHECKING:
    from ..analyze import Analysis, Options
    from ..analyze.model import Finding
    from ..live.model import Snapshot
    from ..store import AnyRecording
    from .playback import Look

SLOWEST: Final = 0.001
FASTEST: Final = 10_000.0
"""A day in nine seconds, which no analysis keeps up with: then it goes as fast as it can."""
_BEFORE_S: Final = (60.0, 45.0, 30.0, 20.0, 15.0, 11.0, 10.0, 5.0, 2.0, 1.0, 0.5)
"""Looks on the way to where somebody wants to go: rates, and the last minute, are differences between looks."""
_LENGTHS_S: Final = (10.0, 1.0)
"""What rates are told of: at high speeds a step is longer, and is looked at so long before its end. Where analysis does
not keep up, the last second is."""
_FIRST_STRIDE_S: Final = 1.0
_LONGEST_STRIDE_S: Final = 64.0
_FINEST_STRIDE_S: Final = 0.25
"""Strides towards the next finding: the longer the longer none comes up, then back and shorter to where it did."""


@dataclass(frozen=True)
class _Wish:
    """Where to go: to a time, or to the next finding where `to_s` is None."""

    to_s: float | None


class PlayingSession:
    """A `Player` (tracer/live/session.py) over a finished recording; begins with `start`, or by `with`."""

    can_mark = False
    can_save = False

    def __init__(
        self,
        recording: AnyRecording,
        options: Options,
        look: Look,
        speed: float = 1.0,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.title = shown(recording.path)
        self._path = recording.path
        self._playback: Playback = Playback(recording, options, look)
        self.length_s = self._playback.length_s
        self._speed, self._paused = _possible(speed), False
        self._clock = clock
        self._anchor, self._is_stale = (clock(), 0.0), False
        self._look_at = clock()
        self._giving_back = GivingBack(clock=clock)
        self._changed = threading.Condition()
        self._wish: _Wish | None = None
        self._closing = False
        self._report: ReportProcess | None = None
        self._latest: Snapshot | None = None
        self._looked: Snapshot | None = None
        self._shown_s = 0.0
        self._messages: deque[str] = deque(maxlen=16)
        self._thread = threading.Thread(target=self._run, name="analysis", daemon=True)
        self.failure: Exception | None = None
        """Why the analysis ended before its time; to be raised by whoever has closed the view."""

    @property
    def speed(self) -> float:
        """Times real time."""
        return self._speed

    @property
    def paused(self) -> bool:
        """Whether it stands still."""
        return self._paused

    @property
    def result(self) -> Analysis | None:
        """All that was found, where it is played to its end and looked at."""
        return self._playback.seen if self._playback.at_end else None

    def latest(self) -> Snapshot | None:
        """The newest state; None before the first."""
        return self._latest

    def pause(self, *, paused: bool) -> None:
        """Stand still, or go on."""
        with self._change():
            self._paused = paused

    def set_speed(self, speed: float) -> None:
        """Play so many times faster than real time, as fast as analysis goes at most. Raises UsageError."""
        speed = _possible(speed)
        with self._change():
            self._speed = speed

    def seek(self, to_s: float) -> None:
        """Go to this time, forwards or back, at most to where the recording begins or ends."""
        with self._change():
            self._wish = _Wish(max(0.0, min(to_s, self.length_s)))

    def next_finding(self) -> str:
        """Go on to where the next finding comes up, and stand still there; a `message` tells which it is."""
        with self._change():
            self._wish = _Wish(None)
        return "Looking for the next finding"

    def mark(self, words: str) -> str:  # noqa: ARG002 - what a Session has
        """Raises UsageError."""
        raise UsageError("a finished recording takes no marks")

    def save(self) -> str:
        """Raises UsageError."""
        raise UsageError(f"it is a file already: {self.title}")

    def report(self) -> str:
        """Begin a report of the whole recording. Raises TracerError."""
        if self._report and self._report.runs:
            raise UsageError("a report is being written already")
        self._report = ReportProcess(self._path, named_now(".html"), None)
        return f"Writing {shown(self._report.target)} ..."

    def message(self) -> str | None:
        """Something that happened since, once."""
        if self._report and (told := self._report.told()):
            return told
        return self._messages.popleft() if self._messages else None

    def start(self) -> None:
        """Begin to play."""
        self._thread.start()

    def close(self) -> None:
        """Stop; the thread has ended then."""
        with self._change():
            self._closing = True
        if self._thread.is_alive():
            self._thread.join()
        if self._report:
            self._report.wait()

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @contextmanager
    def _change(self) -> Iterator[None]:
        with self._changed:
            yield
            self._is_stale = True
            self._changed.notify()

    def _run(self) -> None:
        try:
            with numbers_of(self._path):
                self._look()
                self._show()
                while (wish := self._next_wish()) is not None or not self._closing:
                    self._play() if wish is None else self._fulfil(wish)
        except Exception as error:  # noqa: BLE001 - the view's thread raises it
            self.failure = error
            self._messages.append(str(error) if isinstance(error, TracerError) else f"stopped: {error!r}")

    def _next_wish(self) -> _Wish | None:
        """Wait for a wish, for the time of the next look while it plays, or for the end."""
        with self._changed:
            while not self._closing and self._wish is None:
                stands = self._paused or self._playback.at_end
                left_s = None if stands else self._look_at - self._clock()
                if left_s is not None and left_s <= 0:
                    break
                self._changed.wait(left_s)
            wish, self._wish = self._wish, None
            return None if self._closing else wish

    def _play(self) -> None:
        """Take what has come due, and look. Where analysis does not keep up, the recording's time waits for it."""
        if self._is_stale:
            self._begin_here()
        began, from_s = self._anchor
        now = self._clock()
        give_up = now + LOOK_EVERY_S
        due_s = min(from_s + (now - began) * self._speed, self.length_s)
        for before_s in _LENGTHS_S:
            if self._playback.now_s < due_s - before_s and self._clock() < give_up:
                self._playback.advance(due_s - before_s, lambda: self._is_interrupted or self._clock() >= give_up)
                self._look()
        self._playback.advance(min(due_s, self._playback.now_s + _LENGTHS_S[-1]), lambda: self._is_interrupted)
        if self._playback.now_s < due_s:
            self._begin_here()
        self._look()
        self._show()
        self._giving_back.now_and_then()

    def _fulfil(self, wish: _Wish) -> None:
        if wish.to_s is None:
            self._go_to_next_finding()
        else:
            self._go_to(wish.to_s)
        self._begin_here()

    def _go_to(self, to_s: float) -> None:
        if to_s < self._playback.now_s:
            self._playback.back_to(to_s - _BEFORE_S[0])
        for before_s in _BEFORE_S:
            self._travel(to_s - before_s)
        if not self._travel(to_s):
            self._look()
        if not self._is_interrupted:
            self._show()

    def _travel(self, to_s: float) -> bool:
        """Go on to that time, looking on the way as often as while it plays, and there; whether there was any way.

        What was shown already is not shown again: on the way back to a later time nothing moves.
        """
        from_s = self._playback.now_s
        while self._playback.now_s < to_s and not (self._is_interrupted or self._playback.at_end):
            self._playback.advance(to_s, lambda: self._is_interrupted or self._clock() >= self._look_at)
            self._look()
            if self._playback.now_s > self._shown_s:
                self._show()
        return self._playback.now_s > from_s

    def _go_to_next_finding(self) -> None:
        known, stride_s, longest_s = {*self._findings()}, _FIRST_STRIDE_S, _LONGEST_STRIDE_S
        while not self._is_interrupted:
            if self._playback.at_end:
                self._look()
                self._show()
                self._messages.append("No further finding")
                return
            place = self._playback.checkpoint()
            self._playback.advance(self._playback.now_s + stride_s, lambda: self._is_interrupted)
            self._look()
            new = [finding for number, finding in self._findings().items() if number not in known]
            if not new:
                stride_s = min(2 * stride_s, longest_s)
            elif stride_s > _FINEST_STRIDE_S:
                stride_s = longest_s = max(stride_s / 4, _FINEST_STRIDE_S)
                self._playback.restore(place)
            else:
                self._stand_at(new[0])
                return

    def _stand_at(self, finding: Finding) -> None:
        """Stand still where this finding has just come up, with what was before it looked at again."""
        here_s = self._playback.now_s
        self._playback.back_to(here_s - _BEFORE_S[0])
        self._go_to(here_s)
        self._paused = True
        self._messages.append(f"{finding.kind}, from {finding.start_s:.2f} s: {finding.text}")

    def _findings(self) -> dict[int, Finding]:
        """Those found by now, by id, but for what concerns the whole recording."""
        seen = self._playback.seen
        found = seen.findings if seen else []
        return {one.id: one for one in found if seen and not is_of_the_whole(one, seen.duration_s)}

    @property
    def _is_interrupted(self) -> bool:
        return self._closing or self._wish is not None

    def _look(self) -> None:
        began = self._clock()
        self._looked = self._playback.look()
        self._look_at = next_look_s(began, self._clock())

    def _show(self) -> None:
        self._latest, self._shown_s = self._looked, self._playback.now_s

    def _begin_here(self) -> None:
        self._is_stale = False
        self._anchor = (self._clock(), self._playback.now_s)


def _possible(speed: float) -> float:
    """Raises UsageError."""
    if not SLOWEST <= speed <= FASTEST:
        raise UsageError(f"a speed is from {SLOWEST:g} to {FASTEST:g}, not {speed:g}")
    return speed
