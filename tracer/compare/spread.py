"""How sure one can be of a difference between two settings: their spread, within recordings and between them."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Final

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]

RESAMPLES: Final = 2000
SEED: Final = 20_240_229
RUN_SPREAD: Final = 0.25
"""Standard deviation between recordings of the same load, as a share of their mean, that is assumed before any was
seen: docs/compare.md says what was measured."""
RUN_SPREAD_WORTH: Final = 4
"""The assumption counts as much as this many recordings beyond the first; each that is there counts as one. It only
makes a spread larger that is seen to be small: a larger one is taken as it is."""
LEVEL: Final = 0.05
"""How often something may be told of all costs where nothing differs."""
_STRATA: Final = ((1, 4), (2, 4), (4, 2))
"""How many windows are joined to one, and how many of these neighbours may stand for each other: phases of a load stay
where they are."""
_LEAST_JOINED: Final = 8
"""Windows are joined only where so many are left."""


@dataclass(frozen=True)
class Part:
    """One recording's share in a rate: the amount and what it is counted by (seconds, bytes), by window.

    `amount` and `by` have the shape (windows,), None where only the totals are known.
    """

    total: float
    by_total: float
    amount: Floats | None = None
    by: Floats | None = None

    @property
    def rate(self) -> float:
        """Amount by what it is counted by."""
        return self.total / self.by_total


@dataclass(frozen=True)
class Estimate:
    """A difference of two rates, neither negative: after minus before, its interval (95 %), and the probability of one
    as large where nothing differs; None where a side's only recording does not tell how it is spread."""

    before: float
    after: float
    low: float | None
    high: float | None
    p: float | None

    @property
    def difference(self) -> float:
        """After minus before."""
        return self.after - self.before


def estimate(before: Sequence[Part], after: Sequence[Part], seed: int = SEED) -> Estimate:
    """The difference of two settings' rates, from at least one recording each."""
    sides = [before, after]
    rates = [_rate(side) for side in sides]
    rng = np.random.default_rng(seed)
    within = [_within(side, rng) for side in sides]
    if not all(math.isfinite(each) for each in within):
        return Estimate(rates[0], rates[1], None, None, None)
    assumed = (RUN_SPREAD * (abs(rates[0]) + abs(rates[1])) / 2) ** 2
    spreads = [_between(side, assumed) for side in sides]
    variances = [
        max(between / len(side), within_one if len(side) > 1 else between + within_one)
        for side, (between, _), within_one in zip(sides, spreads, within, strict=True)
    ]
    error = math.sqrt(sum(variances))
    if not error:
        return Estimate(rates[0], rates[1], 0.0, 0.0, 1.0)
    freedom = _freedom(variances, [each for _, each in spreads])
    difference = rates[1] - rates[0]
    reach = error * t_quantile(1 - LEVEL / 2, freedom)
    p = 2 * (1 - t_cdf(abs(difference) / error, freedom))
    low = max(difference - reach, -rates[0]) + 0.0
    return Estimate(rates[0], rates[1], low, difference + reach, min(1.0, max(0.0, p)))


def told(probabilities: Sequence[float | None], level: float = LEVEL) -> list[bool]:
    """Which of several differences can be told, all of them together wrong at most so often (Holm's method)."""
    order = sorted((p, at) for at, p in enumerate(probabilities) if p is not None)
    result = [False] * len(probabilities)
    for rank, (p, at) in enumerate(order):
        if p > level / (len(order) - rank):
            break
        result[at] = True
    return result


def _rate(parts: Sequence[Part]) -> float:
    return sum(part.total for part in parts) / sum(part.by_total for part in parts)


def _within(parts: Sequence[Part], rng: np.random.Generator) -> float:
    """Variance of a side's rate by what its windows spread; infinite where its only recording has none.

    The largest of windows as they are, and joined by two and by four: what lasts longer than a window spreads more.
    """
    if any(part.amount is None for part in parts):
        return math.inf if len(parts) == 1 else 0.0
    return max(_resampled_variance(parts, joined, stratum, rng) for joined, stratum in _STRATA)


def _resampled_variance(parts: Sequence[Part], joined: int, stratum: int, rng: np.random.Generator) -> float:
    sums = np.sum([_resampled(part, joined, stratum, rng) for part in parts], axis=0)
    return float((sums[0] / np.maximum(sums[1], 1e-12)).var()) * stratum / (stratum - 1)


def _resampled(part: Part, joined: int, stratum: int, rng: np.random.Generator) -> Floats:
    """Sums of amounts and of what they are counted by, of windows drawn again within each stratum of neighbours.

    Shape (2, RESAMPLES).
    """
    assert part.amount is not None
    by = part.by if part.by is not None else np.full(len(part.amount), part.by_total / len(part.amount))
    starts = np.arange(0, len(by), joined if len(by) >= _LEAST_JOINED * joined else 1)
    amount, by = np.add.reduceat(part.amount, starts), np.add.reduceat(by, starts)
    bounds = np.linspace(0, len(by), max(1, len(by) // stratum) + 1).round().astype(int)
    sums: Floats = np.zeros((2, RESAMPLES))
    for first, stop in pairwise(bounds.tolist()):
        drawn = rng.integers(first, stop, (RESAMPLES, stop - first))
        sums += np.stack((amount[drawn].sum(axis=1), by[drawn].sum(axis=1)))
    return sums


def _between(parts: Sequence[Part], assumed: float) -> tuple[float, float]:
    """Variance between a side's recordings, the assumed one and the seen one weighed, and its degrees of freedom."""
    rates = np.array([part.rate for part in parts])
    more = len(parts) - 1
    seen = float(rates.var(ddof=1)) if more else 0.0
    if seen > assumed:
        return seen, more + 1
    return (RUN_SPREAD_WORTH * assumed + more * seen) / (RUN_SPREAD_WORTH + more), RUN_SPREAD_WORTH + more


def _freedom(variances: Sequence[float], each: Sequence[float]) -> float:
    """Welch's and Satterthwaite's."""
    total = sum(variances)
    return total**2 / sum(variance**2 / own for variance, own in zip(variances, each, strict=True))


def t_cdf(value: float, freedom: float) -> float:
    """Student's distribution for so many degrees of freedom, those between whole numbers in proportion."""
    low = max(1, math.floor(freedom))
    share = min(1.0, max(0.0, freedom - low))
    return (1 - share) * _t_cdf_whole(value, low) + share * _t_cdf_whole(value, low + 1)


def _t_cdf_whole(value: float, freedom: int) -> float:
    """Abramowitz and Stegun, 26.7.3 and 26.7.4."""
    theta = math.atan(value / math.sqrt(freedom))
    cosine = math.cos(theta)
    odd = freedom % 2
    term, total = (cosine if odd else 1.0), 0.0
    for step in range(1 if odd else 0, freedom - 1, 2):
        total += term
        term *= cosine * cosine * (step + 1) / (step + 2)
    inner = 2 / math.pi * (theta + math.sin(theta) * total) if odd else math.sin(theta) * total
    return 0.5 + inner / 2


def t_quantile(share: float, freedom: float) -> float:
    """Where Student's distribution reaches a share of at least one half."""
    low, high = 0.0, 1.0
    while t_cdf(high, freedom) < share:
        high *= 2
    for _ in range(60):
        middle = (low + high) / 2
        low, high = (middle, high) if t_cdf(middle, freedom) < share else (low, middle)
    return high
