"""How fast it goes, and how long it will take."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Final

from ...wording.numbers import count

_SOON: Final = 5
"""From so many on a rate is told."""


class Rate:
    """Counts steps of a known number."""

    def __init__(self, total: int, now_s: Callable[[], float] = time.monotonic) -> None:
        self.total, self.done = total, 0
        self._now_s = now_s
        self._start_s = now_s()

    def step(self) -> None:
        """One more is done."""
        self.done += 1

    @property
    def share(self) -> float | None:
        """Of all; None without any."""
        return self.done / self.total if self.total else None

    @property
    def elapsed_s(self) -> float:
        """Since the beginning."""
        return self._now_s() - self._start_s

    def words(self, what: str) -> str:
        """`Analysing recordings 512 of 2,000 (31.2/s, 48 s left)`."""
        line = f"{what} {count(self.done)} of {count(self.total)}"
        elapsed_s = self.elapsed_s
        if self.done < _SOON or elapsed_s <= 0:
            return line
        left_s = (self.total - self.done) * elapsed_s / self.done
        left = f"{left_s:,.0f} s" if left_s < 600 else f"{left_s / 60:,.0f} min"
        return f"{line} ({self.done / elapsed_s:,.1f}/s, {left} left)"
