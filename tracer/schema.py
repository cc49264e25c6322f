"""Event kinds, their arguments, units and dtypes: the single source.

`bpf/events.h` mirrors this table as C and a test compiles the two against each other. Field names are the
kernel's own (include/trace/events/{vmscan,oom,workqueue,notifier,damon}.h); `*_pages` are guest pages.
"""

from __future__ import annotations

from typing import Final

import numpy as np

from .record import (
    ARGS_BYTES,
    COMM_BYTES,
    EVENT_DTYPE,
    HEADER_DTYPE,
    HEADER_FIELDS,
    MODULE_NAME_BYTES,
    Kind,
    Role,
    SpanKind,
)

__all__ = [
    "ARGS_BYTES",
    "BALLOON_PAGE_BYTES",
    "COMM_BYTES",
    "DEFLATE",
    "DEF_PRIORITY",
    "EVENT_DTYPE",
    "FUNCTION_FIELDS",
    "HEADER_DTYPE",
    "HEADER_FIELDS",
    "INFLATE",
    "KERNEL_FIELD",
    "KINDS",
    "KIND_BY_NAME",
    "KIND_BY_NUMBER",
    "LRU_SPAN_DTYPE",
    "MAX_KINDS",
    "MODULE_NAME_BYTES",
    "OWN_FIELDS",
    "RECLAIM_FLAG_ANON",
    "RECLAIM_FLAG_FILE",
    "SAMPLE_NULL",
    "TRACEPOINT_KINDS",
    "UNKNOWN_DIRECTION",
    "Kind",
    "Role",
    "SpanKind",
]

_RECLAIM_BEGIN = (("gfp_flags", "u4"), ("order", "i4"), ("memcg_id", "u8"))
_RECLAIM_END = (("nr_reclaimed", "u8"), ("memcg_id", "u8"))
_WORK = (("work", "u8"), ("function", "u8"))

KINDS: Final[tuple[Kind, ...]] = (
    Kind(
        1,
        "shrink_slab_start",
        "vmscan:mm_shrink_slab_start",
        (
            ("shrink", "u8"),
            ("shr", "u8"),
            ("nr_objects_to_shrink", "i8"),
            ("cache_items", "u8"),
            ("delta", "u8"),
            ("total_scan", "i8"),
            ("memcg_id", "u8"),
            ("gfp_flags", "u4"),
            ("nid", "i2"),
            ("priority", "i2"),
        ),
        Role.BEGIN,
        SpanKind.SHRINK_SLAB,
    ),
    Kind(
        2,
        "shrink_slab_end",
        "vmscan:mm_shrink_slab_end",
        (
            ("shrink", "u8"),
            ("shr", "u8"),
            ("unused_scan", "i8"),
            ("new_scan", "i8"),
            ("total_scan", "i8"),
            ("memcg_id", "u8"),
            ("retval", "i4"),
            ("nid", "i2"),
        ),
        Role.END,
        SpanKind.SHRINK_SLAB,
    ),
    Kind(
        3,
        "direct_reclaim_begin",
        "vmscan:mm_vmscan_direct_reclaim_begin",
        _RECLAIM_BEGIN,
        Role.BEGIN,
        SpanKind.DIRECT_RECLAIM,
    ),
    Kind(
        4, "direct_reclaim_end", "vmscan:mm_vmscan_direct_reclaim_end", _RECLAIM_END, Role.END, SpanKind.DIRECT_RECLAIM
    ),
    Kind(
        5,
        "memcg_reclaim_begin",
        "vmscan:mm_vmscan_memcg_reclaim_begin",
        _RECLAIM_BEGIN,
        Role.BEGIN,
        SpanKind.MEMCG_RECLAIM,
    ),
    Kind(6, "memcg_reclaim_end", "vmscan:mm_vmscan_memcg_reclaim_end", _RECLAIM_END, Role.END, SpanKind.MEMCG_RECLAIM),
    Kind(
        7,
        "memcg_softlimit_reclaim_begin",
        "vmscan:mm_vmscan_memcg_softlimit_reclaim_begin",
        _RECLAIM_BEGIN,
        Role.BEGIN,
        SpanKind.MEMCG_SOFTLIMIT_RECLAIM,
    ),
    Kind(
        8,
        "memcg_softlimit_reclaim_end",
        "vmscan:mm_vmscan_memcg_softlimit_reclaim_end",
        _RECLAIM_END,
        Role.END,
        SpanKind.MEMCG_SOFTLIMIT_RECLAIM,
    ),
    Kind(
        9,
        "node_reclaim_begin",
        "vmscan:mm_vmscan_node_reclaim_begin",
        (("nid", "i4"), ("order", "i4"), ("gfp_flags", "u4")),
        Role.BEGIN,
        SpanKind.NODE_RECLAIM,
    ),
    Kind(
        10,
        "node_reclaim_end",
        "vmscan:mm_vmscan_node_reclaim_end",
        (("nr_reclaimed", "u8"),),
        Role.END,
        SpanKind.NODE_RECLAIM,
    ),
    Kind(
        11,
        "kswapd_wake",
        "vmscan:mm_vmscan_kswapd_wake",
        (("nid", "i4"), ("zid", "i4"), ("order", "i4")),
        Role.BEGIN,
        SpanKind.KSWAPD,
    ),
    Kind(12, "kswapd_sleep", "vmscan:mm_vmscan_kswapd_sleep", (("nid", "i4"),), Role.END, SpanKind.KSWAPD),
    Kind(
        13,
        "wakeup_kswapd",
        "vmscan:mm_vmscan_wakeup_kswapd",
        (("nid", "i4"), ("zid", "i4"), ("order", "i4"), ("gfp_flags", "u4")),
    ),
    Kind(
        14,
        "lru_shrink_inactive",
        "vmscan:mm_vmscan_lru_shrink_inactive",
        (
            ("nr_scanned", "u8"),
            ("nr_reclaimed", "u8"),
            ("nr_dirty", "u4"),
            ("nr_writeback", "u4"),
            ("nr_congested", "u4"),
            ("nr_immediate", "u4"),
            ("nr_activate0", "u4"),
            ("nr_activate1", "u4"),
            ("nr_ref_keep", "u4"),
            ("nr_unmap_fail", "u4"),
            ("reclaim_flags", "u4"),
            ("nid", "i2"),
            ("priority", "i2"),
            ("nr_calls", "u4"),
        ),
    ),
    Kind(
        15,
        "reclaim_pages",
        "vmscan:mm_vmscan_reclaim_pages",
        (
            ("nr_scanned", "u8"),
            ("nr_reclaimed", "u8"),
            ("nr_dirty", "u4"),
            ("nr_writeback", "u4"),
            ("nr_congested", "u4"),
            ("nr_immediate", "u4"),
            ("nr_activate0", "u4"),
            ("nr_activate1", "u4"),
            ("nr_ref_keep", "u4"),
            ("nr_unmap_fail", "u4"),
            ("nid", "i4"),
        ),
    ),
    Kind(
        16,
        "throttled",
        "vmscan:mm_vmscan_throttled",
        (("nid", "i4"), ("usec_timeout", "i4"), ("usec_delayed", "i4"), ("reason", "i4")),
    ),
    Kind(
        17,
        "mark_victim",
        "oom:mark_victim",
        (
            ("total_vm", "u8"),
            ("anon_rss", "u8"),
            ("file_rss", "u8"),
            ("shmem_rss", "u8"),
            ("pgtables", "u4"),
            ("pid", "i4"),
            ("uid", "u4"),
            ("oom_score_adj", "i4"),
            ("victim_comm", f"S{COMM_BYTES}"),
        ),
    ),
    Kind(
        18,
        "reclaim_retry_zone",
        "oom:reclaim_retry_zone",
        (
            ("reclaimable", "u8"),
            ("available", "u8"),
            ("min_wmark", "u8"),
            ("node", "i4"),
            ("zone_idx", "i4"),
            ("order", "i4"),
            ("no_progress_loops", "i4"),
            ("wmark_check", "u4"),
        ),
    ),
    Kind(
        19,
        "compact_retry",
        "oom:compact_retry",
        (
            ("order", "i4"),
            ("priority", "i4"),
            ("result", "i4"),
            ("retries", "i4"),
            ("max_retries", "i4"),
            ("ret", "u4"),
        ),
    ),
    Kind(20, "balloon_work_begin", "workqueue:workqueue_execute_start", _WORK, Role.BEGIN, SpanKind.BALLOON_WORK),
    Kind(21, "balloon_work_end", "workqueue:workqueue_execute_end", _WORK, Role.END, SpanKind.BALLOON_WORK),
    Kind(22, "oom_notifier_run", "notifier:notifier_run", (("cb", "u8"),), Role.BEGIN, SpanKind.OOM_NOTIFIER),
    Kind(23, "update_balloon_size_begin", "", (("num_pages", "u4"),), Role.BEGIN, SpanKind.UPDATE_BALLOON_SIZE),
    Kind(24, "update_balloon_size_end", "", (), Role.END, SpanKind.UPDATE_BALLOON_SIZE),
    Kind(25, "fill_balloon_begin", "", (("num", "u8"),), Role.BEGIN, SpanKind.FILL_BALLOON),
    Kind(26, "fill_balloon_end", "", (("filled", "u8"),), Role.END, SpanKind.FILL_BALLOON),
    Kind(27, "leak_balloon_begin", "", (("num", "u8"),), Role.BEGIN, SpanKind.LEAK_BALLOON),
    Kind(28, "leak_balloon_end", "", (("freed", "u8"),), Role.END, SpanKind.LEAK_BALLOON),
    Kind(29, "tell_host", "", (("vq", "u8"), ("num_pfns", "u4"), ("direction", "i4"))),
    Kind(30, "balloon_shrinker_begin", "", (("nr_to_scan", "u8"),), Role.BEGIN, SpanKind.BALLOON_SHRINKER),
    Kind(31, "balloon_shrinker_end", "", (("freed", "u8"),), Role.END, SpanKind.BALLOON_SHRINKER),
    Kind(32, "virtballoon_changed", "", ()),
    Kind(33, "oom_notify_begin", "", (("cb", "u8"),), Role.BEGIN, SpanKind.OOM_NOTIFY),
    Kind(34, "oom_notify_end", "", (("retval", "i4"),), Role.END, SpanKind.OOM_NOTIFY),
    Kind(35, "out_of_memory_begin", "", _RECLAIM_BEGIN, Role.BEGIN, SpanKind.OUT_OF_MEMORY),
    Kind(36, "out_of_memory_end", "", (("retval", "i4"), ("constraint", "i4")), Role.END, SpanKind.OUT_OF_MEMORY),
    Kind(37, "virtballoon_migratepage", "", ()),
    Kind(38, "compaction_begin", "compaction:mm_compaction_begin", (("sync", "u4"),), Role.BEGIN, SpanKind.COMPACTION),
    Kind(39, "compaction_end", "compaction:mm_compaction_end", (("status", "i4"),), Role.END, SpanKind.COMPACTION),
    Kind(40, "virtballoon_free_page_report", "", (("nents", "u4"), ("reported_pages", "u8"))),
    Kind(41, "balloon_run_pages", "", (("inflated_pages", "u8"), ("deflated_pages", "u8"))),
    Kind(42, "oom_notifier_end", "", (("deflated_pages", "u8"),), Role.END, SpanKind.OOM_NOTIFIER),
    Kind(43, "proactive_reclaim_begin", "", (), Role.BEGIN, SpanKind.PROACTIVE_RECLAIM),
    Kind(44, "proactive_reclaim_end", "", (("retval", "i8"),), Role.END, SpanKind.PROACTIVE_RECLAIM),
    Kind(45, "drop_caches_begin", "", (), Role.BEGIN, SpanKind.DROP_CACHES),
    Kind(46, "drop_caches_end", "", (), Role.END, SpanKind.DROP_CACHES),
    Kind(47, "module_load", "module:module_load", (("module_name", f"S{MODULE_NAME_BYTES}"),)),
    Kind(48, "module_free", "module:module_free", (("module_name", f"S{MODULE_NAME_BYTES}"),)),
    Kind(
        49,
        "balloon_status",
        "hyperv:balloon_status",
        (
            ("available", "u8"),
            ("committed", "u8"),
            ("vm_memory_committed", "u8"),
            ("pages_ballooned", "u8"),
            ("pages_added", "u8"),
            ("pages_onlined", "u8"),
        ),
    ),
    Kind(
        50,
        "balance_pgdat_begin",
        "vmscan:mm_vmscan_balance_pgdat_begin",
        (("nid", "i4"), ("order", "i4"), ("highest_zoneidx", "i4")),
        Role.BEGIN,
        SpanKind.BALANCE_PGDAT,
    ),
    Kind(
        51,
        "balance_pgdat_end",
        "vmscan:mm_vmscan_balance_pgdat_end",
        (("nr_reclaimed", "u8"), ("nid", "i4"), ("order", "i4"), ("highest_zoneidx", "i4")),
        Role.END,
        SpanKind.BALANCE_PGDAT,
    ),
    Kind(52, "kswapd_reclaim_fail", "vmscan:mm_vmscan_kswapd_reclaim_fail", (("nid", "i4"), ("failures", "i4"))),
    Kind(53, "kswapd_clear_hopeless", "vmscan:mm_vmscan_kswapd_clear_hopeless", (("nid", "i4"), ("reason", "i4"))),
    Kind(
        54,
        "damos_stat",
        "damon:damos_stat_after_apply_interval",
        (
            ("context_idx", "u4"),
            ("scheme_idx", "u4"),
            ("nr_tried", "u8"),
            ("sz_tried", "u8"),
            ("nr_applied", "u8"),
            ("sz_applied", "u8"),
            ("sz_ops_filter_passed", "u8"),
            ("qt_exceeds", "u8"),
            ("nr_snapshots", "u8"),
        ),
    ),
    Kind(55, "report_free_page", "", (("hinted_pages", "u8"), ("returned_pages", "u8"), ("cmd_id", "u4"))),
    Kind(
        56,
        "signal_generate",
        "signal:signal_generate",
        (
            *(("sig", "i4"), ("code", "i4"), ("pid", "i4"), ("group", "i4"), ("result", "i4")),
            ("victim_comm", f"S{COMM_BYTES}"),
        ),
    ),
)
"""Every event kind. `memcg_id` exists since Linux 7.1; which fields the running kernel lacks is in the recording.

`balloon_run_pages` lies inside the run (work, OOM callback, shrinker call) whose pages it tells, just before its end; a
run without one moved none. `oom_notifier_end` is the thread's next page allocation, which `notifier_run` lacks.
`lru_shrink_inactive` may be the sum of `nr_calls` scans of one thread inside one reclaim span, with node, flags and
priority in common; it then comes after the last of them. `balance_pgdat_begin` and `_end` (7.2) bound kswapd's work
between its naps. `failures` of `kswapd_reclaim_fail` is how often in a row: at 16 (MAX_RECLAIM_RETRIES, mm/internal.h)
kswapd leaves its node to direct reclaim, until `kswapd_clear_hopeless` says by whom (`reason`, KSWAPD_CLEAR_HOPELESS_*)
it was cleared. `damos_stat` are a DAMON scheme's sums since its start, `sz_*` in bytes; what a scheme's action is, the
kernel does not say here. `report_free_page` ends a run of free page hinting: pages that it hinted, pages that it took
back, and the host's command, which is another than before where the config change was one for hinting.
`signal_generate` is a SIGKILL that a process sent to another one (bpf/oom.bpf.c leaves out all others); `pid` is the
thread that it was sent to. `memcg_id` of `out_of_memory_begin` is 0 where the machine is out of memory; `constraint` is
of enum oom_constraint (include/linux/oom.h), -1 where the call's begin was not seen.
"""

TRACEPOINT_KINDS: Final = tuple(kind for kind in KINDS if kind.tracepoint)
"""Those that a tracepoint gives."""

KIND_BY_NAME: Final[dict[str, Kind]] = {kind.name: kind for kind in KINDS}
KIND_BY_NUMBER: Final[dict[int, Kind]] = {kind.number: kind for kind in KINDS}
MAX_KINDS: Final = 64
"""Slots in the per-CPU loss counters."""

LRU_SPAN_DTYPE: Final = np.dtype(
    [
        ("tid", "u4"),
        ("tgid", "u4"),
        ("comm", f"S{COMM_BYTES}"),
        ("cpu", "u4"),
        ("cgroup_id", "u4"),
        ("anon", KIND_BY_NAME["lru_shrink_inactive"].args_dtype),
        ("file", KIND_BY_NAME["lru_shrink_inactive"].args_dtype),
    ]
)
"""What the programs keep of an open reclaim span whose scans they add up; 0 `nr_calls` where there was none."""

FUNCTION_FIELDS: Final = frozenset({"shrink", "function", "cb"})
"""Fields that are the address of a kernel function, which has a name."""

OWN_FIELDS: Final = frozenset({("lru_shrink_inactive", "nr_calls")})
"""Kind and field of what no tracepoint has and our programs count."""

KERNEL_FIELD: Final[dict[str, str]] = {"victim_comm": "comm", "module_name": "name"}
"""Fields whose name here differs from the tracepoint's, because the header has that name or it says too little."""

INFLATE: Final = 0
DEFLATE: Final = 1
UNKNOWN_DIRECTION: Final = -1
"""`direction` of `tell_host`: which of the driver's queues was told, where the recording's source could tell."""

RECLAIM_FLAG_ANON: Final = 0x1
RECLAIM_FLAG_FILE: Final = 0x2
"""Bits of `reclaim_flags`: RECLAIM_WB_ANON, RECLAIM_WB_FILE in include/trace/events/vmscan.h."""

DEF_PRIORITY: Final = 12
"""Priority at which a reclaim pass starts: DEF_PRIORITY in include/linux/mmzone.h."""

BALLOON_PAGE_BYTES: Final = 4096
"""A virtio balloon page, whatever the guest's: VIRTIO_BALLOON_PFN_SHIFT in include/uapi/linux/virtio_balloon.h."""

SAMPLE_NULL: Final = np.iinfo(np.int64).min
"""A counter that could not be read at that time."""
