"""What ftrace prints of each event after its time: the kernel's TP_printk lines, and what probes and own events have.

A text is made of pieces with one field each; a field that a recording lacks is left out with what stands before it.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Final

from ...imports.table import FUNCTIONS, WHOLE
from ...metadata import Metadata
from ...schema import OWN_FIELDS, Kind

_RECLAIM_BEGIN: Final = ("order={order}", "gfp_flags={gfp_flags}", "memcg_id={memcg_id}")
_SCANNED: Final = (
    *("nr_scanned={nr_scanned}", "nr_reclaimed={nr_reclaimed}", "nr_dirty={nr_dirty}", "nr_writeback={nr_writeback}"),
    *("nr_congested={nr_congested}", "nr_immediate={nr_immediate}", "nr_activate_anon={nr_activate0}"),
    *("nr_activate_file={nr_activate1}", "nr_ref_keep={nr_ref_keep}", "nr_unmap_fail={nr_unmap_fail}"),
)
_WORK: Final = ("work struct {work}:", "function {function}")
_SLAB: Final = ("{shrink}", "{shr}:", "nid: {nid}")

TEXTS: Final[dict[str, tuple[str, ...]]] = {
    "shrink_slab_start": (
        *_SLAB,
        *("objects to shrink {nr_objects_to_shrink}", "gfp_flags {gfp_flags}", "cache items {cache_items}"),
        *("delta {delta}", "total_scan {total_scan}", "priority {priority}", "memcg_id: {memcg_id}"),
    ),
    "shrink_slab_end": (
        *_SLAB,
        *("unused scan count {unused_scan}", "new scan count {new_scan}", "total_scan {total_scan}"),
        *("last shrinker return val {retval}", "memcg_id: {memcg_id}"),
    ),
    "direct_reclaim_begin": _RECLAIM_BEGIN,
    "memcg_reclaim_begin": _RECLAIM_BEGIN,
    "memcg_softlimit_reclaim_begin": _RECLAIM_BEGIN,
    "out_of_memory_begin": _RECLAIM_BEGIN,
    "lru_shrink_inactive": ("nid={nid}", *_SCANNED, "priority={priority}", "flags={reclaim_flags}"),
    "reclaim_pages": ("nid={nid}", *_SCANNED),
    "throttled": (*("nid={nid}", "usec_timeout={usec_timeout}", "usect_delayed={usec_delayed}", "reason={reason}"),),
    "mark_victim": (
        *("pid={pid}", "comm={victim_comm}", "total-vm={total_vm}kB", "anon-rss={anon_rss}kB"),
        *("file-rss:{file_rss}kB", "shmem-rss:{shmem_rss}kB", "uid={uid}", "pgtables={pgtables}kB"),
        "oom_score_adj={oom_score_adj}",
    ),
    "reclaim_retry_zone": (
        *("node={node}", "zone={zone_idx}", "order={order}", "reclaimable={reclaimable}", "available={available}"),
        *("min_wmark={min_wmark}", "no_progress_loops={no_progress_loops}", "wmark_check={wmark_check}"),
    ),
    "compact_retry": (
        *("order={order}", "priority={priority}", "compaction_result={result}", "retries={retries}"),
        *("max_retries={max_retries}", "should_retry={ret}"),
    ),
    "compaction_begin": ("mode={sync}",),
    "balloon_work_begin": _WORK,
    "balloon_work_end": _WORK,
    "oom_notifier_run": ("{cb}",),
    "module_load": ("{module_name}",),
    "module_free": ("{module_name}",),
    "balloon_status": (
        *("available {available},", "committed {committed};", "vm_memory_committed {vm_memory_committed};"),
        *("pages_ballooned {pages_ballooned},", "pages_added {pages_added},", "pages_onlined {pages_onlined}"),
    ),
    "signal_generate": (
        *("sig={sig}", "code={code}", "comm={victim_comm}", "pid={pid}", "grp={group}", "res={result}"),
    ),
    "tell_host": ("vq={vq}", "num_pfns={num_pfns}"),
    "oom_notify_begin": (),
}
"""Kinds whose text is more than `field=value` for every field, in the schema's order."""

SCANS: Final = "nr_calls={nr_calls}"
"""Behind a sum of several scans, which no kernel prints."""
CUT: Final = "..."
"""Ends the text of a kind that lacks what every kernel prints: what it has was not cut off."""
UNKNOWN: Final = {"shrink": "(unknown)", "shr": "(____ptrval____):"}
"""What stands for a shrinker that is not known: its text has nothing else to tell it by."""

_ENTRIES: Final = {function.entry: function for function in FUNCTIONS}
_EXITS: Final = {function.exit: function for function in FUNCTIONS if function.exit}


def pieces_of(kind: Kind, metadata: Metadata) -> list[str]:
    """The text of a kind's events in a recording: pieces with at most one `{field}` each."""
    absent = metadata.absent_fields.get(kind.name, ())
    generic = (f"{name}={{{name}}}" for name, _ in kind.fields if (kind.name, name) not in OWN_FIELDS)
    pieces = [_known(piece, absent) for piece in TEXTS.get(kind.name, tuple(generic))]
    if kind.name == "lru_shrink_inactive" and metadata.lru_detail == "span":
        pieces.append(SCANS)
    if not set(absent).isdisjoint(WHOLE.get(kind.name, ())):
        pieces.append(CUT)
    return [*_place(kind, metadata), *filter(None, pieces)]


def name_of(kind: Kind) -> str:
    """The event's name: the tracepoint's, that which ftrace gives a probe, or the kind's own."""
    if kind.tracepoint:
        return kind.tracepoint_name
    if kind.name in _EXITS:
        return f"r_{_EXITS[kind.name].names[0]}_0"
    return f"p_{_ENTRIES[kind.name].names[0]}_0" if kind.name in _ENTRIES else kind.name


def field_of(piece: str) -> str:
    """The field of a piece, empty where it has none."""
    return piece.partition("{")[2].partition("}")[0]


def _known(piece: str, absent: Collection[str]) -> str:
    field = field_of(piece)
    return UNKNOWN.get(field, "") if field in absent else piece


def _place(kind: Kind, metadata: Metadata) -> list[str]:
    """Where a probe is: what calls its function is not recorded."""
    if kind.tracepoint or not (function := _ENTRIES.get(kind.name) or _EXITS.get(kind.name)):
        return []
    if kind.name == "oom_notify_begin":
        return ["({cb})"]
    told = " ".join(row.source for row in metadata.plan if row.what == kind.name)
    name = max((each for each in function.names if each in told), key=len, default=function.names[0])
    return [f"(0 <- {name})" if kind.name in _EXITS else f"({name}+0x0)"]
