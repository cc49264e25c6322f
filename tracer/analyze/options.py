"""Thresholds of the analysis; the defaults are the definitions of docs/architecture.md."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Final

from ..errors import UsageError

_MOST_S: Final = 1e9
"""Some thirty years: what is no number or does not fit into 64 bits of nanoseconds is a mistake."""


@dataclass(frozen=True)
class Options:
    """`horizon_s`: how long leaked pages may stay out before coming back is no cycle. `gap_s`: the longest pause inside
    an episode. `inflate_gap_s`: the longest pause between two work runs of one inflation (the driver sleeps 200 ms
    inside a run when it can't allocate: drivers/virtio/virtio_balloon.c, fill_balloon). `reorder_s`: how far apart in
    time two records may arrive in the wrong order. `cycles_kept`: results so far have at least so many of the newest
    cycles of a storm that lasts, and those before as one with their sums; None: all of them."""

    horizon_s: float = 10.0
    gap_s: float = 1.0
    inflate_gap_s: float = 0.25
    reorder_s: float = 0.1
    cycles_kept: int | None = None

    def __post_init__(self) -> None:
        for each in fields(self):
            value = getattr(self, each.name)
            if each.name.endswith("_s") and not 0.0 <= value <= _MOST_S:
                raise UsageError(f"{each.name}={value}: must be a number of seconds from 0 to {_MOST_S:,.0f}")
