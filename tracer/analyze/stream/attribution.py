"""Which tier a span or event belongs to, and on whose behalf it ran, from the spans it is nested in."""

from __future__ import annotations

from functools import cache
from typing import Final

import numpy as np
import numpy.typing as npt

from ...schema import COMM_BYTES, SpanKind
from ..terms import Scope, Tier
from .lane import SPAN_CODE

I64 = npt.NDArray[np.int64]

NO_TIER: Final = -1


def _bit(*kinds: SpanKind) -> int:
    return sum(1 << SPAN_CODE[kind] for kind in kinds)


DIRECT_BITS: Final = _bit(
    SpanKind.DIRECT_RECLAIM, SpanKind.MEMCG_RECLAIM, SpanKind.MEMCG_SOFTLIMIT_RECLAIM, SpanKind.NODE_RECLAIM
)
KSWAPD_BIT: Final = _bit(SpanKind.KSWAPD)
BALANCE_BIT: Final = _bit(SpanKind.BALANCE_PGDAT)
BACKGROUND_BITS: Final = KSWAPD_BIT | BALANCE_BIT
WORKQUEUE_BIT: Final = _bit(SpanKind.BALLOON_WORK)
BALLOON_BIT: Final = WORKQUEUE_BIT | _bit(SpanKind.UPDATE_BALLOON_SIZE)
NOTIFIER_BIT: Final = _bit(SpanKind.OOM_NOTIFIER, SpanKind.OOM_NOTIFY)
SLAB_BIT: Final = _bit(SpanKind.SHRINK_SLAB, SpanKind.BALLOON_SHRINKER)
DRIVER_BITS: Final = BALLOON_BIT | NOTIFIER_BIT | SLAB_BIT
LEAK_BIT: Final = _bit(SpanKind.LEAK_BALLOON)
PROACTIVE_BITS: Final = _bit(SpanKind.PROACTIVE_RECLAIM, SpanKind.DROP_CACHES)
COMPACTION_BIT: Final = _bit(SpanKind.COMPACTION)
TIER_BITS: Final = DIRECT_BITS | BACKGROUND_BITS | NOTIFIER_BIT | PROACTIVE_BITS | COMPACTION_BIT
"""Kinds that have a tier of their own, whatever is around them."""

RUNG_OF_SCOPE: Final = {scope: len(Tier) + number for number, scope in enumerate(Scope)}
RUNGS: Final = len(Tier) + len(Scope)
"""How many numbers of rungs there are: those of tiers, of which direct's is not used, and of scopes."""
_SCOPES: Final = tuple(RUNG_OF_SCOPE)

MEMCG_BIT: Final = _bit(SpanKind.MEMCG_RECLAIM)
_NODE_BIT: Final = _bit(SpanKind.NODE_RECLAIM)
GLOBAL_BITS: Final = _bit(SpanKind.DIRECT_RECLAIM, SpanKind.MEMCG_SOFTLIMIT_RECLAIM)

_KSWAPDS_TOO: Final = _bit(SpanKind.MEMCG_SOFTLIMIT_RECLAIM) | SLAB_BIT
"""What kswapd does as others do."""
_OTHERS_BITS: Final = BACKGROUND_BITS | DIRECT_BITS & ~_KSWAPDS_TOO

_KDAMOND: Final = b"kdamond"
_KCOMPACTD: Final = b"kcompactd"
_KSWAPD: Final = b"kswapd"


def tier_of(kinds_above: I64, comm: npt.NDArray[np.bytes_]) -> I64:
    """The tier of spans by the set of span kinds around them (their own included); NO_TIER for plain balloon work, and
    for slab shrinking with no reclaim around it, of which `unseen` decides.

    Compaction by a task that allocates is a retry; kcompactd's supplies nothing, but for the direct reclaim that
    its own allocations do. All reclaim in a write to memory.reclaim is proactive, as is what DAMON does. What kswapd
    reclaims is background, its own soft limit reclaim and what began before anything was seen included.
    """
    tier = np.full(len(kinds_above), NO_TIER)
    tier[kinds_above & DIRECT_BITS != 0] = Tier.DIRECT
    tier[kinds_above & BACKGROUND_BITS != 0] = Tier.BACKGROUND
    by_name = np.flatnonzero((kinds_above & _KSWAPDS_TOO != 0) & (kinds_above & _OTHERS_BITS == 0))
    tier[by_name[is_kswapd(comm[by_name])]] = Tier.BACKGROUND
    compacting = kinds_above & COMPACTION_BIT != 0
    tier[compacting] = Tier.RETRY
    by_kcompactd = np.flatnonzero(compacting)
    by_kcompactd = by_kcompactd[_begins(comm[by_kcompactd], _KCOMPACTD)]
    reclaiming = kinds_above[by_kcompactd] & (DIRECT_BITS | SLAB_BIT) != 0
    tier[by_kcompactd] = np.where(reclaiming, Tier.DIRECT, NO_TIER)
    tier[kinds_above & PROACTIVE_BITS != 0] = Tier.PROACTIVE
    tier[kinds_above & NOTIFIER_BIT != 0] = Tier.OOM_NOTIFY
    tier[_begins(comm, _KDAMOND)] = Tier.PROACTIVE
    return tier


def rung_of(tier: I64, kinds_above: I64) -> I64:
    """The rung of the ladder: the tier, or the scope of direct reclaim by the spans around it (`RUNG_OF_SCOPE`).

    Soft limit reclaim is done on the machine's behalf: kswapd and global direct reclaim begin with it.
    """
    rung = tier.copy()
    direct = np.flatnonzero(tier == Tier.DIRECT)
    above = kinds_above[direct]
    scope = np.full(len(direct), RUNG_OF_SCOPE[Scope.UNKNOWN])
    scope[above & _NODE_BIT != 0] = RUNG_OF_SCOPE[Scope.NODE]
    scope[above & MEMCG_BIT != 0] = RUNG_OF_SCOPE[Scope.MEMCG]
    scope[above & GLOBAL_BITS != 0] = RUNG_OF_SCOPE[Scope.GLOBAL]
    rung[direct] = scope
    return rung


def tier_of_rung(number: int) -> Tier:
    """The tier that a rung is, or that its scope is of."""
    return Tier(number) if number < len(Tier) else Tier.DIRECT


def scope_of_rung(number: int) -> Scope | None:
    """The scope of direct reclaim that a rung is; None for a tier."""
    return _SCOPES[number - len(Tier)] if number >= len(Tier) else None


def is_kswapd(comm: npt.NDArray[np.bytes_]) -> npt.NDArray[np.bool_]:
    """Which names are kswapd's."""
    return _begins(comm, _KSWAPD)


def tier_of_event(comm: npt.NDArray[np.bytes_]) -> I64:
    """The tier of LRU events whose span was not seen: what the task's name tells."""
    tier = np.full(len(comm), int(Tier.DIRECT))
    tier[_begins(comm, _KSWAPD)] = Tier.BACKGROUND
    tier[_begins(comm, _KDAMOND)] = Tier.PROACTIVE
    return tier


def _begins(comm: npt.NDArray[np.bytes_], start: bytes) -> npt.NDArray[np.bool_]:
    """Which names begin so: cut to that length they are it."""
    words = np.ascontiguousarray(comm, f"S{COMM_BYTES}").view(np.uint64).reshape(-1, 2)
    begins = np.ones(len(comm), np.bool_)
    for column, (mask, value) in enumerate(_words(start)):
        if mask:
            begins &= words[:, column] & np.uint64(mask) == np.uint64(value)
    return begins


@cache
def _words(start: bytes) -> tuple[tuple[int, int], ...]:
    """Mask and value of each eight bytes of a task name that begins so."""
    mask, value = ((b"\xff" * len(start)).ljust(COMM_BYTES, b"\0"), start.ljust(COMM_BYTES, b"\0"))
    halves = (slice(0, 8), slice(8, 16))
    return tuple((int.from_bytes(mask[half], "little"), int.from_bytes(value[half], "little")) for half in halves)
