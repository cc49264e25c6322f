"""Counting what had to be dropped."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping

import numpy as np
import numpy.typing as npt

from ..batch import LostStretch
from ..schema import KIND_BY_NUMBER


class Dropped:
    """Events that were dropped: `total` by kind since the start, and the stretch since the last `take`."""

    def __init__(self) -> None:
        self.total: Counter[str] = Counter()
        self._stretch: LostStretch | None = None

    def add(self, records: npt.NDArray[np.void]) -> None:
        """These records, at least one, were dropped."""
        numbers = np.bincount(records["kind"])
        counts = {_name(number): int(numbers[number]) for number in np.flatnonzero(numbers).tolist()}
        times = records["time_ns"]
        self.total.update(counts)
        self._stretch = merged(self._stretch, LostStretch(int(times.min()), int(times.max()), counts))

    def take(self) -> LostStretch | None:
        """What was dropped since the last call, as a stretch of the events' own times."""
        stretch, self._stretch = self._stretch, None
        return stretch


def merged(first: LostStretch | None, second: LostStretch) -> LostStretch:
    """One stretch over both."""
    if first is None:
        return second
    counts: Mapping[str, int] = Counter(first.counts) + Counter(second.counts)
    return LostStretch(min(first.start_ns, second.start_ns), max(first.end_ns, second.end_ns), counts)


def _name(number: int) -> str:
    return KIND_BY_NUMBER[number].name if number in KIND_BY_NUMBER else f"kind {number}"
