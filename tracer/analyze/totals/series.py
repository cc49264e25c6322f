"""Sampled counters over time in bounded memory."""

from __future__ import annotations

from typing import Final

import numpy as np
import numpy.typing as npt

from ...batch import Samples
from ...schema import SAMPLE_NULL
from ..curves import Quantity

I64 = npt.NDArray[np.int64]

_MOST_ROWS: Final = 4096


class SampleSeries:
    """Keeps readings; when there are too many, every second one of those between the first and the last goes."""

    def __init__(self) -> None:
        self._columns: dict[str, int] = {}
        self._rows: list[tuple[int, I64]] = []
        self._first: tuple[int, I64] | None = None
        self._last: tuple[int, I64] | None = None
        self._stride = 1
        self._seen = 0

    def add(self, samples: Samples) -> None:
        """Take readings, oldest first."""
        if not len(samples):
            return
        if new := [name for name in samples.names if name not in self._columns]:
            self._take_names(new)
        rows = np.full((len(samples), len(self._columns)), SAMPLE_NULL)
        rows[:, [self._columns[name] for name in samples.names]] = samples.values
        times_ns = samples.time_ns.tolist()
        for at, time_ns in enumerate(times_ns):
            if self._seen % self._stride == 0:
                # A copy: a view would keep all of the readings that came with it.
                self._rows.append((time_ns, rows[at].copy()))
            self._seen += 1
            if len(self._rows) > _MOST_ROWS:
                self._rows = self._rows[::2]
                self._stride *= 2
        self._first = self._first or self._rows[0]
        self._last = (times_ns[-1], rows[-1].copy())

    def _take_names(self, new: list[str]) -> None:
        """Readings from here on have other columns, too; earlier rows have none of the new ones."""
        pad = np.full(len(new), SAMPLE_NULL)
        self._rows = [(time_ns, np.concatenate((row, pad))) for time_ns, row in self._rows]
        if self._first and self._last:
            self._first = self._rows[0]
            self._last = (self._last[0], np.concatenate((self._last[1], pad)))
        self._columns |= {name: column for column, name in enumerate(new, len(self._columns))}

    def _all(self) -> list[tuple[int, I64]]:
        rows = list(self._rows)
        if self._last is not None and (not rows or rows[-1][0] != self._last[0]):
            rows.append(self._last)
        return rows

    def quantities(self, origin_ns: int) -> dict[str, Quantity]:
        """Each counter with the times at which it could be read."""
        rows = self._all()
        if not rows:
            return {}
        time_s = (np.asarray([time_ns for time_ns, _ in rows], np.int64) - origin_ns) / 1e9
        values = np.asarray([row for _, row in rows])
        quantities: dict[str, Quantity] = {}
        for name, index in self._columns.items():
            read = values[:, index] != SAMPLE_NULL
            if read.any():
                quantities[name] = Quantity(time_s[read], values[read, index].astype(np.float64))
        return quantities

    def growth(self, name: str) -> int | None:
        """How much a cumulative counter grew over the recording; None where it was not read at both ends."""
        if self._first is None or self._last is None or name not in self._columns:
            return None
        index = self._columns[name]
        first, last = int(self._first[1][index]), int(self._last[1][index])
        return None if SAMPLE_NULL in (first, last) else last - first
