"""A recording's results at any of its moments, forwards and back: the analysis behind `replay --live`.

Going back restores the last of a few checkpoints before that moment: branches of the engine, which share its columns.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING, Final

from ..analyze import NEVER_READ, Engine, Pieces
from ..batch import Batch
from .analysis import WHOLE
from .pacing import steps

if TYPE_CHECKING:
    from ..analyze import Analysis, Options
    from ..live.model import Snapshot
    from ..store import AnyRecording
    from ..store.slicing import RecordingPart
    from .pacing import Item

    Look = Callable[[Analysis, str | None], Snapshot]

CHECKPOINT_EVENTS: Final = 250_000
"""A checkpoint after so many events: some 0.3 s of analysis, which going back costs at most."""
MOST_CHECKPOINTS: Final = 16
"""Beyond it every second one is dropped and they come half as often: a long recording has them further apart."""


@dataclass(frozen=True)
class _Place:
    """Between two steps of a recording: so many items before, and so many steps of the next."""

    items: int = 0
    steps: int = 0


@dataclass(frozen=True)
class Checkpoint:
    """All that it takes to go on from a moment. Its engine is branched again, never fed."""

    now_ns: int
    place: _Place
    events: int
    engine: Engine


class Playback:
    """What was recorded up to `now_s`, in the engine. Results depend on that moment alone, not on the way to it.

    `look` makes of the results so far what is shown, and is told how the recording ended (`closed`, `cut`), None before
    its end. Where it shows rates it needs looks before the one that it is asked for.
    """

    def __init__(
        self,
        recording: AnyRecording,
        options: Options,
        look: Look,
        checkpoint_events: int = CHECKPOINT_EVENTS,
    ) -> None:
        self._recording, self._look = recording, look
        self._part: RecordingPart = WHOLE.part(recording)
        engine = Engine(self._part.metadata, recording.symbols, options, cgroups=recording.cgroups)
        self._checkpoints = [Checkpoint(self._part.metadata.start_ns, _Place(), 0, engine)]
        self._every = checkpoint_events
        self.seen: Analysis | None = None
        """What the last look was at."""
        self._now_ns = self._part.metadata.start_ns
        self.restore(self._checkpoints[0])

    @property
    def now_s(self) -> float:
        """How far it is, in seconds of the recording."""
        return self._seconds(self._now_ns)

    @property
    def length_s(self) -> float:
        """How long the recording is; damage inside may show on the way and make it shorter."""
        return max(0.0, self._seconds(self._part.last_ns))

    @property
    def at_end(self) -> bool:
        """Whether all that was recorded is in, and the quiet after it is over."""
        return self._next is None and self._now_ns >= self._part.last_ns

    def advance(self, to_s: float, until: Callable[[], bool] = lambda: False) -> None:
        """Take what was recorded up to `to_s`, as far as `until` lets it: that is asked after each step."""
        to_ns = self._part.metadata.start_ns + round(min(to_s, self.length_s) * 1e9)
        while self._next is not None and (self._next[1] <= to_ns or to_s >= self.length_s):
            self._take(*self._next)
            if until():
                return
        self._now_ns = max(self._now_ns, to_ns)

    def look(self) -> Snapshot:
        """What is to be shown now."""
        self._feed_rest()
        self.seen = self._engine.so_far(self._part.last_ns if self.at_end else self._now_ns)
        ended = None if not self.at_end else "closed" if self._recording.complete else "cut"
        return self._look(self.seen, ended)

    def back_to(self, to_s: float) -> None:
        """Go back to the last checkpoint that is not after `to_s`."""
        to_ns = self._part.metadata.start_ns + max(0, round(to_s * 1e9))
        self.restore([one for one in self._checkpoints if one.now_ns <= to_ns][-1])

    def checkpoint(self) -> Checkpoint:
        """This moment, to be restored later."""
        self._feed_rest()
        return Checkpoint(self._now_ns, self._place, self._events, self._engine.branch())

    def restore(self, checkpoint: Checkpoint) -> None:
        """Be as it was then."""
        self._now_ns = checkpoint.now_ns
        self._place, self._events = checkpoint.place, checkpoint.events
        self._engine = checkpoint.engine.branch()
        self._pieces = Pieces()
        self._steps = _steps_from(self._part, checkpoint.place)
        self._next: tuple[Item, int, _Place] | None = next(self._steps, None)

    def _take(self, item: Item, end_ns: int, place: _Place) -> None:
        for piece in self._pieces.add(item):
            self._engine.feed(piece)
        self._now_ns, self._place = max(self._now_ns, end_ns), place
        self._events += len(item) if isinstance(item, Batch) else 0
        self._next = next(self._steps, None)
        if self._events - self._checkpoints[-1].events >= self._every:
            self._keep()

    def _keep(self) -> None:
        """Keep a checkpoint of this moment, and every second of those before where they are too many."""
        self._checkpoints.append(self.checkpoint())
        if len(self._checkpoints) > MOST_CHECKPOINTS:
            self._checkpoints = self._checkpoints[::2]
            self._every *= 2

    def _seconds(self, time_ns: int) -> float:
        return (time_ns - self._part.metadata.start_ns) / 1e9

    def _feed_rest(self) -> None:
        for piece in self._pieces.rest():
            self._engine.feed(piece)


def _steps_from(part: RecordingPart, place: _Place) -> Iterator[tuple[Item, int, _Place]]:
    """A recording's steps after that place, each with the time (ns) of its newest row and the place behind it."""
    items = enumerate(part.items(NEVER_READ))
    for number, item in islice(items, place.items, None):
        first = place.steps if number == place.items else 0
        for step, (piece, end_ns) in islice(enumerate(steps(item)), first, None):
            yield piece, end_ns, _Place(number, step + 1)
