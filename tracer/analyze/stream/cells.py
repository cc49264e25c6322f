"""Sums and least values of rows by a small number, without sorting them."""

from __future__ import annotations

from typing import Final

import numpy as np
import numpy.typing as npt

I64 = npt.NDArray[np.int64]

_EXACT: Final = 1 << 53
"""Up to here a float holds every integer."""
_MOST: Final = np.iinfo(np.int64).max
_SPARE: Final = 1024
"""So many more bins than rows cost no more than finding out which are used."""


class Cells:
    """Rows by key, a number from 0 on. `keys` are those that are there, ascending; results have one value for each."""

    def __init__(self, key: I64) -> None:
        bins = int(key.max()) + 1 if len(key) else 0
        if bins > len(key) + _SPARE:
            self.keys, self._cell = np.unique(key, return_inverse=True)
            self._used: I64 | slice = slice(None)
            bins = len(self.keys)
        else:
            self._cell = key
            self.keys = self._used = np.flatnonzero(np.bincount(key, minlength=bins))
        self._bins = bins

    def count(self) -> I64:
        """How many rows there are."""
        counts: I64 = np.bincount(self._cell, minlength=self._bins)[self._used]
        return counts

    def count_of(self, which: npt.NDArray[np.bool_]) -> I64:
        """How many of the rows are among these."""
        counts: I64 = np.bincount(self._cell[which], minlength=self._bins)[self._used]
        return counts

    def sums(self, value: npt.NDArray[np.int64] | npt.NDArray[np.bool_]) -> I64:
        """Sums of a column, exact."""
        if not len(value):
            return np.zeros(0, np.int64)
        if max(int(value.max()), -int(value.min())) <= _EXACT // len(value):
            return np.bincount(self._cell, weights=value, minlength=self._bins)[self._used].astype(np.int64)
        added = np.zeros(self._bins, np.int64)
        np.add.at(added, self._cell, value)
        return added[self._used]

    def least(self, value: I64) -> I64:
        """Least values of a column."""
        lowest = np.full(self._bins, _MOST)
        np.minimum.at(lowest, self._cell, value)
        return lowest[self._used]
