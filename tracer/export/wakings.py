"""Which `wakeup_kswapd` woke which kswapd: the last one for its node before it woke."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from ..analyze.stream.grouping import groups

I64 = npt.NDArray[np.int64]
NO_FLOW = 0


@dataclass(frozen=True)
class Woken:
    """The flow of each wake-up and of each waking, NO_FLOW where there is none.

    `held` are rows of wake-ups that may yet have woken one; `settled` tells of each node with a wake-up held before
    whether that had (its flow) or had not (NO_FLOW).
    """

    callers: I64
    wakers: I64
    held: dict[int, int]
    settled: dict[int, int]


class Wakings:
    """Pairs them as the stretches come; numbers of flows count from 1."""

    def __init__(self) -> None:
        self._held: set[int] = set()
        self._flows = 0

    def advance(self, called_nid: I64, called_ns: I64, woke_nid: I64, woke_ns: I64) -> Woken:
        """A stretch's wake-ups and wakings, each in time order."""
        found = Woken(np.zeros(len(called_nid), np.int64), np.zeros(len(woke_nid), np.int64), {}, {})
        called, woke = dict(groups(called_nid)), dict(groups(woke_nid))
        none = np.empty(0, np.int64)
        for nid in {*called, *woke}:
            self._node(nid, called.get(nid, none), woke.get(nid, none), called_ns, woke_ns, found)
        return found

    def _node(self, nid: int, called: I64, woke: I64, called_ns: I64, woke_ns: I64, found: Woken) -> None:
        last = np.searchsorted(called_ns[called], woke_ns[woke], side="right") - 1
        was_held = nid in self._held
        if was_held:
            found.settled[nid] = self._next() if len(woke) and last[0] < 0 else NO_FLOW
            self._held.discard(nid)
            if found.settled[nid]:
                found.wakers[woke[0]] = found.settled[nid]
        by = np.flatnonzero(last > np.concatenate(([-1], last[:-1])))
        flows = self._flows + 1 + np.arange(len(by))
        self._flows += len(by)
        found.callers[called[last[by]]] = flows
        found.wakers[woke[by]] = flows
        if len(called) and (not len(woke) or last[-1] < len(called) - 1):
            found.held[nid] = int(called[-1])
            self._held.add(nid)

    def _next(self) -> int:
        self._flows += 1
        return self._flows
