"""What happens to the clocks while a recording runs: suspend, and a wall clock that is set."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Final, NamedTuple

from ..metadata import ClockChange, ClockChangeKind
from .kernel_time import now_ns

_SUSPENDED_NS: Final = 10_000_000
_SET_NS: Final = 100_000_000
"""Smaller differences are the reading's own, or a clock being slewed."""
_SLEWED: Final = 0.1
"""A wall clock may run this share fast or slow without being set: adjtimex(2) lets a tick be 10 % long or short."""
_READING_NS: Final = 1_000_000
_READINGS: Final = 5


class Clocks(NamedTuple):
    """CLOCK_MONOTONIC, which stops in suspend, CLOCK_BOOTTIME, which goes on, and CLOCK_REALTIME, in ns."""

    monotonic_ns: int
    boottime_ns: int
    utc_ns: int


def read_clocks() -> Clocks:
    """The three clocks as close together as a few tries allow."""
    readings = (_reading() for _ in range(_READINGS))
    best = next(readings)
    for reading in readings:
        if best[0] <= _READING_NS:
            break
        best = min(best, reading)
    return best[1]


class ClockWatch:
    """Compares the clocks with how they were at the last look."""

    def __init__(self, read: Callable[[], Clocks] = read_clocks) -> None:
        self._read = read
        self._last = read()

    def changes(self) -> tuple[ClockChange, ...]:
        """What happened since the last look."""
        last, now = self._last, self._read()
        self._last = now
        elapsed_ns = now.monotonic_ns - last.monotonic_ns
        asleep_ns = now.boottime_ns - last.boottime_ns - elapsed_ns
        set_ns = now.utc_ns - last.utc_ns - (now.boottime_ns - last.boottime_ns)
        found = []
        if asleep_ns > _SUSPENDED_NS:
            found.append(ClockChange(now.monotonic_ns, ClockChangeKind.SUSPENDED, asleep_ns))
        if abs(set_ns) > _SET_NS + elapsed_ns * _SLEWED:
            found.append(ClockChange(now.monotonic_ns, ClockChangeKind.SET, set_ns))
        return tuple(found)


def _reading() -> tuple[int, Clocks]:
    """How long it took, and what it was."""
    before = now_ns()
    boottime_ns, utc_ns = time.clock_gettime_ns(time.CLOCK_BOOTTIME), time.time_ns()
    after = now_ns()
    return after - before, Clocks((before + after) // 2, boottime_ns, utc_ns)
