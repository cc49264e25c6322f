"""Which event of which source is which kind: the one table of names, keys and words of other tracers' text.

Keys are those of the kernel's `TP_printk` lines in include/trace/events/{vmscan,oom,compaction}.h, old and new; names
of probe events are the kernel functions' and those that people give them. `docs/import.md` shows this table to users.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from ..schema import DEF_PRIORITY, KIND_BY_NAME, KINDS, RECLAIM_FLAG_ANON, RECLAIM_FLAG_FILE, TRACEPOINT_KINDS

TRACEPOINTS: Final[dict[str, str]] = {kind.tracepoint_name: kind.name for kind in TRACEPOINT_KINDS}
"""Tracepoint to kind; a group before the name (`vmscan:`) is taken off first."""


@dataclass(frozen=True)
class Function:
    """A kernel function that people put probes on: `entry` and `exit` are the kinds its two probes give.

    `names[0]` is the function's own name, the others are older names, other drivers' and common names of probe events.
    """

    names: tuple[str, ...]
    entry: str
    exit: str | None = None


FUNCTIONS: Final = (
    Function(
        ("update_balloon_size_func", "update_size_func"), "update_balloon_size_begin", exit="update_balloon_size_end"
    ),
    Function(("fill_balloon",), "fill_balloon_begin", exit="fill_balloon_end"),
    Function(("leak_balloon",), "leak_balloon_begin", exit="leak_balloon_end"),
    Function(("tell_host",), "tell_host"),
    Function(
        ("virtio_balloon_shrinker_scan", "vmballoon_shrinker_scan", "shrinker_scan"),
        "balloon_shrinker_begin",
        exit="balloon_shrinker_end",
    ),
    Function(("virtballoon_changed", "config_changed"), "virtballoon_changed"),
    Function(
        (
            "virtio_balloon_oom_notify",
            "virtballoon_oom_notify",
            "cmm_oom_notify",
            "i915_gem_shrinker_oom",
            "oom_notify",
        ),
        "oom_notify_begin",
        exit="oom_notify_end",
    ),
    Function(("out_of_memory",), "out_of_memory_begin", exit="out_of_memory_end"),
    Function(("virtballoon_migratepage", "migratepage"), "virtballoon_migratepage"),
    Function(("virtballoon_free_page_report", "hv_free_page_report"), "virtballoon_free_page_report"),
    Function(("report_free_page_func",), "report_free_page"),
)

FUNCTION_BY_NAME: Final = {name: function for function in FUNCTIONS for name in function.names}

OWN_EVENTS: Final = frozenset(
    kind.name
    for kind in KINDS
    if not kind.tracepoint and all(kind.name not in (function.entry, function.exit) for function in FUNCTIONS)
)
"""Kinds that are no event of the kernel's: text has them by their own names, as our export writes them."""

COUNTED_FUNCTIONS: Final = frozenset({"return_free_pages_to_mm", "drop_slab"})
"""Functions that matter but are no kind: counted in the recording's notes, and a trace of nothing else is imported."""

HYPERV_DRIVER: Final = "hv_balloon"
WORK_DRIVERS: Final = {
    "update_balloon_size_func": "virtio_balloon",
    "vmballoon_work": "vmw_balloon",
    "balloon_process": "xen_balloon",
    "balloon_up": HYPERV_DRIVER,
}
"""The balloon work's functions and whose they are."""
WORK_FUNCTIONS: Final = frozenset(WORK_DRIVERS)
"""Work functions that move balloon pages: virtio (drivers/virtio), VMware (drivers/misc), Xen and Hyper-V."""

VIRTIO_KINDS: Final = frozenset(
    {
        *("update_balloon_size_begin", "fill_balloon_begin", "leak_balloon_begin", "tell_host"),
        *("virtballoon_changed", "virtballoon_migratepage", "report_free_page"),
    }
)
"""Kinds that only the virtio balloon's driver gives."""

MARKERS: Final = frozenset({"tracing_mark_write", "print"})
"""Text that somebody wrote into the trace."""

STACKS: Final = frozenset({"kernel_stack", "user_stack", "stack"})
"""Heads of stack blocks: no events."""

KEYS: Final[Mapping[str, Mapping[str, tuple[str, ...]]]] = {
    "shrink_slab_start": {"nr_objects_to_shrink": ("objects to shrink",), "cache_items": ("cache items",)},
    "shrink_slab_end": {
        "unused_scan": ("unused scan count",),
        "new_scan": ("new scan count",),
        "retval": ("last shrinker return val",),
    },
    "lru_shrink_inactive": {
        "nr_activate0": ("nr_activate_anon",),
        "nr_activate1": ("nr_activate_file",),
        "reclaim_flags": ("flags",),
    },
    "reclaim_pages": {"nr_activate0": ("nr_activate_anon",), "nr_activate1": ("nr_activate_file",)},
    "throttled": {"usec_delayed": ("usect_delayed",)},
    "reclaim_retry_zone": {"zone_idx": ("zone",)},
    "compact_retry": {"result": ("compaction_result",), "ret": ("should_retry",)},
    "compaction_begin": {"sync": ("mode",)},
    "fill_balloon_end": {"filled": ("done", "ret", "retval", "arg1")},
    "leak_balloon_end": {"freed": ("done", "ret", "retval", "arg1")},
    "balloon_shrinker_end": {"freed": ("done", "ret", "retval", "arg1")},
    "oom_notify_end": {"retval": ("ret", "arg1")},
    "out_of_memory_end": {"retval": ("ret", "killed", "arg1")},
}
"""Keys of fields whose own name is not what the text says, by kind and field; the own name is tried first."""

WORDS: Final[Mapping[str, Mapping[str, int]]] = {
    "reclaim_flags": {
        "RECLAIM_WB_NONE": 0,
        "RECLAIM_WB_ANON": RECLAIM_FLAG_ANON,
        "RECLAIM_WB_FILE": RECLAIM_FLAG_FILE,
        "RECLAIM_WB_SYNC": 0x4,
        "RECLAIM_WB_ASYNC": 0x8,
        "RECLAIM_WB_MIXED": 0x10,
    },
    "reason": {
        "VMSCAN_THROTTLE_NONE": 0,
        "VMSCAN_THROTTLE_WRITEBACK": 1,
        "VMSCAN_THROTTLE_ISOLATED": 2,
        "VMSCAN_THROTTLE_NOPROGRESS": 4,
        "VMSCAN_THROTTLE_CONGESTED": 8,
    },
    "zone_idx": {"DMA": 0, "DMA32": 1, "Normal": 2, "HighMem": 3, "Movable": 3, "Device": 4},
    "compact_priority": {"COMPACT_PRIO_SYNC_FULL": 0, "COMPACT_PRIO_SYNC_LIGHT": 1, "COMPACT_PRIO_ASYNC": 2},
    "result": {"failed": 1, "withdrawn": 2, "progress": 3},
    "sync": {"async": 0, "sync": 1},
    "status": {
        "not_suitable_zone": 0,
        "skipped": 1,
        "deferred": 2,
        "no_suitable_page": 3,
        "continue": 4,
        "complete": 5,
        "partial_skipped": 6,
        "contended": 7,
        "success": 8,
    },
}
"""What words in the text stand for: the kernel's own numbers, zones as x86-64 counts them."""

WORD_FIELDS: Final[Mapping[tuple[str, str], str]] = {
    ("lru_shrink_inactive", "reclaim_flags"): "reclaim_flags",
    ("throttled", "reason"): "reason",
    ("reclaim_retry_zone", "zone_idx"): "zone_idx",
    ("compact_retry", "priority"): "compact_priority",
    ("compact_retry", "result"): "result",
    ("compaction_begin", "sync"): "sync",
    ("compaction_end", "status"): "status",
}
"""Fields printed as words, and the words they use."""

SYMBOL_FIELDS: Final = frozenset({("shrink_slab_start", "shrink"), ("shrink_slab_end", "shrink")})
"""Fields that name a function."""

POINTER_FIELDS: Final = frozenset({"shr", "vq"})
"""Fields that are addresses, hashed or not: opaque ids."""

_ENDS_RECLAIM: Final = ("direct_reclaim_end", "memcg_reclaim_end", "memcg_softlimit_reclaim_end", "node_reclaim_end")
WHOLE: Final[Mapping[str, tuple[str, ...]]] = {
    "shrink_slab_start": ("nr_objects_to_shrink", "cache_items", "delta", "total_scan"),
    "shrink_slab_end": ("new_scan", "total_scan", "retval"),
    "direct_reclaim_begin": ("order",),
    **dict.fromkeys(_ENDS_RECLAIM, ("nr_reclaimed",)),
    "kswapd_wake": ("nid", "order"),
    "kswapd_sleep": ("nid",),
    "wakeup_kswapd": ("nid", "order"),
    "lru_shrink_inactive": ("nr_scanned", "nr_reclaimed", "priority", "reclaim_flags"),
    "reclaim_pages": ("nr_scanned", "nr_reclaimed"),
    "throttled": ("usec_timeout", "usec_delayed", "reason"),
    "reclaim_retry_zone": ("no_progress_loops", "wmark_check"),
    "compact_retry": ("retries", "ret"),
}
"""Fields that every kernel's text has, the last ones above all: text without one of them is cut."""

NEVER_READ: Final = frozenset({"gfp_flags"})
"""Fields the text tells in words whose bits differ between kernels: left out rather than guessed."""

DEFAULTS: Final[Mapping[tuple[str, str], int]] = {
    ("shrink_slab_start", "priority"): DEF_PRIORITY,
    ("lru_shrink_inactive", "priority"): DEF_PRIORITY,
    ("lru_shrink_inactive", "nr_calls"): 1,
}
"""What stands where a field is not in the text and 0 would tell something untrue."""


def text_keys(kind: str, field: str) -> tuple[str, ...]:
    """The keys under which a kind's field may stand in the text, the likeliest last."""
    return (field, *KEYS.get(kind, {}).get(field, ()))


def read_fields(kind: str) -> tuple[str, ...]:
    """The fields of a kind that are looked for in the text."""
    return tuple(name for name, _ in KIND_BY_NAME[kind].fields if name not in NEVER_READ)
