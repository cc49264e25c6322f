"""Where in the text losses are told: before the next line of a CPU, as ftrace does."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Final

import numpy as np
import numpy.typing as npt

from ...batch import LostStretch

I64 = npt.NDArray[np.int64]

GRAIN_NS: Final = 1000
"""Of the times that other tracers' text has: events that tie were moved on from it by some ns."""
_NO_CPU: Final = 0

Told = tuple[int, str]
"""The position of the event that a line comes before, and the line."""


class LossLines:
    """Takes losses by the order of their ends, and events in time order; gives the losses' lines.

    A recording does not say which CPU lost events. If one CPU's last event is where the loss began, as an import has
    it, it is that one, and the line waits for its next event; else it is the CPU of the next event after the loss.
    """

    def __init__(self, losses: Iterable[LostStretch]) -> None:
        self._losses = iter(losses)
        self._next = next(self._losses, None)
        self._last_ns: dict[int, int] = {}
        self._waiting: list[tuple[frozenset[int], int]] = []
        """CPUs, one of which lost events, and how many."""

    def before(self, time_ns: I64, cpu: I64) -> list[Told]:
        """The lines that come before these events, the next ones in time order."""
        told: list[Told] = []
        done = 0
        while self._next is not None and len(time_ns) and self._next.end_ns <= int(time_ns[-1]):
            place = int(np.searchsorted(time_ns, self._next.end_ns))
            told += self._pass(cpu, time_ns, done, place)
            done = place
            self._meet(self._next, int(cpu[place]))
            self._next = next(self._losses, None)
        told += self._pass(cpu, time_ns, done, len(time_ns))
        return told

    def rest(self) -> Iterator[str]:
        """The lines after the last event."""
        while self._next is not None:
            self._meet(self._next, next(iter(self._last_ns), _NO_CPU))
            self._next = next(self._losses, None)
        for cpus, count in self._waiting:
            yield _line(min(cpus), count)

    def _meet(self, loss: LostStretch, following: int) -> None:
        if loss.total:
            until_ns = loss.start_ns + GRAIN_NS
            ended = {cpu for cpu, last_ns in self._last_ns.items() if loss.start_ns <= last_ns < until_ns}
            self._waiting.append((frozenset(ended or {following}), loss.total))

    def _pass(self, cpu: I64, time_ns: I64, start: int, stop: int) -> list[Told]:
        """Events go by: lines that waited for one of them."""
        told: list[Told] = []
        for wanted, count in self._waiting[:]:
            of_wanted = np.flatnonzero(np.isin(cpu[start:stop], list(wanted)))
            if len(of_wanted):
                place = start + int(of_wanted[0])
                told.append((place, _line(int(cpu[place]), count)))
                self._waiting.remove((wanted, count))
        last, backwards = np.unique(cpu[start:stop][::-1], return_index=True)
        self._last_ns.update(zip(last.tolist(), time_ns[start:stop][::-1][backwards].tolist(), strict=True))
        return told


def _line(cpu: int, count: int) -> str:
    return f"CPU:{cpu} [LOST {count} EVENTS]\n"
