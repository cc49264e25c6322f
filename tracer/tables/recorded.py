"""Tables of what was recorded, and of what a recording says of itself."""

from __future__ import annotations

from typing import Final

from ..record import ADDRESS_FIELDS
from ..schema import FUNCTION_FIELDS, KINDS, Kind
from .table import Column, Table

_EVENT_COLUMNS: Final = (
    Column("time_s", "float64", "since the recording's start"),
    Column("time_ns", "int64", "CLOCK_MONOTONIC"),
    Column("tid", "int64", "thread, in the initial pid namespace"),
    Column("tgid", "int64", "process"),
    Column("comm", "string", "task's name"),
    Column("cpu", "int64"),
    Column("cgroup_id", "Int64", "number of the cgroup that the task was in; null where unknown"),
    Column("cgroup", "string", "its path; null where it was not found"),
)
_FIELD_UNITS: Final = {
    "nr_objects_to_shrink": "objects",
    "cache_items": "objects",
    "delta": "objects",
    "total_scan": "objects",
    "unused_scan": "objects",
    "new_scan": "objects",
    "nr_scanned": "pages",
    "nr_reclaimed": "pages",
    "nr_dirty": "pages",
    "nr_writeback": "pages",
    "nr_congested": "pages",
    "nr_immediate": "pages",
    "nr_activate0": "pages",
    "nr_activate1": "pages",
    "nr_ref_keep": "pages",
    "nr_unmap_fail": "pages",
    "usec_timeout": "us",
    "usec_delayed": "us",
    "reclaimable": "pages",
    "available": "pages",
    "min_wmark": "pages",
    "sz_tried": "bytes",
    "sz_applied": "bytes",
    "sz_ops_filter_passed": "bytes",
}
"""Fields of events that the kernel counts in one unit wherever they stand."""

EVENTS: Final = Table("events", "an event of any kind, without the kind's own fields", _EVENT_COLUMNS)
EVENTS_BY_KIND: Final = Table(
    "events",
    "an event of any kind, without the kind's own fields",
    (Column("kind", "string", "null for one that this version does not know"), *_EVENT_COLUMNS),
)
SAMPLES: Final = Table(
    "samples",
    "a reading of the sampled counters, each of which is a column; null where it could not be read",
    (Column("time_s", "float64", "since the recording's start"), Column("time_ns", "int64", "CLOCK_MONOTONIC")),
    open_ended=True,
)
SPANS: Final = Table(
    "spans",
    "the begin and end of one piece of work on one thread; also a begin without an end, and an end without a begin",
    (
        Column("id", "Int64", "counts spans by begin, from 0; null for an end without a begin"),
        Column("parent", "Int64", "id of the innermost span around it on its thread"),
        Column("kind", "string", "direct_reclaim, shrink_slab, kswapd, balloon_work, ..."),
        Column("tier", "category", "null for what supplies no memory"),
        Column("begin_s", "Float64", "null for an end without a begin"),
        Column("end_s", "Float64", "null for a begin without an end"),
        Column("duration_ns", "Int64", "null where either is"),
        Column("tid", "int64", "thread, in the initial pid namespace"),
        Column("comm", "string", "task's name at the begin"),
        Column("state", "string", "complete, begin_without_end, end_without_begin"),
    ),
)
LOST: Final = Table(
    "lost",
    "events of one kind that the kernel could not hand over in one stretch of time",
    (
        Column("start_s", "float64"),
        Column("end_s", "float64"),
        Column("kind", "string", "event kind; unknown where nothing but the loss is known"),
        Column("events", "Int64", "how many; null where nobody could count them"),
    ),
)
SOURCES: Final = Table(
    "sources",
    "a source of an event kind or of a sampled quantity, and how it fared",
    (
        Column("what", "string", "event kind or sampled quantity"),
        Column("source", "string", "way of seeing it"),
        Column("state", "string", "used, absent, refused, unused"),
        Column("reason", "string", "why it was not used; null where nothing is to be said"),
    ),
)
METADATA: Final = Table(
    "metadata",
    "one row: what the recording says of itself, and what is missing of it",
    (
        Column("file", "string", "the recording's file name"),
        Column("tool_version", "string"),
        Column("host", "string"),
        Column("boot_id", "string"),
        Column("kernel_release", "string"),
        Column("kernel_version", "string"),
        Column("machine", "string"),
        Column("start_ns", "int64", "CLOCK_MONOTONIC at time 0"),
        Column("start_utc_ns", "Int64", "nanoseconds since 1970 at time 0"),
        Column("duration_s", "float64"),
        Column("page_size_bytes", "int64"),
        Column("cpus", "Int64", "online at the start; null where an import does not tell it"),
        Column("memory_total_bytes", "Int64"),
        Column("balloon_driver", "string", "null without a balloon"),
        Column("balloon_features", "words", "negotiated feature bits by name"),
        Column("balloon_reclaim_path", "string", "oom_notifier, shrinker, none, unknown"),
        Column("lru_gen_enabled", "Int64", "bit mask of the multi-gen LRU, 0 where it is off"),
        Column("lru_gen_min_ttl_ms", "Int64", "", "ms"),
        Column("watermark_min_pages", "Int64", "of free memory at the start, summed over zones"),
        Column("watermark_low_pages", "Int64", "likewise"),
        Column("watermark_high_pages", "Int64", "likewise"),
        Column("cgroup_hierarchy", "string", "the one that tasks' cgroups are of: memory, unified"),
        Column("lru_detail", "string", "each: an event a scan; span: scans added up by span"),
        Column("sample_interval_s", "float64"),
        Column("transport", "string", "ring, perf"),
        Column("imported_from", "string", "null where it was recorded"),
        Column("command", "words", "the command that was traced"),
        Column("slice_from_s", "Float64", "a slice's begin in its recording; null for the whole"),
        Column("slice_to_s", "Float64", "a slice's end in its recording; null for the whole"),
        Column("events", "int64", "events read"),
        Column("lost_events", "int64", "events that the kernel could not hand over, as far as they were counted"),
        Column("complete", "bool", "nothing is missing at its end"),
        Column("cut_bytes", "int64", "at its end that could not be used"),
        Column("bad_blocks", "int64", "damaged blocks that were skipped"),
    ),
)


def event_table(kind: Kind) -> Table:
    """The events of one kind: `events/lru_shrink_inactive`. Unsigned 64-bit fields stay exact."""
    fields = [column for name, code in kind.fields for column in _field_columns(name, code)]
    where = f" ({kind.tracepoint})" if kind.tracepoint else ""
    return Table(f"events/{kind.name}", f"an event of kind {kind.name}{where}", (*_EVENT_COLUMNS, *fields))


def _field_columns(name: str, code: str) -> list[Column]:
    if code[0] == "S":
        return [Column(name, "string")]
    dtype = "UInt64" if code == "u8" else "Int64"
    doc = "kernel address" if name in ADDRESS_FIELDS else ""
    columns = [Column(name, dtype, doc, _FIELD_UNITS.get(name, ""))]
    if name in FUNCTION_FIELDS:
        columns.append(Column(f"{name}_name", "string", f"the function at {name}; null where it was not resolved"))
    return columns


EVENT_TABLES: Final = {kind.name: event_table(kind) for kind in KINDS}
"""By kind."""
