"""How long all tasks' waits were, by rung."""

from __future__ import annotations

from typing import Final

import numpy as np
import numpy.typing as npt

from ..stream.attribution import RUNGS, scope_of_rung, tier_of_rung
from ..stream.cells import Cells
from ..wait_lengths import STEPS_A_DOUBLING, WaitHistogram

I64 = npt.NDArray[np.int64]

_BOUNDS: Final = np.exp2(np.arange(-STEPS_A_DOUBLING, 0) / STEPS_A_DOUBLING)
"""Upper bounds from a half to 1, which is the next doubling's first."""
_LEAST: Final = -40 * STEPS_A_DOUBLING
"""An index below that of a nanosecond."""
_INDEXES: Final = 80 * STEPS_A_DOUBLING


class WaitHistograms:
    """Counts waits; memory is bounded by the number of lengths that can be told apart."""

    def __init__(self) -> None:
        self._rungs: dict[int, WaitHistogram] = {}

    def add(self, rung: I64, waited_ns: I64) -> None:
        """Take waits, as columns."""
        for key, count, total_ns in _by_key(rung, waited_ns):
            histogram = self._of(key)
            histogram.waits += count
            histogram.waited_ns += total_ns
        zero = waited_ns <= 0
        for key, count, _ in _by_key(rung[zero], waited_ns[zero]):
            self._of(key).zeros += count
        index = indexes(waited_ns[~zero]) - _LEAST
        for key, count, _ in _by_key(rung[~zero] * _INDEXES + index, waited_ns[~zero]):
            lengths, at = self._of(key // _INDEXES).lengths, key % _INDEXES + _LEAST
            lengths[at] = lengths.get(at, 0) + count

    def told(self) -> list[WaitHistogram]:
        """One for each rung in which somebody waited."""
        return [
            WaitHistogram(one.tier, one.scope, one.waits, one.waited_ns, one.zeros, dict(sorted(one.lengths.items())))
            for _, one in sorted(self._rungs.items())
        ]

    def _of(self, rung: int) -> WaitHistogram:
        assert 0 <= rung < RUNGS
        return self._rungs.setdefault(rung, WaitHistogram(tier_of_rung(rung), scope_of_rung(rung)))


def indexes(waited_ns: I64) -> I64:
    """The index of each length above 0, as `WaitHistogram.lengths` has it."""
    fraction, exponent = np.frexp(waited_ns / 1e9)
    found: I64 = np.searchsorted(_BOUNDS, fraction, side="left") + (exponent - 1) * STEPS_A_DOUBLING
    return found


def _by_key(key: I64, waited_ns: I64) -> list[tuple[int, int, int]]:
    """Keys with how many waits each has, and their sum in ns."""
    if not len(key):
        return []
    cells = Cells(key)
    return [*zip(cells.keys.tolist(), cells.count().tolist(), cells.sums(waited_ns).tolist(), strict=True)]
