"""Columns that grow a stretch at a time and are looked at seldom."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

I64 = npt.NDArray[np.int64]


class Growing:
    """Two columns of the same length; what was added is joined when it is asked for."""

    def __init__(self) -> None:
        self._parts: list[tuple[I64, I64]] = []
        self._rows = 0

    def __len__(self) -> int:
        return self._rows

    def add(self, first: I64, second: I64) -> None:
        """Append rows."""
        if len(first):
            self._parts.append((first, second))
            self._rows += len(first)

    def columns(self) -> tuple[I64, I64]:
        """All rows, as they were added."""
        if not self._parts:
            return np.empty(0, np.int64), np.empty(0, np.int64)
        if len(self._parts) > 1:
            first, second = zip(*self._parts, strict=True)
            self._parts = [(np.concatenate(first), np.concatenate(second))]
        return self._parts[0]

    def replace(self, first: I64, second: I64) -> None:
        """These rows instead of all."""
        self._parts, self._rows = [(first, second)], len(first)
