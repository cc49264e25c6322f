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
            self.begin_ns, self.turn_ns, self.end_ns, self.leaked, self.regained, self.class_, self.spans.ids()
        )


@dataclass(slots=True)
class _Leak:
    """One leaking move of a burst. `until` is the number of pages that had left, counted from anywhere, at the end of
    each of its steps; those from number `low` on up to `high`, that one left out, may still come back."""

    burst: _Burst
    end_ns: list[int]
    until: list[int]
    low: int
    high: int

    def expire(self, time_ns: int) -> bool:
        """Forget pages that left before; whether that was all."""
        over = bisect_left(self.end_ns, time_ns)
        if over:
            self.low = max(self.low, self.until[over - 1])
        return self.low >= self.high


@dataclass
class _Pool:
    """Pages leaked under pressure that may still come back, the newest last."""

    horizon_ns: int
    leaks: deque[_Leak] = field(default_factory=deque)

    def expire(self, time_ns: int) -> None:
        """Those out for longer than the horizon stay out."""
        while self.leaks and self.leaks[0].expire(time_ns - self.horizon_ns):
            self.leaks.popleft()

    def lasts(self, time_ns: int) -> bool:
        """Whether nothing expires up to a time."""
        return not self.leaks or time_ns - self.leaks[0].end_ns[0] <= self.horizon_ns

    def take(self, pages: int) -> Iterator[tuple[_Burst, int]]:
        """Pages taken from each burst, the newest first."""
        while pages and self.leaks:
            leak = self.leaks[-1]
            share = min(pages, leak.high - leak.low)
            pages -= share
            leak.high -= share
            if leak.high == leak.low:
                self.leaks.pop()
            yield leak.burst, share


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
                self._pool.leaks.clear()
            elif move.cause in PRESSURE:
                self._leak(moves, move)
            elif move.way > 0:
                self._leaking = False
                self._regain(moves, move)

    def edges_ns(self) -> I64:
        """The times whose sums `settle` wants, now or later."""
        edges = [time_ns for burst in self._bursts for time_ns in (burst.turn_ns, burst.end_ns)]
        return np.asarray(edges + self._changes_ns, np.int64)

    def begins_ns(self) -> list[int]:
        """When the bursts began of which cycles may still come."""
        return [burst.begin_ns for burst in self._bursts]

    def settle(self, until_ns: int, marks: Marks) -> int:
        """All moves up to `until_ns` are taken; gives the time since which runs may still be asked for."""
        self._pool.expire(until_ns)
        awaited = {leak.burst for leak in self._pool.leaks}
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
        self._pool.leaks.clear()
        self.settle(0, marks)

    def _leak(self, moves: Moves, move: Move) -> None:
        first, last = move.first, move.last
        burst = self._newest
        if not self._leaking or burst is None or burst.cause != move.cause:
            begin_ns = moves.begin_ns[first]
            self._newest = burst = _Burst(begin_ns, begin_ns, moves.end_ns[first], move.cause)
            self._bursts.append(burst)
        self._leaking = True
        burst.leaked -= move.pages
        burst.spans.add(moves.span[first:last])
        burst.turn_ns = moves.begin_ns[last - 1]
        burst.reach(moves.end_ns[last - 1])
        left = moves.left
        leak = _Leak(burst, moves.end_ns[first:last], left[first + 1 : last + 1], left[first], left[last])
        self._pool.leaks.append(leak)

    def _regain(self, moves: Moves, move: Move) -> None:
        """Take what a move brings back: all at once where nothing expires meanwhile, else step by step."""
        if self._pool.lasts(moves.end_ns[move.last - 1]):
            self._take_back(moves, move.first, move.last)
            return
        for step in range(move.first, move.last):
            self._pool.expire(moves.end_ns[step])
            self._take_back(moves, step, step + 1)

    def _take_back(self, moves: Moves, first: int, last: int) -> None:
        came, taken = moves.came, moves.came[first]
        for burst, pages in self._pool.take(came[last] - taken):
            since = bisect_right(came, taken, first + 1, last + 1) - 1
            taken += pages
            until = bisect_left(came, taken, first + 1, last + 1) - 1
            self._regained(burst, moves, since, until, pages)

    def _regained(self, burst: _Burst, moves: Moves, since: int, until: int, pages: int) -> None:
        """Take pages that came back in steps `since` to `until`. Those of an older burst that come back behind a newer
        one's are wasted too, but not the cycle's time."""
        if burst.class_ is None:
            begin_ns, end_ns = moves.begin_ns[since], moves.end_ns[since]
            burst.class_ = self._class_of(burst, begin_ns, end_ns)
            if burst.class_ is CycleClass.HOST_REINFLATE:
                turned_ns = self._host_turned(burst, end_ns)
                burst.turn_ns = begin_ns if turned_ns is None else turned_ns
            burst.reach(end_ns)
        burst.regained += pages
        burst.spans.add(moves.span[since : until + 1])
        if burst is self._newest:
            burst.reach(moves.end_ns[until])

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
