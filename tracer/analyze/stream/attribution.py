"""Which tier a span or event belongs to, and on whose behalf it ran, from the spans it is nested in."""

from __future__ import annotations

from typing import Final

import numpy as np
import numpy.typing as npt

from ...schema import SpanKind
from ..model import Tier
from .lane import SPAN_CODE

I64 = npt.NDArray[np.int64]

NO_TIER: Final = -1


def _bit(*kinds: SpanKind) -> int:
    return sum(1 << SPAN_CODE[kind] for kind in kinds)


DIRECT_BITS: Final = _bit(
    SpanKind.DIRECT_RECLAIM, SpanKind.MEMCG_RECLAIM, SpanKind.MEMCG_SOFTLIMIT_RECLAIM, SpanKind.NODE_RECLAIM
)
GLOBAL_DIRECT_BIT: Final = _bit(SpanKind.DIRECT_RECLAIM)
KSWAPD_BIT: Final = _bit(SpanKind.KSWAPD)
WORKQUEUE_BIT: Final = _bit(SpanKind.BALLOON_WORK)
BALLOON_BIT: Final = WORKQUEUE_BIT | _bit(SpanKind.UPDATE_BALLOON_SIZE)
NOTIFIER_BIT: Final = _bit(SpanKind.OOM_NOTIFIER, SpanKind.OOM_NOTIFY)
SLAB_BIT: Final = _bit(SpanKind.SHRINK_SLAB, SpanKind.BALLOON_SHRINKER)
DRIVER_BITS: Final = BALLOON_BIT | NOTIFIER_BIT | SLAB_BIT
LEAK_BIT: Final = _bit(SpanKind.LEAK_BALLOON)
PROACTIVE_BITS: Final = _bit(SpanKind.PROACTIVE_RECLAIM, SpanKind.DROP_CACHES)
COMPACTION_BIT: Final = _bit(SpanKind.COMPACTION)

_KDAMOND: Final = b"kdamond"
_KCOMPACTD: Final = b"kcompactd"
_KSWAPD: Final = b"kswapd"


def tier_of(kinds_above: I64, comm: npt.NDArray[np.bytes_]) -> I64:
    """The tier of spans by the set of span kinds around them (their own included); NO_TIER for plain balloon work.

    Compaction by a task that allocates is a retry; kcompactd's supplies nothing, but for the direct reclaim that
    its own allocations do. Slab shrinking with no reclaim around it is somebody's wish (drop_caches, DAMON): tier 0, as
    is all reclaim in a write to memory.reclaim. kswapd's own soft limit reclaim stays kswapd's.
    """
    tier = np.full(len(kinds_above), NO_TIER)
    tier[kinds_above & SLAB_BIT != 0] = Tier.PROACTIVE
    tier[kinds_above & DIRECT_BITS != 0] = Tier.DIRECT
    tier[kinds_above & KSWAPD_BIT != 0] = Tier.BACKGROUND
    compacting = kinds_above & COMPACTION_BIT != 0
    tier[compacting] = Tier.RETRY
    by_kcompactd = compacting & _begins(comm, _KCOMPACTD)
    reclaiming = kinds_above & (DIRECT_BITS | SLAB_BIT) != 0
    tier[by_kcompactd] = np.where(reclaiming[by_kcompactd], Tier.DIRECT, NO_TIER)
    tier[kinds_above & PROACTIVE_BITS != 0] = Tier.PROACTIVE
    tier[kinds_above & NOTIFIER_BIT != 0] = Tier.OOM_NOTIFY
    tier[_begins(comm, _KDAMOND)] = Tier.PROACTIVE
    return tier


def tier_of_event(enclosing_tier: I64, comm: npt.NDArray[np.bytes_]) -> I64:
    """The tier of LRU events: their span's, or where that was not seen, what the task's name tells."""
    outside = np.full(len(comm), int(Tier.DIRECT))
    outside[_begins(comm, _KSWAPD)] = Tier.BACKGROUND
    outside[_begins(comm, _KDAMOND)] = Tier.PROACTIVE
    return np.where(enclosing_tier >= 0, enclosing_tier, outside)


def _begins(comm: npt.NDArray[np.bytes_], start: bytes) -> npt.NDArray[np.bool_]:
    """Which names begin so: cut to that length they are it."""
    begins: npt.NDArray[np.bool_] = comm.astype(f"S{len(start)}") == start
    return begins
