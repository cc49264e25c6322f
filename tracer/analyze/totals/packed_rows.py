"""Rows of whole numbers that no longer change, in memory that follows what differs between them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, NamedTuple

import numpy as np
import numpy.typing as npt

I64 = npt.NDArray[np.int64]
Flags = npt.NDArray[np.bool_]

BLOCK_ROWS: Final = 256
_WIDTHS: Final = (np.int16, np.int32, np.int64)


class _Moving(NamedTuple):
    """Columns, and by how much each of their rows differs from the first: shape (rows, columns)."""

    columns: I64
    more: npt.NDArray[np.signedinteger]


class PackedRows(NamedTuple):
    """Rows of the same columns: the first one, and what differs from it, in as few bytes as hold it.

    Counters seldom move all at once, and not by much from one reading to the next. Differences wrap as 64-bit numbers
    do.
    """

    rows: int
    first: I64
    moving: tuple[_Moving, ...]

    def column(self, number: int) -> I64:
        """One column, shape (rows,)."""
        for columns, more in self.moving:
            at = int(np.searchsorted(columns, number))
            if at < len(columns) and columns[at] == number:
                column: I64 = self.first[number] + more[:, at].astype(np.int64)
                return column
        return np.full(self.rows, self.first[number])

    def whole(self) -> I64:
        """All of them, shape (rows, columns)."""
        values = np.tile(self.first, (self.rows, 1))
        for columns, more in self.moving:
            values[:, columns] += more
        return values

    def padded(self, columns: int, value: int) -> PackedRows:
        """The same with so many columns, the new ones filled with a value."""
        return self._replace(first=np.pad(self.first, (0, columns - len(self.first)), constant_values=value))

    def ever_other_than(self, value: int) -> Flags:
        """Which columns are not that value in all rows, shape (columns,)."""
        other: Flags = self.first != value
        for columns, _ in self.moving:
            other[columns] = True
        return other


def packed(values: I64) -> PackedRows:
    """Rows of shape (rows, columns), at least one."""
    more = values - values[0]
    least, most = more.min(axis=0), more.max(axis=0)
    left = np.flatnonzero((least != 0) | (most != 0))
    moving: list[_Moving] = []
    for width in _WIDTHS:
        limits = np.iinfo(width)
        fits = (least[left] >= limits.min) & (most[left] <= limits.max)
        if fits.any():
            moving.append(_Moving(left[fits], more[:, left[fits]].astype(width)))
        left = left[~fits]
    return PackedRows(len(values), values[0].copy(), tuple(moving))


def packed_blocks(values: I64) -> list[PackedRows]:
    """Many rows in blocks of BLOCK_ROWS."""
    return [packed(values[first : first + BLOCK_ROWS]) for first in range(0, len(values), BLOCK_ROWS)]


class RowLog:
    """Rows that are added one by one; only the last can be taken back."""

    def __init__(self, columns: int) -> None:
        self._columns = columns
        self._blocks: list[PackedRows] = []
        self._recent: list[I64] = []

    def __len__(self) -> int:
        return sum(block.rows for block in self._blocks) + len(self._recent)

    def append(self, row: Sequence[int] | I64) -> None:
        """Add a row."""
        self._recent.append(np.array(row, np.int64))
        if len(self._recent) > BLOCK_ROWS:
            self._blocks = [*self._blocks, packed(np.array(self._recent[:-1]))]
            self._recent = self._recent[-1:]

    def drop_last(self) -> None:
        """Take back the last row."""
        self._recent.pop()

    def halve(self) -> None:
        """Leave out every second row, beginning with the second."""
        values = self.whole()[::2]
        self._blocks, self._recent = packed_blocks(values[:-1]), [values[-1].copy()]

    def whole(self) -> I64:
        """All rows, shape (rows, columns)."""
        recent = np.array(self._recent, np.int64).reshape(-1, self._columns)
        return np.concatenate([*(block.whole() for block in self._blocks), recent])
