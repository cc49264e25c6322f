"""Tables of the balloon's movements, of where it and reclaim collide, and of what deserves attention."""

from __future__ import annotations

from typing import Final

from .table import Column, Table

BALLOON: Final = Table(
    "balloon",
    "one row: the balloon over the whole recording; what nothing in the recording counts is null",
    (
        Column("driver", "string", "null without a balloon"),
        Column("reclaim_path", "string", "oom_notifier, shrinker, none, unknown; as observed, else as expected"),
        Column("inflated_pages", "Int64"),
        Column("leaked_host_pages", "Int64", "because the host asked"),
        Column("leaked_shrinker_pages", "Int64", "because its shrinker was called"),
        Column("leaked_oom_notifier_pages", "Int64", "because the OOM notifier ran"),
        Column("leaked_compaction_pages", "Int64", "because a migration ended with a page fewer"),
        Column("wasted_pages", "Int64", "moved for nothing"),
        Column("migrated_pages", "Int64"),
        Column("missed_pages", "Int64", "moved, by the kernel's counters, and told by no event"),
        Column("extra_pages", "Int64", "told by events, and not moved by the kernel's counters"),
        Column("target_changes", "Int64", "of the host's target"),
        Column("reported_pages", "Int64", "free pages reported to the host"),
        Column("hinted_pages", "Int64", "free pages hinted to the host: a lower bound"),
        Column("puffs", "Int64", "runs that could not allocate"),
        Column("work_spans", "Int64", "runs of its worker"),
        Column("worker_s", "Float64", "time in them"),
        Column("size_start_bytes", "Int64", "what it held at the first reading"),
        Column("size_end_bytes", "Int64", "at the last"),
        Column("size_lowest_bytes", "Int64", "the least of all"),
        Column("size_highest_bytes", "Int64", "the most of all"),
        Column("size_quality", "string", "measured, inferred"),
        Column("quality", "string", "of the pages: measured, inferred"),
    ),
)
STEPS: Final = Table(
    "steps",
    "pages that entered or left the balloon in one step",
    (
        Column("start_s", "float64"),
        Column("end_s", "float64"),
        Column("pages", "int64", "above 0 into the balloon, below 0 out of it", "pages"),
        Column("cause", "string", "of a leak: host, shrinker, oom_notifier, compaction; null for an inflation"),
        Column("quality", "string", "measured, inferred"),
    ),
)
CONFLICTS: Final = Table(
    "conflicts",
    "inflation and reclaim at the same time",
    (
        Column("id", "int64", "from 1"),
        Column("start_s", "float64"),
        Column("end_s", "float64"),
        Column("overlap_self_s", "float64", "reclaim by the balloon's own worker while it inflates"),
        Column("overlap_induced_s", "float64", "by kswapd that the worker woke"),
        Column("overlap_foreign_s", "float64", "by others"),
        Column("reclaimed_pages", "Int64", "LRU pages reclaimed in it; null where nothing counts them"),
        Column("inflated_pages", "Int64", "null where nothing counts them"),
    ),
)
CYCLES: Final = Table(
    "cycles",
    "pages that left the balloon and came back",
    (
        Column("id", "int64", "from 1"),
        Column("class", "string", "shrinker-reinflate, notifier-reinflate, host-reinflate, host-oscillation, rounding"),
        Column("leak_start_s", "float64", "first leak of the burst"),
        Column("start_s", "float64", "last leak before pages came back; for host-reinflate when the host had its way"),
        Column("end_s", "float64", "last page regained before the next burst"),
        Column("leaked_pages", "int64"),
        Column("reinflated_pages", "int64"),
        Column("wasted_pages", "int64", "moved for nothing: twice the smaller of the two"),
        Column("worker_s", "float64", "balloon worker's time in it"),
        Column("reclaim_s", "float64", "time in it in which somebody reclaimed"),
        Column("stall_s", "float64", "tasks' waiting in direct reclaim in it, added up"),
        Column("refault_pages", "Int64", "read again after eviction; null where not sampled"),
        Column("storm", "Int64", "id of the storm that it belongs to"),
    ),
)
STORMS: Final = Table(
    "storms",
    "three or more cycles of one class in a row",
    (
        Column("id", "int64", "from 1"),
        Column("class", "string", "its cycles'"),
        Column("start_s", "float64"),
        Column("end_s", "float64"),
        Column("cycles", "int64"),
        Column("wasted_pages", "int64"),
    ),
)
FINDINGS: Final = Table(
    "findings",
    "what deserves attention, the most severe first",
    (
        Column("id", "int64", "the same however long the recording goes on"),
        Column("kind", "string"),
        Column("severity", "string", "critical, warning, info"),
        Column("open", "bool", "it still lasted when the recording ended"),
        Column("cost", "float64", "what somebody waited, what moved or was read again; null where unknown", "s"),
        Column("start_s", "float64"),
        Column("end_s", "float64"),
        Column("text", "string", "one sentence"),
        Column("quality", "string", "measured, inferred"),
        Column("numbers", "numbers", "the numbers behind it, by name"),
        Column("spans", "ids", "ids of spans behind it"),
        Column("cgroup", "string", "path of the one cgroup that it is about; null where there is none"),
    ),
)
NOT_JUDGED: Final = Table(
    "not_judged",
    "a kind of finding of which nothing would have been seen",
    (Column("kind", "string"), Column("why", "string")),
)
