"""What many totals grew by in the last seconds, each known by a key: tasks' waiting, shrinkers' work."""

from __future__ import annotations

from collections import deque
from collections.abc import Hashable, Mapping
from typing import Generic, TypeVar

K = TypeVar("K", bound=Hashable)


class RecentGrowth(Generic[K]):
    """Remembers the newest totals, and what grew at each look of the last seconds: only that costs memory."""

    def __init__(self, kept_s: float) -> None:
        self._kept_s = kept_s
        self._totals: dict[K, float] = {}
        self._grown: deque[tuple[float, dict[K, float]]] = deque()

    def take(self, time_s: float, totals: Mapping[K, float]) -> None:
        """Take the totals at a time later than all before."""
        before = self._totals
        grown = {key: total - before.get(key, 0.0) for key, total in totals.items() if total > before.get(key, 0.0)}
        self._totals = dict(totals)
        self._grown.append((time_s, grown))
        while self._grown[0][0] < time_s - self._kept_s:
            self._grown.popleft()

    def since(self, time_s: float) -> dict[K, float]:
        """What grew after a time, and by how much."""
        sums: dict[K, float] = {}
        for at_s, grown in reversed(self._grown):
            if at_s <= time_s:
                break
            for key, more in grown.items():
                sums[key] = sums.get(key, 0.0) + more
        return sums
