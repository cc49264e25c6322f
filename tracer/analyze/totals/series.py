"""Sampled counters over time in bounded memory."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Final, NamedTuple

import numpy as np
import numpy.typing as npt

from ...batch import Samples
from ...schema import SAMPLE_NULL
from ..curves import Quantity
from .packed_rows import BLOCK_ROWS, PackedRows, packed

I64 = npt.NDArray[np.int64]
Flags = npt.NDArray[np.bool_]

_MOST_ROWS: Final = 4096


class _Readings(NamedTuple):
    """Rows that no longer change: times of shape (rows,), values of as many rows, and which counters were read in any
    of them."""

    time_ns: I64
    values: PackedRows
    read: Flags

    def padded(self, columns: int) -> _Readings:
        """The same with so many counters, of which it has not read the new ones."""
        return _readings(self.time_ns, self.values.padded(columns, SAMPLE_NULL))


def _readings(time_ns: I64, values: PackedRows) -> _Readings:
    return _Readings(time_ns, values, values.ever_other_than(SAMPLE_NULL))


class SampledCurves(Mapping[str, Quantity]):
    """Each counter that was read, with the times at which it could be; a curve is made when it is asked for.

    A view looks ten times a second at a few of some seventy counters: all of them in 4,096 rows are 2 MiB.
    """

    def __init__(self, blocks: list[_Readings], columns: Mapping[str, int], origin_ns: int) -> None:
        self._blocks = blocks
        self._origin_ns = origin_ns
        self._made: dict[str, Quantity] = {}
        read = np.logical_or.reduce([block.read for block in blocks]) if blocks else np.empty(0, np.bool_)
        self._columns = {name: column for name, column in columns.items() if read[column]} if blocks else {}

    def __getitem__(self, name: str) -> Quantity:
        if name not in self._made:
            self._made[name] = self._curve(self._columns[name])
        return self._made[name]

    def _curve(self, column: int) -> Quantity:
        values = np.concatenate([block.values.column(column) for block in self._blocks])
        time_ns = np.concatenate([block.time_ns for block in self._blocks])
        read = values != SAMPLE_NULL
        return Quantity((time_ns[read] - self._origin_ns) / 1e9, values[read].astype(np.float64))

    def __iter__(self) -> Iterator[str]:
        return iter(self._columns)

    def __len__(self) -> int:
        return len(self._columns)

    def __contains__(self, name: object) -> bool:
        return name in self._columns


class SampleSeries:
    """Keeps readings; when there are too many, every second one of those between the first and the last goes."""

    def __init__(self) -> None:
        self._columns: dict[str, int] = {}
        self._blocks: list[_Readings] = []
        self._rows: list[tuple[int, I64]] = []
        self._first: tuple[int, I64] | None = None
        self._last: tuple[int, I64] | None = None
        self._stride = 1
        self._seen = self._kept = 0

    def add(self, samples: Samples) -> None:
        """Take readings, oldest first."""
        if not len(samples):
            return
        if new := [name for name in samples.names if name not in self._columns]:
            self._take_names(new)
        rows = np.full((len(samples), len(self._columns)), SAMPLE_NULL)
        rows[:, [self._columns[name] for name in samples.names]] = samples.values
        times_ns = samples.time_ns.tolist()
        self._first = self._first or (times_ns[0], rows[0].copy())
        self._last = (times_ns[-1], rows[-1].copy())
        for time_ns, row in zip(times_ns, rows, strict=True):
            if self._seen % self._stride == 0:
                self._keep(time_ns, row)
            self._seen += 1

    def _keep(self, time_ns: int, row: I64) -> None:
        # A copy: a view would keep all of the readings that came with it.
        self._rows.append((time_ns, row.copy()))
        self._kept += 1
        if self._kept > _MOST_ROWS:
            self._halve()
        elif len(self._rows) >= BLOCK_ROWS:
            self._blocks, self._rows = self._all_blocks(), []

    def _halve(self) -> None:
        blocks = self._all_blocks()
        time_ns = np.concatenate([block.time_ns for block in blocks])[::2]
        values = np.concatenate([block.values.whole() for block in blocks])[::2]
        pieces = [slice(first, first + BLOCK_ROWS) for first in range(0, len(time_ns), BLOCK_ROWS)]
        self._blocks, self._rows = [_readings(time_ns[piece].copy(), packed(values[piece])) for piece in pieces], []
        self._kept = len(time_ns)
        self._stride *= 2

    def _take_names(self, new: list[str]) -> None:
        """Readings from here on have other columns, too; earlier rows have none of the new ones."""
        pad = np.full(len(new), SAMPLE_NULL)
        self._columns |= {name: column for column, name in enumerate(new, len(self._columns))}
        self._blocks = [block.padded(len(self._columns)) for block in self._blocks]
        self._rows = [(time_ns, np.concatenate((row, pad))) for time_ns, row in self._rows]
        if self._first and self._last:
            self._first, self._last = (
                (time_ns, np.concatenate((row, pad))) for time_ns, row in (self._first, self._last)
            )

    def _all_blocks(self) -> list[_Readings]:
        return [*self._blocks, *([_joined(self._rows)] if self._rows else [])]

    def quantities(self, origin_ns: int) -> Mapping[str, Quantity]:
        """Each counter with the times at which it could be read."""
        blocks = self._all_blocks()
        if self._last is not None and blocks[-1].time_ns[-1] != self._last[0]:
            blocks.append(_joined([self._last]))
        return SampledCurves(blocks, self._columns, origin_ns)

    def growth(self, name: str) -> int | None:
        """How much a cumulative counter grew over the recording; None where it was not read at both ends."""
        if self._first is None or self._last is None or name not in self._columns:
            return None
        index = self._columns[name]
        first, last = int(self._first[1][index]), int(self._last[1][index])
        return None if SAMPLE_NULL in (first, last) else last - first


def _joined(rows: list[tuple[int, I64]]) -> _Readings:
    times_ns, values = zip(*rows, strict=True)
    return _readings(np.array(times_ns, np.int64), packed(np.array(values)))
