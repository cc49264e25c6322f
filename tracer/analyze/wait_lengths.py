"""How long waits were: a task's counted by powers of two (a wait of n ns is in the entry of the power of two above n),
all tasks' together by finer steps."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Final

from .terms import Scope, Tier

WaitLengths = Mapping[int, int]
"""Number of waits that were shorter than so many ns, a power of two, and not shorter than half of that."""
STEPS_A_DOUBLING: Final = 4
"""How many lengths a `WaitHistogram` tells apart between a length and twice that."""


@dataclass(slots=True)
class WaitHistogram:
    """All tasks' waits in one tier, in tier `direct` in one `scope`, by how long they were.

    `lengths` maps an index i to the waits longer than 2 ** ((i - 1) / STEPS_A_DOUBLING) seconds and no longer than
    2 ** (i / STEPS_A_DOUBLING), as a Prometheus native histogram of schema 2 has them; `zeros` had no length.
    """

    tier: Tier
    scope: Scope | None
    waits: int = 0
    waited_ns: int = 0
    zeros: int = 0
    lengths: dict[int, int] = field(default_factory=dict)


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
