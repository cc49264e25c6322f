"""A recording minute by minute: what happened in each, from the analysis's curves and readings."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from ..analyze.balloon.size import sampled_size
from ..analyze.model import Analysis
from ..analyze.sizes import MIB
from ..analyze.terms import Tier
from ..gates.measures import REFAULTS, unseen_why
from ..recording_facts import RecordingFacts

MINUTE_S: Final = 60.0
_MOST: Final = 31 * 24 * 60
"""A month; what a stranger's recording says of its length may be anything."""
_AVAILABLE: Final = "meminfo.MemAvailable_bytes"
_LRU: Final = ("file", "anon", "lru")

Floats = npt.NDArray[np.float64]


def minute_rows(analysis: Analysis, facts: RecordingFacts) -> list[Mapping[str, Any]]:
    """Rows of MINUTES, none for a recording without a length."""
    edges = _edges(analysis.duration_s)
    count = len(edges) - 1
    columns: dict[str, Iterable[Any]] = {
        "minute": range(count),
        "seconds": np.diff(edges).tolist(),
        "available_lowest_bytes": _lowest(analysis, edges),
        "balloon_bytes": _balloon(analysis, facts, edges),
        **_moved(analysis, edges),
        "background_pages": _reclaimed(analysis, facts, Tier.BACKGROUND, edges),
        "direct_pages": _reclaimed(analysis, facts, Tier.DIRECT, edges),
        "stall_s": _traced("stall", ("direct.stall_s",), analysis, facts, edges),
        "refault_pages": _refaults(analysis, edges),
        "kills": _traced("kills", ("oom.kills",), analysis, facts, edges),
    }
    return [dict(zip(columns, row, strict=True)) for row in zip(*columns.values(), strict=True)]


def _edges(duration_s: float) -> Floats:
    count = min(max(int(np.ceil(duration_s / MINUTE_S)), 0), _MOST)
    edges: Floats = np.minimum(np.arange(count + 1) * MINUTE_S, duration_s)
    return edges


def _none(edges: Floats) -> list[None]:
    return [None] * (len(edges) - 1)


def _sums(analysis: Analysis, names: Iterable[str], edges: Floats) -> list[float]:
    """What series of the timeline come to in each minute; a bucket's amount goes by the time it shares with it."""
    timeline = analysis.timeline
    series = [timeline.series[name] for name in names if name in timeline.series]
    if not series:
        return [0.0] * (len(edges) - 1)
    amounts: Floats = np.sum(series, axis=0)
    ends = np.arange(len(amounts) + 1) * timeline.bucket_s
    summed = np.concatenate(([0.0], np.cumsum(amounts)))
    at = np.interp(edges, ends, summed)
    if len(at):
        at[-1] = summed[-1]
    return np.diff(at).tolist()  # type: ignore[no-any-return]


def _traced(
    measure: str, names: tuple[str, ...], analysis: Analysis, facts: RecordingFacts, edges: Floats
) -> list[Any]:
    values = _sums(analysis, names, edges)
    return _none(edges) if unseen_why(measure, analysis, facts) and not any(values) else values


def _moved(analysis: Analysis, edges: Floats) -> dict[str, list[Any]]:
    balloon, series = analysis.balloon, analysis.timeline.series
    leaked = [name for name in series if name.startswith("balloon.leaked_pages.")]
    known = balloon.inflated_pages is not None, balloon.out_pages is not None
    return {
        "balloon_in_pages": _sums(analysis, ("balloon.inflated_pages",), edges) if known[0] else _none(edges),
        "balloon_out_pages": _sums(analysis, leaked, edges) if known[1] else _none(edges),
    }


def _reclaimed(analysis: Analysis, facts: RecordingFacts, tier: Tier, edges: Floats) -> list[Any]:
    row = next((row for row in analysis.tiers if row.tier is tier), None)
    if unseen_why("stall", analysis, facts) if row is None else row.off_lru_pages is None:
        return _none(edges)
    return _sums(analysis, [f"{tier.label}.{source}_pages" for source in _LRU], edges)


def _lowest(analysis: Analysis, edges: Floats) -> list[Any]:
    read = analysis.samples.get(_AVAILABLE)
    if read is None:
        return _none(edges)
    minute = _minute_of(read.time_s, edges)
    lowest = np.full(len(edges) - 1, np.inf)
    np.minimum.at(lowest, minute, read.values)
    return [None if np.isinf(value) else value for value in lowest.tolist()]


def _balloon(analysis: Analysis, facts: RecordingFacts, edges: Floats) -> list[Any]:
    size = sampled_size(analysis, facts.metadata.page_size_bytes)
    if size is None:
        return _none(edges)
    minute = _minute_of(size.time_s, edges)
    count = np.bincount(minute, minlength=len(edges) - 1)
    held = np.bincount(minute, weights=size.mib * MIB, minlength=len(edges) - 1)
    return [
        total / readings if readings else None for total, readings in zip(held.tolist(), count.tolist(), strict=True)
    ]


def _refaults(analysis: Analysis, edges: Floats) -> list[Any]:
    read = next((analysis.samples[name] for name in REFAULTS if name in analysis.samples), None)
    if read is None or len(read.values) < 2:
        return _none(edges)
    return np.diff(np.interp(edges, read.time_s, read.values)).tolist()  # type: ignore[no-any-return]


def _minute_of(time_s: Floats, edges: Floats) -> npt.NDArray[np.int64]:
    if len(edges) < 2:
        return np.zeros(0, np.int64)
    index: npt.NDArray[np.int64] = np.clip((time_s // MINUTE_S).astype(np.int64), 0, len(edges) - 2)
    return index
