"""When what was taken is written: how old what is on disk, or in a pipe, may be."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from ..batch import LostStretch, Samples

if TYPE_CHECKING:
    from ..collect.collector import Item

FLUSH_S: Final = 1.0
"""What is older than this survives `kill -9`. Samples keep the loop turning at least as often."""
QUIET_FLUSH_S: Final = 5.0
"""The same for readings of counters while nothing else comes: waking the writer is a third of what they cost."""


class Flushes:
    """Once a second, rarely where nothing happens; or, where `flush_s` is given, whenever something is half as old."""

    def __init__(self, flush_s: float | None, now_s: float) -> None:
        self._every_s, self._quiet_s = (FLUSH_S, QUIET_FLUSH_S) if flush_s is None else (flush_s / 2, 0.0)
        self._next_s, self._quiet_until_s = now_s + self._every_s, now_s
        self._happened, self._waits = True, True

    def took(self, item: Item) -> None:
        """Something is waiting to be written."""
        if isinstance(item, LostStretch) or len(item):
            self._waits = True
            self._happened |= not isinstance(item, Samples)

    def is_due(self, now_s: float) -> bool:
        """Whether to write now; then it counts as written."""
        if now_s < self._next_s:
            return False
        self._next_s = now_s + self._every_s
        if not self._waits or not (self._happened or now_s >= self._quiet_until_s):
            return False
        self._quiet_until_s, self._happened, self._waits = now_s + self._quiet_s, False, False
        return True


def turn_s_of(flush_s: float | None) -> float | None:
    """How often the recorder must look whether something is due, where readings alone are too rare for that."""
    return None if flush_s is None else flush_s / 2
