"""What a recording tells of the pages that tiers gave: what nothing in it counts is unknown, not 0."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from ...metadata import Metadata
from ..model import TierRow
from ..terms import Quality, Tier
from .rung import Rung

_SCANS: Final = "lru_shrink_inactive"
_ENDS: Final = frozenset({"direct_reclaim_end", "memcg_reclaim_end", "node_reclaim_end"})
_COUNTING: Final = {
    Tier.PROACTIVE: _ENDS | {"reclaim_pages", "proactive_reclaim_end"},
    Tier.BACKGROUND: frozenset({"balance_pgdat_end"}),
    Tier.DIRECT: _ENDS | {"memcg_softlimit_reclaim_end"},
}
"""Kinds besides scans of the LRU lists that say how many pages a tier got. The other tiers take none off the lists."""


class PageTelling:
    """Knows what the recording's sources count; one without a plan is taken to count everything."""

    def __init__(self, metadata: Metadata, seen: Iterable[str]) -> None:
        """`seen` are kinds of which there are events."""
        used = metadata.kinds_traced | frozenset(seen)
        self._used = frozenset(kind for kind in used if metadata.tells(kind, "nr_reclaimed")) if metadata.plan else None
        self.scans = _SCANS in used and all(metadata.tells(kind, "nr_scanned") for kind in (_SCANS, "reclaim_pages"))
        """Whether scans of the LRU lists tell how many pages they looked at."""
        self.silent_scans = metadata.lru_detail == "each" or metadata.lru_gen_enabled == 0
        """Whether each scan of which the kernel says too few pages can be told from others: sums over several scans
        hide those of the multi-gen LRU."""
        self._is_split = metadata.tells(_SCANS, "reclaim_flags")
        self._has_objects = metadata.tells("shrink_slab_end", "retval")

    def without_unknown(self, row: TierRow, rung: Rung) -> TierRow:
        """The row with None where a number could not be had; `rung` is what it was made from."""
        if rung.began_unseen and not rung.is_counted:
            row.quality = Quality.LOWER_BOUND
        if row.slab_objects and not self._has_objects:
            row.slab_objects = dict.fromkeys(row.slab_objects)
            row.slab_pages = row.slab_pages or None
        if row.tier not in _COUNTING or rung.is_counted:
            return row
        if self._used is None or _SCANS in self._used:
            if not self._is_split:
                row.file_pages = row.anon_pages = None
            return row
        row.file_pages = row.anon_pages = None
        if not row.lru_pages and not self._used & _COUNTING[row.tier]:
            row.lru_pages = None
        if row.slab_pages == 0 and self._used & (_ENDS | {"balance_pgdat_end"}):
            row.slab_pages = None
        return row
