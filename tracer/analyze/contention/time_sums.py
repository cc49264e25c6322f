"""How much time intervals cover up to any moment; what is older than anybody asks for is folded into one number."""

from __future__ import annotations

from typing import Final

import numpy as np
import numpy.typing as npt

from ..stream.growing import Growing
from ..stream.intervals import covered_until, merge, overlapping_until

I64 = npt.NDArray[np.int64]

NEVER: Final = -1
FOREVER_NS: Final = np.iinfo(np.int64).max


class Union:
    """How much time a union of intervals covers; adding an interval in pieces is the same as adding it whole."""

    def __init__(self) -> None:
        self._rows = Growing()
        self._merged_rows = 0
        self._folded_ns = 0
        self._folded_end_ns = NEVER

    def __len__(self) -> int:
        return len(self._rows)

    def add(self, begin_ns: I64, end_ns: I64) -> None:
        """Take intervals."""
        self._rows.add(*merge(begin_ns, end_ns))

    def intervals(self) -> tuple[I64, I64]:
        """What is kept, disjoint and ascending."""
        if len(self._rows) != self._merged_rows:
            self._replace(*merge(*self._rows.columns()))
        return self._rows.columns()

    def _replace(self, begin_ns: I64, end_ns: I64) -> None:
        self._rows.replace(begin_ns, end_ns)
        self._merged_rows = len(begin_ns)

    def until(self, time_ns: I64) -> I64:
        """How long it was up to each time."""
        return self._folded_ns + covered_until(time_ns, *self.intervals())

    def last(self, time_ns: I64) -> I64:
        """The last covered moment no later than each time."""
        begin, end = self.intervals()
        if not len(begin):
            return np.full(len(time_ns), self._folded_end_ns)
        index = np.searchsorted(begin, time_ns, side="right") - 1
        return np.where(index >= 0, np.minimum(end[np.maximum(index, 0)], time_ns), self._folded_end_ns)

    def first(self, time_ns: I64) -> I64:
        """The first covered moment no earlier than each time, FOREVER_NS where none is known."""
        begin, end = self.intervals()
        index = np.searchsorted(end, time_ns, side="right")
        first: I64 = np.maximum(np.append(begin, FOREVER_NS)[index], time_ns)
        return first

    def fold(self, until_ns: int) -> None:
        """Nobody asks for an earlier time any more."""
        begin, end = self.intervals()
        past = begin < until_ns
        if past.any():
            self._folded_end_ns = int(min(end[past][-1], until_ns))
            self._folded_ns += int((np.minimum(end[past], until_ns) - begin[past]).sum())
        rest = end > until_ns
        self._replace(np.maximum(begin[rest], until_ns), end[rest])


class Waited:
    """How long was waited, each of intervals that may overlap counted in full."""

    def __init__(self) -> None:
        self._rows = Growing()
        self._folded_ns = 0

    def __len__(self) -> int:
        return len(self._rows)

    def add(self, begin_ns: I64, end_ns: I64) -> None:
        """Take intervals."""
        self._rows.add(begin_ns, end_ns)

    def until(self, time_ns: I64) -> I64:
        """How long it was up to each time."""
        return self._folded_ns + overlapping_until(time_ns, *self._rows.columns())

    def fold(self, until_ns: int) -> None:
        """Nobody asks for an earlier time any more."""
        begin, end = self._rows.columns()
        past = begin < until_ns
        self._folded_ns += int((np.minimum(end[past], until_ns) - begin[past]).sum())
        rest = end > until_ns
        self._rows.replace(np.maximum(begin[rest], until_ns), end[rest])


class Sums:
    """What rows add up to; each counts from its time on."""

    def __init__(self) -> None:
        self._rows = Growing()
        self._folded = 0

    def add(self, time_ns: I64, value: I64) -> None:
        """Append rows."""
        self._rows.add(time_ns, value)

    def until(self, time_ns: I64) -> I64:
        """The sum at each time, rows of that very moment included."""
        at, value = self._rows.columns()
        order = np.argsort(at, kind="stable")
        added = np.concatenate(([0], np.cumsum(value[order])))
        sums: I64 = self._folded + added[np.searchsorted(at[order], time_ns, side="right")]
        return sums

    def fold(self, until_ns: int) -> None:
        """Nobody asks for an earlier time any more."""
        at, value = self._rows.columns()
        past = at <= until_ns
        self._folded += int(value[past].sum())
        self._rows.replace(at[~past], value[~past])
