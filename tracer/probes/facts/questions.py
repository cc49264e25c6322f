"""What a description of a kernel has to tell: everything that a plan asks of tracefs, the symbols and the types."""

from __future__ import annotations

from typing import Final

from ...schema import TRACEPOINT_KINDS
from ..balloon_pages import ALLOC, FREE
from ..plan import Targets, wanted_symbols

TRACEPOINTS: Final = frozenset({ALLOC, FREE, *(kind.tracepoint for kind in TRACEPOINT_KINDS)})
SYMBOLS: Final = frozenset(wanted_symbols(Targets()))
STRUCTURES: Final = frozenset(
    {
        *("cgroup", "cgroup_subsys_state", "css_set", "kernfs_node", "mem_cgroup", "oom_control", "pglist_data"),
        *("reclaim_stat", "scan_control", "scatterlist", "shrink_control", "task_struct", "virtio_balloon"),
    }
)
ENUMERATORS: Final = frozenset(
    {
        *("BALLOON_DEFLATE", "BALLOON_INFLATE", "PG_swapbacked", "memory_cgrp_id"),
        *("___GFP_DIRECT_RECLAIM_BIT", "___GFP_HIGHMEM_BIT", "___GFP_NOMEMALLOC_BIT", "___GFP_NORETRY_BIT"),
    }
)
TYPES: Final = STRUCTURES | ENUMERATORS | SYMBOLS
"""Functions too, for their numbers and arguments."""
ASKED: Final = TRACEPOINTS | TYPES
