"""Which arguments of the frequent events the analysis looks at: the others would be unpacked, sorted and copied too."""

from __future__ import annotations

from typing import Final

from ...batch import Fields
from ...schema import KIND_BY_NAME

_NONE: Final = frozenset[str]()
_PAGES: Final = frozenset({"nr_reclaimed"})
_ALLOCATION: Final = frozenset({"order", "gfp_flags", "memcg_id"})
_SCANNED: Final = _PAGES | {"nr_scanned"}
_LOOKED_AT: Final = frozenset({"nr_activate0", "nr_activate1", "nr_ref_keep"})
_NODE: Final = frozenset({"nid"})
_READ: Final[Fields] = {
    "shrink_slab_start": frozenset({"shrink", "shr", "nid", "total_scan", "cache_items", "priority"}),
    "shrink_slab_end": frozenset({"total_scan", "retval"}),
    "direct_reclaim_begin": _ALLOCATION,
    "lru_shrink_inactive": _SCANNED | _LOOKED_AT | {"reclaim_flags", "nid", "priority"},
    "reclaim_pages": _SCANNED,
    "direct_reclaim_end": _PAGES,
    "memcg_reclaim_begin": _ALLOCATION,
    "memcg_reclaim_end": _PAGES,
    "memcg_softlimit_reclaim_begin": _NONE,
    "memcg_softlimit_reclaim_end": _PAGES,
    "node_reclaim_begin": _NONE,
    "node_reclaim_end": _PAGES,
    "kswapd_wake": _NODE,
    "kswapd_sleep": _NONE,
    "wakeup_kswapd": _NODE,
    "balance_pgdat_begin": _NODE,
    "balance_pgdat_end": _PAGES,
    "throttled": frozenset({"usec_delayed", "reason"}),
    "compact_retry": _NONE,
    "balloon_work_begin": _NONE,
    "balloon_work_end": _NONE,
}
NEVER_READ: Final[Fields] = {
    kind: frozenset(name for name, _ in KIND_BY_NAME[kind].fields if name not in read) for kind, read in _READ.items()
}
"""By kind the arguments that nothing here looks at."""
