"""Pages that left the balloon under pressure and came back: for nothing."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

import numpy as np

from ..balloon.columns import I64
from ..balloon.step_columns import CAUSES
from ..terms import Cause, CycleClass
from .found_cycles import FoundCycles, Round
from .meter import Marks
from .moves import BY_HOST, PRESSURE, EvidenceSpans, Move, Moves

WasIdle = Callable[[int, int], bool]
"""Whether the balloon's worker was idle for long between two times."""


@dataclass(slots=True, eq=False)
class _Burst:
    """Pages that left in one go and what came back of them.

    `turn_ns`: the last leak before pages first came back, or where the host brought them back, when it did.
    """

    begin_ns: int
    turn_ns: int
    end_ns: int
    cause: int
    leaked: int = 0
    regained: int = 0
    class_: CycleClass | None = None
    spans: EvidenceSpans = field(default_factory=EvidenceSpans)

    def reach(self, end_ns: int) -> None:
        """It goes on to that moment at least."""
        if end_ns > self.end_ns:
            self.end_ns = end_ns

    def round(self) -> Round | None:
        """The cycle that came of it, if pages came back."""
        if self.class_ is None:
            return None
        return Round(
            self.begin_ns, self.turn_ns, self.end_ns, self.leaked, self.regained, self.class_, list(self.spans)
        )


@dataclass(slots=True)
class _Part:
    """Pages of a burst that left at one time."""

    time_ns: int
    pages: int
    burst: _Burst


@dataclass
class _Pool:
    """Pages leaked under pressure that may still come back."""

    horizon_ns: int
    parts: deque[_Part] = field(default_factory=deque)

    def expire(self, time_ns: int) -> None:
        """Those out for longer than the horizon stay out."""
        while self.parts and time_ns - self.parts[0].time_ns > self.horizon_ns:
            self.parts.popleft()

    def take(self, time_ns: int, pages: int) -> Iterator[tuple[_Burst, int]]:
        """Pages taken from each burst, the newest first."""
        self.expire(time_ns)
        while pages and self.parts:
            part = self.parts[-1]
            share = min(pages, part.pages)
            pages -= share
            part.pages -= share
            if not part.pages:
                self.parts.pop()
            yield part.burst, share


class PressureCycles:
    """Takes moves in order; keeps leak bursts whose pages may come back, and those of which some did.

    Once the host takes pages out too, those that leaked before are where it wants them, and so they are when the driver
    gives up all its pages.
    """

    def __init__(self, horizon_ns: int, was_idle: WasIdle, *, changes_traced: bool) -> None:
        """`changes_traced`: whether config changes were; else only the worker's pauses tell the host's word."""
        self._pool = _Pool(horizon_ns)
        self._was_idle = was_idle
        self._changes_traced = changes_traced
        self._changes_ns: list[int] = []
        self._bursts: list[_Burst] = []
        self._newest: _Burst | None = None
        self._leaking = False
        self.found = FoundCycles()

    def take(self, moves: Moves) -> None:
        """Take the next moves, and the config changes among them."""
        self._changes_ns += moves.changes_ns
        for move in moves:
            if move.cause == BY_HOST:
                self._pool.parts.clear()
            elif move.cause in PRESSURE:
                self._leak(moves, move)
            elif move.way > 0:
                self._leaking = False
                self._regain(moves, move)

    def edges_ns(self) -> I64:
        """The times whose sums `settle` wants, now or later."""
        edges = [time_ns for burst in self._bursts for time_ns in (burst.turn_ns, burst.end_ns)]
        return np.asarray(edges + self._changes_ns, np.int64)

    def settle(self, until_ns: int, marks: Marks) -> int:
        """All moves up to `until_ns` are taken; gives the time since which runs may still be asked for."""
        self._pool.expire(until_ns)
        awaited = {part.burst for part in self._pool.parts}
        alive = {*awaited, self._newest} if self._leaking else awaited
        over = [burst for burst in self._bursts if burst not in alive]
        self.found.add([found for burst in over if (found := burst.round())], marks)
        self._bursts = [burst for burst in self._bursts if burst in alive]
        since_ns = min((until_ns, *(burst.turn_ns for burst in awaited)))
        del self._changes_ns[: bisect_left(self._changes_ns, since_ns)]
        return since_ns

    def finish(self, marks: Marks) -> None:
        """Nothing more will be taken."""
        self._leaking = False
        self._pool.parts.clear()
        self.settle(0, marks)

    def _leak(self, moves: Moves, move: Move) -> None:
        first, last = move.first, move.last - 1
        burst = self._newest
        if not self._leaking or burst is None or burst.cause != move.cause:
            begin_ns = moves.begin_ns[first]
            self._newest = burst = _Burst(begin_ns, begin_ns, moves.end_ns[first], move.cause)
            self._bursts.append(burst)
        self._leaking = True
        burst.leaked -= move.pages
        burst.spans.add(moves.span[first : last + 1])
        burst.turn_ns = moves.begin_ns[last]
        burst.reach(moves.end_ns[last])
        self._pool.parts.extend(_Part(moves.end_ns[step], -moves.pages[step], burst) for step in range(first, last + 1))

    def _regain(self, moves: Moves, move: Move) -> None:
        for step in range(move.first, move.last):
            if not self._pool.parts:
                return
            for burst, pages in self._pool.take(moves.end_ns[step], moves.pages[step]):
                self._regained(burst, moves, step, pages)

    def _regained(self, burst: _Burst, moves: Moves, step: int, pages: int) -> None:
        """Pages of an older burst that come back behind a newer one's are wasted too, but not the cycle's time."""
        begin_ns, end_ns = moves.begin_ns[step], moves.end_ns[step]
        if burst.class_ is None:
            burst.class_ = self._class_of(burst, begin_ns, end_ns)
            if burst.class_ is CycleClass.HOST_REINFLATE:
                turned_ns = self._host_turned(burst, end_ns)
                burst.turn_ns = begin_ns if turned_ns is None else turned_ns
            burst.reach(end_ns)
        burst.regained += pages
        burst.spans.add((moves.span[step],))
        if burst is self._newest:
            burst.reach(end_ns)

    def _class_of(self, burst: _Burst, begin_ns: int, end_ns: int) -> CycleClass:
        """What brought the pages back: an inflation that went on had its target all along, a new one is the host's."""
        if CAUSES[burst.cause] is Cause.SHRINKER:
            return CycleClass.SHRINKER_REINFLATE
        if self._changes_traced:
            by_host = self._host_turned(burst, end_ns) is not None
        else:
            by_host = self._was_idle(burst.turn_ns, begin_ns)
        return CycleClass.HOST_REINFLATE if by_host else CycleClass.NOTIFIER_REINFLATE

    def _host_turned(self, burst: _Burst, end_ns: int) -> int | None:
        """The host's last config change between leak and inflation; None where there is none, or none was traced."""
        index = bisect_right(self._changes_ns, end_ns) - 1
        found = index >= 0 and self._changes_ns[index] >= burst.turn_ns
        return self._changes_ns[index] if found else None
