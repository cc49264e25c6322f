"""How sure one can be of a difference between two settings: their spread, within recordings and between them."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]

LEVEL: Final = 0.05
"""How often something may be told of all costs where nothing differs."""


@dataclass(frozen=True)
class Assumed:
    """How much recordings of the same load are taken to vary: a standard deviation as a share of their mean, which
    counts as so many degrees of freedom."""

    share: float
    freedom: float


ALONE: Final = Assumed(0.40, 16)
"""Where no side has a second recording that shows it. As much as any load of docs/compare.md varies."""
USUAL: Final = Assumed(0.25, 8)
"""The same for what is called likely: as much as most loads vary."""
REPEATED: Final = Assumed(0.32, 4)
"""Weighed with what recordings show, so that few that happen to be alike do not look certain."""
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
    as large where nothing differs; None where a side's only recording does not tell how it is spread.

    `p_usual` is that probability if recordings vary as they usually do; None where a side shows how they vary.
    """

    before: float
    after: float
    low: float | None
    high: float | None
    p: float | None
    p_usual: float | None = None

    @property
    def difference(self) -> float:
        """After minus before."""
        return self.after - self.before


def estimate(before: Sequence[Part], after: Sequence[Part]) -> Estimate:
    """The difference of two settings' rates, from at least one recording each."""
    sides = [before, after]
    rates = [_rate(side) for side in sides]
    within = [_within(side, rate) for side, rate in zip(sides, rates, strict=True)]
    if not all(math.isfinite(each) for each in within):
        return Estimate(rates[0], rates[1], None, None, None)
    level, difference = sum(rates) / 2, rates[1] - rates[0]

    def error(spread: Assumed) -> float:
        between = (spread.share * level) ** 2
        return math.sqrt(sum(_variance(between, own, len(side)) for own, side in zip(within, sides, strict=True)))

    spread = _seen(sides) or ALONE
    reach = error(spread) * t_quantile(1 - LEVEL / 2, spread.freedom)
    low = max(difference - reach, -rates[0]) + 0.0
    p = _probability(difference, error(spread), spread.freedom)
    p_usual = _probability(difference, error(USUAL), USUAL.freedom) if spread is ALONE else None
    return Estimate(rates[0], rates[1], low, difference + reach, p, p_usual)


def _variance(between: float, within: float, recordings: int) -> float:
    """Of a side's rate. What recordings spread has what windows spread in it, unless it is assumed."""
    return max(between / recordings, within) if recordings > 1 else between + within


def _probability(difference: float, error: float, freedom: float) -> float:
    return min(1.0, max(0.0, 2 * (1 - t_cdf(abs(difference) / error, freedom)))) if error else 1.0


def _seen(sides: Sequence[Sequence[Part]]) -> Assumed | None:
    """How much recordings vary, both sides together and the assumption weighed in; None where none shows it.

    A side that has nothing in any recording shows nothing.
    """
    squares = freedom = 0.0
    for side in sides:
        rates = np.array([part.rate for part in side])
        if len(side) > 1 and rates.any():
            squares += float(((rates / rates.mean() - 1) ** 2).sum())
            freedom += len(side) - 1
    if not freedom:
        return None
    whole = REPEATED.freedom + freedom
    return Assumed(math.sqrt((REPEATED.freedom * REPEATED.share**2 + squares) / whole), whole)


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


def _within(parts: Sequence[Part], rate: float) -> float:
    """Variance of a side's rate by what its windows spread; infinite where its only recording has none.

    The largest of windows as they are, and joined by two and by four: what lasts longer than a window spreads more.
    """
    if any(part.amount is None for part in parts):
        return math.inf if len(parts) == 1 else 0.0
    return max(_bootstrap_variance(parts, rate, joined, stratum) for joined, stratum in _STRATA)


def _bootstrap_variance(parts: Sequence[Part], rate: float, joined: int, stratum: int) -> float:
    """Of the rate, where windows are drawn again within each stratum of neighbours, as often as one likes.

    A sum of independent draws, so it has a closed form: of amounts by second exactly, of other rates to first order.
    """
    whole = sum(part.by_total for part in parts)
    drawn = sum(_drawn_variance(part, rate, joined, stratum) for part in parts)
    return drawn / (whole * whole) * stratum / (stratum - 1)


def _drawn_variance(part: Part, rate: float, joined: int, stratum: int) -> float:
    """Of what one recording's windows have beyond what the rate would give them, summed."""
    assert part.amount is not None
    by = part.by if part.by is not None else np.full(len(part.amount), part.by_total / len(part.amount))
    beyond = part.amount - rate * by
    starts = np.arange(0, len(beyond), joined if len(beyond) >= _LEAST_JOINED * joined else 1)
    beyond = np.add.reduceat(beyond, starts)
    bounds = np.linspace(0, len(beyond), max(1, len(beyond) // stratum) + 1).round().astype(int)
    sums, squares = (np.add.reduceat(values, bounds[:-1]) for values in (beyond, beyond * beyond))
    return max(0.0, float((squares - sums * sums / np.diff(bounds)).sum()))


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


@lru_cache(256)
def t_quantile(share: float, freedom: float) -> float:
    """Where Student's distribution reaches a share of at least one half."""
    low, high = 0.0, 1.0
    while t_cdf(high, freedom) < share:
        high *= 2
    for _ in range(60):
        middle = (low + high) / 2
        low, high = (middle, high) if t_cdf(middle, freedom) < share else (low, middle)
    return high
