"""Guests that are far from those with the same kernel, by median and median deviation, which a few cannot move."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from .guests import Guest

LEAST_GUESTS: Final = 8
"""Fewer have no usual."""
LEAST_SCORE: Final = 3.5
"""Of the modified z-score (Iglewicz and Hoaglin, How to Detect and Handle Outliers, 1993)."""
_TO_SIGMA: Final = 0.6745
_RESOLUTION: Final = {"kills": 1.0, "stall": 1.0, "refault": float(64 << 20), "waste": float(64 << 20)}
"""By hour: what matters little. Rates are looked at as logarithms beyond it."""
_LEAST_SPREAD: Final = 0.1
"""Guests that are all alike make none an outlier that is a tenth off."""


@dataclass(frozen=True)
class Outlier:
    """A guest's rate by hour, what is usual among its like, and how far it is off (modified z-score)."""

    guest: Guest
    measure: str
    rate: float
    usual: float
    among: int
    score: float


def outliers(guests: Sequence[Guest]) -> list[Outlier]:
    """All that are above what is usual, the farthest first."""
    by_like: dict[str, list[Guest]] = {}
    for guest in guests:
        by_like.setdefault(guest.recordings[0].facts["kernel_release"] or "", []).append(guest)
    found = [each for alike in by_like.values() for measure in _RESOLUTION for each in _of(measure, alike)]
    return sorted(found, key=lambda each: (-each.score, each.guest.name, each.measure))


def _of(measure: str, alike: Sequence[Guest]) -> list[Outlier]:
    known = [(guest, value) for guest in alike if (value := guest.rates[measure].value) is not None]
    if len(known) < LEAST_GUESTS:
        return []
    rates = np.array([value for _, value in known])
    logs = np.log1p(rates / _RESOLUTION[measure])
    middle = float(np.median(logs))
    spread = max(float(np.median(np.abs(logs - middle))), _LEAST_SPREAD)
    scores = _TO_SIGMA * (logs - middle) / spread
    usual = float(np.median(rates))
    return [
        Outlier(guest, measure, value, usual, len(known), float(score))
        for (guest, value), score in zip(known, scores.tolist(), strict=True)
        if score > LEAST_SCORE
    ]
