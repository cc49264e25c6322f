"""How things went, for sparklines: all that was recorded in at most 240 points, and the last minute."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from math import floor
from typing import Final

import numpy as np
import numpy.typing as npt

from ..analyze.balloon.size import sampled_size
from ..analyze.curves import Quantity
from ..analyze.model import Analysis
from ..analyze.sizes import MIB
from ..analyze.terms import Cause, Tier
from ..metadata import Metadata
from .looks import AVAILABLE, DIRECT_KINDS, PSI_SOME, REFAULTS, SHOWN_BY, Look, Reading, is_told, refaults
from .model import History

F64 = npt.NDArray[np.float64]
Points = Sequence[float | None]

MOST_POINTS: Final = 240
RECENT_S: Final = 60.0
RECENT_STEP_S: Final = 0.5
_LEAST_STEP_S: Final = 0.25
"""Counters are read that often."""
_TIERS: Final = (Tier.PROACTIVE, Tier.BACKGROUND, Tier.DIRECT)
"""Those that take pages off the LRU lists."""
_SOURCES: Final = ("file", "anon", "lru")
_US: Final = 1e-6


def whole_history(analysis: Analysis, metadata: Metadata) -> History:
    """Everything from time zero on, in steps that double as it gets longer."""
    samples, page_bytes, sums = analysis.samples, metadata.page_size_bytes, _Sums(analysis)
    step_s = sums.bucket_s
    while step_s < _LEAST_STEP_S or analysis.duration_s > step_s * MOST_POINTS:
        step_s *= 2
    edges = _edges(0.0, analysis.duration_s, step_s)
    size = sampled_size(analysis, page_bytes)
    counter = next((samples[name] for name in REFAULTS if name in samples), None)
    waited = sums.of("direct.busy_s") if is_told(analysis, metadata, DIRECT_KINDS) else None
    is_in, is_out = analysis.balloon.inflated_pages is not None, analysis.balloon.out_pages is not None
    leaked = sums.of(*(f"balloon.leaked_pages.{cause.value}" for cause in Cause))
    series = {
        "available_bytes": _level(samples.get(AVAILABLE), edges),
        "balloon_bytes": _level(None if size is None else Quantity(size.time_s, size.mib * MIB), edges),
        "refault_bytes_per_s": _rate(counter, edges, page_bytes),
        "psi_some": _rate(samples.get(PSI_SOME), edges, _US),
        "waiting_share": _rate(waited, edges),
        "inflated_bytes_per_s": _rate(sums.of("balloon.inflated_pages") if is_in else None, edges, page_bytes),
        "leaked_bytes_per_s": _rate(leaked if is_out else None, edges, page_bytes),
    }
    for tier in _TIERS:
        pages = sums.of(*(f"{tier.label}.{source}_pages" for source in _SOURCES))
        told = pages if _counts_pages(analysis, metadata, tier) else None
        series[f"{tier.label}.bytes_per_s"] = _rate(told, edges, page_bytes)
    return History(step_s, series)


def recent_history(looks: Sequence[Look], page_bytes: int) -> History:
    """The last minute, from looks at it, the oldest first."""
    now_s = looks[-1].time_s
    from_s = max(looks[0].time_s, now_s - RECENT_S)
    edges = _edges(floor(from_s / RECENT_STEP_S) * RECENT_STEP_S, now_s, RECENT_STEP_S)

    def total(of: Callable[[Look], float | None]) -> Quantity | None:
        return _quantity((look.time_s, of(look)) for look in looks)

    def read(of: Callable[[Look], Reading | None]) -> Quantity | None:
        return _quantity(reading for look in looks if (reading := of(look)) is not None)

    series = {
        "available_bytes": _level(read(lambda look: look.available), edges),
        "balloon_bytes": _level(total(lambda look: look.balloon_bytes), edges),
        "refault_bytes_per_s": _rate(read(refaults), edges, page_bytes),
        "psi_some": _rate(read(lambda look: look.readings.get(PSI_SOME)), edges, _US),
        "waiting_share": _rate(total(lambda look: look.stalled_s), edges),
        "inflated_bytes_per_s": _rate(total(lambda look: look.moved.inflated), edges, page_bytes),
        "leaked_bytes_per_s": _rate(total(lambda look: look.moved.out), edges, page_bytes),
    }
    for tier in _TIERS:
        pages = _quantity((look.time_s, look.off_lru(tier)) for look in looks)
        series[f"{tier.label}.bytes_per_s"] = _rate(pages, edges, page_bytes)
    return History(RECENT_STEP_S, series)


class _Sums:
    """The timeline's series as sums that only grow, known at the edges of its buckets."""

    def __init__(self, analysis: Analysis) -> None:
        self._series = analysis.timeline.series
        self._end_s = analysis.duration_s
        self.bucket_s = analysis.timeline.bucket_s

    def of(self, *names: str) -> Quantity:
        """Several series together; nothing was there of those that are not."""
        known = [self._series[name] for name in names if name in self._series]
        if not known:
            return Quantity(np.array([0.0, self._end_s]), np.zeros(2))
        sums = np.append(0.0, np.cumsum(np.sum(known, axis=0)))
        # The last bucket has not come to its end.
        return Quantity(np.minimum(np.arange(len(sums)) * self.bucket_s, self._end_s), sums)


def _counts_pages(analysis: Analysis, metadata: Metadata, tier: Tier) -> bool:
    row = next((row for row in analysis.tiers if row.tier is tier), None)
    if row is None:
        return tier is Tier.PROACTIVE or is_told(analysis, metadata, SHOWN_BY[tier])
    return row.off_lru_pages is not None


def _edges(from_s: float, until_s: float, step_s: float) -> F64:
    """Where points begin and end; the last one goes on to the end, which is less than half a step further or before."""
    steps = round((until_s - from_s) / step_s)
    edges: F64 = np.asarray(from_s + np.arange(steps + 1) * step_s, np.float64)
    if steps:
        edges[-1] = until_s
    return edges


def _quantity(readings: Iterable[tuple[float, float | None]]) -> Quantity | None:
    known = [(time_s, value) for time_s, value in readings if value is not None]
    if not known:
        return None
    time_s, values = np.array(known, np.float64).T
    return Quantity(time_s, values)


def _level(quantity: Quantity | None, edges: F64) -> Points:
    """What was read last in each step, or before it."""
    steps = len(edges) - 1
    if quantity is None or not len(quantity.values):
        return [None] * steps
    at = np.searchsorted(quantity.time_s, edges[1:], side="right") - 1
    return [None if one < 0 else float(quantity.values[one]) for one in at.tolist()]


def _rate(quantity: Quantity | None, edges: F64, scale: float = 1.0) -> Points:
    """What a sum grew by a second in each step, as far as it is known then."""
    if quantity is None or len(quantity.values) < 2:
        return [None] * (len(edges) - 1)
    within = np.clip(edges, quantity.time_s[0], quantity.time_s[-1])
    length_s, more = np.diff(within), np.diff(np.interp(within, quantity.time_s, quantity.values))
    pairs = zip(length_s.tolist(), more.tolist(), strict=True)
    return [None if span_s <= 0 else max(grown, 0.0) * scale / span_s for span_s, grown in pairs]
