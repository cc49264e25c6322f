"""Event kinds, their arguments, units and dtypes: the single source.

`bpf/events.h` mirrors this table as C and a test compiles the two against each other. Field names are the
kernel's own (include/trace/events/{vmscan,oom,workqueue,notifier}.h); `*_pages` are guest pages.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from functools import cached_property
from typing import Final

import numpy as np

ARGS_BYTES: Final = 64
COMM_BYTES: Final = 16
MODULE_NAME_BYTES: Final = 56
"""MODULE_NAME_LEN in include/linux/module.h on 64-bit machines."""

HEADER_FIELDS: Final[tuple[tuple[str, str], ...]] = (
    ("time_ns", "u8"),
    ("tid", "u4"),
    ("tgid", "u4"),
    ("comm", f"S{COMM_BYTES}"),
    ("kind", "u2"),
    ("cpu", "u2"),
    ("reserved", "u4"),
)
"""What every record starts with. `time_ns` is CLOCK_MONOTONIC; `tid`/`tgid` are the initial pid namespace's."""

HEADER_DTYPE: Final = np.dtype(list(HEADER_FIELDS))
EVENT_DTYPE: Final = np.dtype([*HEADER_FIELDS, ("args", f"V{ARGS_BYTES}")])
"""One record as BPF writes it: 104 bytes in native byte order."""


class Role(StrEnum):
    """What an event does to its thread's stack of spans."""

    BEGIN = "begin"
    END = "end"
    POINT = "point"


class SpanKind(StrEnum):
    """Kinds of span; the value is what results and reports print."""

    SHRINK_SLAB = "shrink_slab"
    DIRECT_RECLAIM = "direct_reclaim"
    MEMCG_RECLAIM = "memcg_reclaim"
    MEMCG_SOFTLIMIT_RECLAIM = "memcg_softlimit_reclaim"
    NODE_RECLAIM = "node_reclaim"
    KSWAPD = "kswapd"
    BALLOON_WORK = "balloon_work"
    OOM_NOTIFIER = "oom_notifier"
    UPDATE_BALLOON_SIZE = "update_balloon_size"
    FILL_BALLOON = "fill_balloon"
    LEAK_BALLOON = "leak_balloon"
    BALLOON_SHRINKER = "balloon_shrinker"
    OOM_NOTIFY = "oom_notify"
    OUT_OF_MEMORY = "out_of_memory"
    COMPACTION = "compaction"
    PROACTIVE_RECLAIM = "proactive_reclaim"
    DROP_CACHES = "drop_caches"


@dataclass(frozen=True)
class Kind:
    """One event kind. `number` is its value in the record and never changes its meaning.

    `tracepoint` is empty for a kind that only a probe on a kernel function gives, which its name then tells.
    """

    number: int
    name: str
    tracepoint: str
    fields: tuple[tuple[str, str], ...]
    role: Role = Role.POINT
    span: SpanKind | None = None

    @cached_property
    def args_dtype(self) -> np.dtype[np.void]:
        """The arguments' layout inside the record's 64 argument bytes (the C compiler's natural alignment)."""
        return np.dtype(list(self.fields), align=True)

    @property
    def tracepoint_name(self) -> str:
        """The tracepoint without its category."""
        return self.tracepoint.partition(":")[2]

    @cached_property
    def record_dtype(self) -> np.dtype[np.void]:
        """A whole record of this kind: header fields and arguments by name, 104 bytes."""
        args, base = self.args_dtype, HEADER_DTYPE.itemsize
        names = [name for name, _ in HEADER_FIELDS] + [name for name, _ in self.fields]
        formats = [code for _, code in HEADER_FIELDS] + [code for _, code in self.fields]
        header_offsets = [HEADER_DTYPE.fields[name][1] for name, _ in HEADER_FIELDS]  # type: ignore[index]
        arg_offsets = [base + args.fields[name][1] for name, _ in self.fields]  # type: ignore[index]
        return np.dtype(
            {
                "names": names,
                "formats": formats,
                "offsets": header_offsets + arg_offsets,
                "itemsize": EVENT_DTYPE.itemsize,
            }
        )


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
    Kind(35, "out_of_memory_begin", "", (), Role.BEGIN, SpanKind.OUT_OF_MEMORY),
    Kind(36, "out_of_memory_end", "", (("retval", "i4"),), Role.END, SpanKind.OUT_OF_MEMORY),
    Kind(37, "virtballoon_migratepage", "", ()),
    Kind(38, "compaction_begin", "compaction:mm_compaction_begin", (("sync", "u4"),), Role.BEGIN, SpanKind.COMPACTION),
    Kind(39, "compaction_end", "compaction:mm_compaction_end", (("status", "i4"),), Role.END, SpanKind.COMPACTION),
    Kind(40, "virtballoon_free_page_report", "", (("nents", "u4"),)),
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
)
"""Every event kind. `memcg_id` exists since Linux 7.1; which fields the running kernel lacks is in the recording.

`balloon_run_pages` lies inside the run (work, OOM callback, shrinker call) whose pages it tells, just before its end; a
run without one moved none. `oom_notifier_end` is the thread's next page allocation, which `notifier_run` lacks.
`lru_shrink_inactive` may be the sum of `nr_calls` scans of one thread inside one reclaim span, with node, flags and
priority in common; it then comes after the last of them.
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
        ("cpu", "u8"),
        ("anon", KIND_BY_NAME["lru_shrink_inactive"].args_dtype),
        ("file", KIND_BY_NAME["lru_shrink_inactive"].args_dtype),
    ]
)
"""What the programs keep of an open reclaim span whose scans they add up; 0 `nr_calls` where there was none."""

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
