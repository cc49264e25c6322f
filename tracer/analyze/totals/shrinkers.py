"""What each shrinker costs and gives."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import pairwise
from typing import ClassVar, Final

import numpy as np
import numpy.typing as npt

from ..model import ShrinkerStat, efficiency
from ..stream.grouping import grouped
from ..stream.stretch import SlabRows, Stretch

I64 = npt.NDArray[np.int64]

_STEPS: Final = 32
"""Buckets of the duration histogram in each power of two: a quantile is at most 1/32 too high."""
_NODE_SPREAD: Final = 40_503
_START: Final = "shrink_slab_start"
_END: Final = "shrink_slab_end"


class DurationHistogram:
    """Durations in buckets of at most 3 % width, from the shortest one's to the longest one's: 16 KiB at most."""

    written_columns: ClassVar = ("_counts",)

    def __init__(self) -> None:
        self._first = 0
        self._counts = np.zeros(0, np.int64)
        self.max_ns = 0

    def add(self, bucket: I64, max_ns: int) -> None:
        """Count durations, at least one, by their buckets; `max_ns` is the longest."""
        first = int(bucket.min())
        counts = np.bincount(bucket - first)
        self._widen(first, first + len(counts))
        start = first - self._first
        self._counts[start : start + len(counts)] += counts
        self.max_ns = max(self.max_ns, max_ns)

    def _widen(self, first: int, stop: int) -> None:
        """Have counts for the buckets `first` to `stop` - 1, too."""
        if not len(self._counts):
            self._first, self._counts = first, np.zeros(stop - first, np.int64)
            return
        before, after = max(self._first - first, 0), max(stop - self._first - len(self._counts), 0)
        if before or after:
            self._counts = np.pad(self._counts, (before, after))
            self._first -= before

    def quantile_ns(self, share: float) -> int:
        """The duration that `share` of all do not exceed; the upper edge of its bucket, 0 without any."""
        total = int(self._counts.sum())
        if not total:
            return 0
        bucket = self._first + int(np.searchsorted(np.cumsum(self._counts), share * total, side="left"))
        return min(_upper_edge(bucket), self.max_ns)


def _bucket(duration_ns: I64) -> I64:
    value = np.maximum(duration_ns, 0)
    exponent = np.maximum(np.frexp(value.astype(np.float64))[1] - 1, 5)
    bucket: I64 = (exponent - 5) * _STEPS + (value >> (exponent - 5))
    return bucket


def _upper_edge(bucket: int) -> int:
    if bucket < 2 * _STEPS:
        return bucket
    shift = bucket // _STEPS - 1
    return ((bucket - shift * _STEPS + 1) << shift) - 1


def _share(part: int, whole: int) -> float:
    return part / whole if whole else 0.0


@dataclass
class _Shrinker:
    calls: int = 0
    scanned: int = 0
    freed: int = 0
    busy_ns: int = 0
    items: dict[tuple[int, int], int] = field(default_factory=dict)
    durations: DurationHistogram = field(default_factory=DurationHistogram)


class ShrinkerTable:
    """Adds up shrinker calls by callback address."""

    def __init__(self) -> None:
        self._shrinkers: dict[int, _Shrinker] = {}

    def advance(self, stretch: Stretch) -> None:
        """Take the next stretch."""
        slab = stretch.slab
        if not len(slab.shr):
            return
        order, starts = grouped(slab.callback)
        duration = (slab.end_ns - slab.begin_ns)[order]
        bucket, bounds = _bucket(duration), [*starts.tolist(), len(order)]
        columns = (slab.scanned[order], slab.freed[order], duration)
        sums = zip(*(np.add.reduceat(column, starts).tolist() for column in columns), strict=True)
        longest = np.maximum.reduceat(duration, starts).tolist()
        for shrink, (start, stop), (scanned, freed, busy_ns), max_ns in zip(
            slab.callbacks.tolist(), pairwise(bounds), sums, longest, strict=True
        ):
            shrinker = self._shrinkers.setdefault(shrink, _Shrinker())
            shrinker.calls += stop - start
            shrinker.scanned += scanned
            shrinker.freed += freed
            shrinker.busy_ns += busy_ns
            shrinker.durations.add(bucket[start:stop], max_ns)
        self._sizes(slab)

    def _sizes(self, slab: SlabRows) -> None:
        """Keep the most that was seen of each instance on each node.

        They are sorted by 16 bits that mostly tell them apart, for which numpy has a radix sort: where two share these,
        their rows are only cut into more runs.
        """
        order = np.argsort(((slab.shr >> 6) + slab.nid * _NODE_SPREAD).astype(np.uint16), kind="stable")
        shrink, shr, nid = (column[order] for column in (slab.shrink, slab.shr, slab.nid))
        other = (shr[1:] != shr[:-1]) | (nid[1:] != nid[:-1]) | (shrink[1:] != shrink[:-1])
        starts = np.append(0, np.flatnonzero(other) + 1)
        columns = (shrink[starts], shr[starts], nid[starts], np.maximum.reduceat(slab.cache_items[order], starts))
        for callback, instance, node, items in zip(*(column.tolist() for column in columns), strict=True):
            largest = self._shrinkers[callback].items
            largest[instance, node] = max(largest.get((instance, node), 0), items)

    def stats(self, name_of: Callable[[int], str], tells: Callable[[str, str], bool]) -> list[ShrinkerStat]:
        """All shrinkers, the costliest first; `tells` says of a kind and a field whether events have its value."""
        has_scanned = tells(_START, "total_scan") and tells(_END, "total_scan")
        has_freed, has_size = tells(_END, "retval"), tells(_START, "cache_items")
        scanned = sum(shrinker.scanned for shrinker in self._shrinkers.values())
        sizes = {shrink: sum(shrinker.items.values()) for shrink, shrinker in self._shrinkers.items()}
        size = sum(sizes.values())
        stats = [
            ShrinkerStat(
                name=name_of(shrink),
                calls=shrinker.calls,
                scanned=shrinker.scanned if has_scanned else None,
                freed_objects=shrinker.freed if has_freed else None,
                busy_s=shrinker.busy_ns / 1e9,
                p50_ns=shrinker.durations.quantile_ns(0.50),
                p99_ns=shrinker.durations.quantile_ns(0.99),
                max_ns=shrinker.durations.max_ns,
                scan_share=_share(shrinker.scanned, scanned) if has_scanned else None,
                size_share=_share(sizes[shrink], size) if has_size else None,
                efficiency=efficiency(shrinker.freed, shrinker.scanned) if has_scanned and has_freed else None,
            )
            for shrink, shrinker in self._shrinkers.items()
        ]
        return sorted(stats, key=lambda stat: (-stat.busy_s, stat.name))
