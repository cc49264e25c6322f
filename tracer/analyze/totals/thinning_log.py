"""What happened when, row by row while there are few rows; where there are more, neighbours in time become one."""

from __future__ import annotations

from typing import Final

import numpy as np
import numpy.typing as npt

from ..curves import Occurrences

I64 = npt.NDArray[np.int64]

_FIRST_SHIFT: Final = 14
"""Rows are first joined in stretches of 2**14 ns (16 µs)."""
_MANY_PARTS: Final = 64
_BEGIN, _END, _AMOUNT, _COUNT, _KIND = range(5)


class ThinningLog:
    """Keeps rows of some kinds; when there are too many, those of a kind that end in the same stretch of time are one.

    The stretch doubles until few enough are left: the least that will do, whatever the order in which rows come.
    """

    def __init__(self, most: int) -> None:
        self._most = most
        self._parts: list[I64] = []
        self._rows = 0
        self._shift = 0
        self._kinds: dict[str, int] = {}

    def add(self, kind: str, begin_ns: I64, end_ns: I64, amount: I64) -> None:
        """Take rows of a kind; `amount` is added up where rows are joined."""
        if not len(begin_ns):
            return
        number = np.full(len(begin_ns), self._kinds.setdefault(kind, len(self._kinds)))
        rows = np.stack((begin_ns, end_ns, amount, np.ones(len(begin_ns), np.int64), number))
        self._parts.append(_joined(rows, self._shift) if self._shift else rows)
        self._rows += self._parts[-1].shape[1]
        if self._rows > self._most + self._most // 4:
            self._fit()
        elif len(self._parts) > _MANY_PARTS:
            self._parts = [np.concatenate(self._parts, axis=1)]

    def _fit(self) -> None:
        rows = np.concatenate(self._parts, axis=1)
        if self._shift:
            rows = _joined(rows, self._shift)
        while rows.shape[1] > self._most:
            self._shift = self._shift + 1 if self._shift else _FIRST_SHIFT
            rows = _joined(rows, self._shift)
        self._parts, self._rows = [rows], rows.shape[1]

    def occurrences(self, origin_ns: int) -> dict[str, Occurrences]:
        """All of each kind, in order of begin."""
        if not self._parts:
            return {}
        self._fit()
        rows = self._parts[0]
        rows = rows[:, np.lexsort((rows[_AMOUNT], rows[_END], rows[_BEGIN]))]
        return {name: _of_kind(rows, self._kinds[name], origin_ns) for name in sorted(self._kinds)}


def _of_kind(rows: I64, number: int, origin_ns: int) -> Occurrences:
    begin, end, amount, count, _ = rows[:, rows[_KIND] == number]
    return Occurrences((begin - origin_ns) / 1e9, (end - origin_ns) / 1e9, amount.astype(np.float64), count)


def _joined(rows: I64, shift: int) -> I64:
    stretch, kind = rows[_END] >> shift, rows[_KIND]
    order = np.lexsort((kind, stretch))
    stretch, kind = stretch[order], kind[order]
    starts = np.append(0, np.flatnonzero((np.diff(stretch) != 0) | (np.diff(kind) != 0)) + 1)
    rows = rows[:, order]
    return np.stack(
        (
            np.minimum.reduceat(rows[_BEGIN], starts),
            np.maximum.reduceat(rows[_END], starts),
            np.add.reduceat(rows[_AMOUNT], starts),
            np.add.reduceat(rows[_COUNT], starts),
            kind[starts],
        )
    )
