"""Follows a recording for a view: a thread of its own analyses what comes, and looks at the results now and then."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from ..analyze import NEVER_READ, Engine, Pieces, numbers_of
from ..batch import Batch
from ..errors import RecordingError, TracerError, shown
from ..freed_memory import GivingBack
from ..store import FollowedRecording
from ..store.following import Ending
from ..store.notes import facts_of
from .look_times import LOOK_AT_EVENTS_S, LOOK_EVERY_S, next_look_s
from .memory_bound import MOST_BYTES
from .remembering import Remembering

if TYPE_CHECKING:
    from ..analyze import Analysis, Options
    from ..analyze.stream.pieces import Given
    from ..live.model import Snapshot
    from ..recording_facts import RecordingFacts
    from ..store.feeds import Feed
    from ..store.kept import KeptStream

    Observe = Callable[[FollowedRecording], "Look"]
    Look = Callable[[Analysis, str | None], Snapshot]


_PIECE_EVENTS: Final = 16_384
"""A view that is behind takes so many at once: in the largest pieces they would take 25 MiB for a while."""


@dataclass(frozen=True)
class Result:
    """All that was found, when the stream is over."""

    analysis: Analysis
    facts: RecordingFacts


class LiveAnalysis:
    """The analysis of a stream as it comes. `latest` is the newest snapshot, `result` is there when it is `over`.

    `failure` says why it ended before its time. `observe` is asked once what makes a snapshot of the results so far.
    """

    def __init__(
        self,
        feed: Feed,
        options: Options,
        observe: Observe,
        kept: KeptStream | None = None,
        looked: Callable[[Snapshot], None] = lambda _: None,
        clock: Callable[[], float] = time.monotonic,
        look_every_s: float = LOOK_AT_EVENTS_S,
    ) -> None:
        self.latest: Snapshot | None = None
        self.recording: FollowedRecording | None = None
        self.result: Result | None = None
        self.failure: Exception | None = None
        self.over = threading.Event()
        self._feed_of_it, self._kept = feed, kept
        self._options = options
        self._observe = observe
        self._looked = looked
        self._clock = clock
        self._look_every_s = look_every_s
        self._next_look_s = clock()
        self._giving_back = GivingBack(clock=clock)
        self._thread = threading.Thread(target=self._run, name="analysis", daemon=True)
        self._thread.start()

    @property
    def stream_ended(self) -> bool:
        """Whether nothing more comes, although the last of it may not be analysed yet."""
        return self.over.is_set() or (self.recording is not None and self.recording.ending is not None)

    def join(self, most_s: float) -> bool:
        """Wait until it is over; False where that takes longer."""
        return self.over.wait(most_s)

    def _run(self) -> None:
        try:
            self.recording = recording = FollowedRecording(self._feed_of_it, self._kept)
            with numbers_of(recording.path):
                self._follow(recording)
        except MemoryError:
            where, most = shown(self._feed_of_it.path), MOST_BYTES >> 20
            self.failure = RecordingError(f"{where}: needs more than {most} MiB of memory to analyse")
        except Exception as error:  # noqa: BLE001 - whoever shows it has to hear of it
            self.failure = error
        finally:
            self.over.set()

    def _follow(self, recording: FollowedRecording) -> None:
        engine = Engine(recording.metadata, recording.symbols, self._options, cgroups=recording.cgroups)
        remembered, look, pieces = Remembering(engine), self._observe(recording), Pieces(_PIECE_EVENTS)
        events_came = False
        for item in recording.steps(NEVER_READ):
            if item is not None:
                _feed(engine, pieces.add(item))
                events_came |= isinstance(item, Batch)
            wait_s = 0.0 if events_came else LOOK_EVERY_S - LOOK_AT_EVENTS_S
            if (began := self._clock()) >= self._next_look_s + wait_s:
                _feed(engine, pieces.rest())
                self._show(look(remembered.so_far(recording.last_ns), None))
                self._giving_back.now_and_then()
                self._next_look_s, events_came = next_look_s(began, self._clock(), self._look_every_s), False
        _feed(engine, pieces.rest())
        analysis = remembered.finish(recording.last_ns)
        self.result = Result(analysis, facts_of(recording, analysis.accounting.lost))
        self._show(look(analysis, (recording.ending or Ending.CUT).value))

    def _show(self, snapshot: Snapshot) -> None:
        self.latest = snapshot
        self._looked(snapshot)


def _feed(engine: Engine, items: Iterable[Given]) -> None:
    for item in items:
        engine.feed(item)


def raised(failure: Exception | None) -> None:
    """Raise what ended the analysis, if anything did."""
    if isinstance(failure, TracerError):
        raise failure
    if failure is not None:
        raise RuntimeError("the analysis failed") from failure
