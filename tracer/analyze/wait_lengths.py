"""How long waits were, counted by powers of two: a wait of n ns is in the entry of the power of two above n."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping

WaitLengths = Mapping[int, int]
"""Number of waits that were shorter than so many ns, a power of two, and not shorter than half of that."""


def quantile_bounds_ns(lengths: WaitLengths, share: float, max_ns: int) -> tuple[int, int] | None:
    """Between which lengths the wait lies that `share` of all do not exceed; None without waits.

    `max_ns` is the longest: no bound is above it.
    """
    wanted, counted = share * sum(lengths.values()), 0
    for below_ns, waits in sorted(lengths.items()):
        counted += waits
        if counted >= wanted:
            return (below_ns // 2 if below_ns > 1 else 0, min(below_ns, max_ns))
    return None


def added(all_lengths: Iterable[WaitLengths]) -> dict[int, int]:
    """Several together."""
    total: Counter[int] = Counter()
    for lengths in all_lengths:
        total.update(lengths)
    return dict(sorted(total.items()))
