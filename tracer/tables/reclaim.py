"""Tables of who reclaimed, how much, and who waited."""

from __future__ import annotations

from typing import Final

from .table import Column, Table

_TIER: Final = (
    Column("tier", "category", "proactive, background, direct, retry, oom_notify, oom_kill"),
    Column("scope", "string", "of direct, a row each: global, memcg (a memory cgroup's own limit), node, unknown"),
)
_OF_THE_TIER: Final = (
    Column("first_s", "float64", "when the tier was first entered"),
    Column("busy_s", "float64", "time in it, overlapping tasks counted once; null where it has single events only"),
    Column("spans", "int64", "its spans and events"),
    Column("tasks", "int64", "threads that were in it"),
    Column("min_priority", "Int64", "lowest reclaim priority: 12 is gentle, 0 the last try"),
    Column("missed_pages", "Int64", "of its file and anonymous pages, those in the kernel's counters and in no event"),
    Column("extra_pages", "Int64", "of these, those in events and not in the kernel's counters"),
    Column(
        "nr_scanned",
        "Int64",
        "pages of the LRU lists that scans looked at; at least, unless silent_scans is 0",
        "pages",
    ),
    Column("efficiency", "Float64", "the share of them that the scans freed; at most, unless silent_scans is 0"),
    Column("silent_scans", "Int64", "scans of which the kernel does not say how many pages; null where not known"),
)
LADDER: Final = Table(
    "ladder",
    "a tier and a source that gave it memory; what belongs to the whole tier stands on each of its rows",
    (
        *_TIER,
        Column(
            "source", "string", "file, anon, lru (not told apart), slab, slab:<shrinker>, balloon, reported, process"
        ),
        Column("pages", "Int64", "that it gave; null for slab:<shrinker> and process, and where they are not known"),
        Column("objects", "Int64", "freed by slab:<shrinker>; those of different shrinkers never add up"),
        Column("kills", "Int64", "of process"),
        Column("quality", "string", "measured, inferred, lower_bound, unknown"),
        *_OF_THE_TIER,
    ),
)
TIERS: Final = Table(
    "tiers",
    "a tier that was entered; direct has a row for each scope",
    (
        *_TIER,
        Column("file_pages", "Int64", "off the LRU lists; null where not known"),
        Column("anon_pages", "Int64", "likewise"),
        Column("lru_pages", "Int64", "off the LRU lists, file and anonymous not told apart"),
        Column("slab_pages", "Int64", "inferred; null where objects were freed and their pages are not known"),
        Column("balloon_pages", "Int64", "leaked under pressure"),
        Column("reported_pages", "Int64", "free pages reported to the host: no reclaim"),
        Column("kills", "int64", "victims of the OOM killer"),
        Column("quality", "string", "of all its numbers: measured, inferred, lower_bound, unknown"),
        *_OF_THE_TIER,
    ),
)
RECLAIMERS: Final = Table(
    "reclaimers",
    "who reclaimed in a tier: a kernel thread, or all other tasks together",
    (
        *_TIER,
        Column("name", "string", "kswapd0, kdamond.0, khugepaged, kcompactd0, or tasks"),
        Column("nid", "Int64", "the kernel thread's own NUMA node"),
        Column("spans", "int64", "its spans and events"),
        Column("busy_s", "float64", "time in it; null where it has single events only"),
        Column("pages", "Int64", "LRU pages; null where not known"),
        Column("nr_scanned", "Int64", "pages of the LRU lists that it scanned; at least, likewise", "pages"),
        Column("efficiency", "Float64", "the share of them that it freed; at most, likewise"),
        Column("silent_scans", "Int64", "scans of which the kernel does not say how many pages; null where not known"),
    ),
)
EPISODES: Final = Table(
    "episodes",
    "reclaim with pauses no longer than the option gap",
    (
        Column("id", "int64", "from 1"),
        Column("start_s", "float64"),
        Column("end_s", "float64"),
        Column("highest_tier", "category"),
        Column(
            "tap", "string", "when the balloon was tapped: premature, timely, late, never, unknown; null without one"
        ),
        Column("before_notifier_s", "Float64", "to the first OOM notification; null, like the next four, without one"),
        Column("before_notifier_stall_s", "Float64", "direct reclaim until then, summed over tasks"),
        Column("before_notifier_stalls", "Int64", "its calls"),
        Column("before_notifier_retries", "Int64", "allocation retries until then"),
        Column("before_notifier_min_priority", "Int64", "lowest priority until then"),
    ),
)
SHRINKERS: Final = Table(
    "shrinkers",
    "what one shrinker cost and gave",
    (
        Column("name", "string", "callback's symbol, or its address"),
        Column("calls", "int64"),
        Column("scanned", "Int64", "null where no event has it", "objects"),
        Column("freed_objects", "Int64", "null where no event has it"),
        Column("busy_s", "float64"),
        Column("p50_ns", "int64", "median time of a call, at most 1/32 too high"),
        Column("p99_ns", "int64", "likewise"),
        Column("max_ns", "int64"),
        Column("scan_share", "float64", "of all shrinkers' scanned objects, 0 to 1; null where not known"),
        Column("size_share", "float64", "of all shrinkers' cache items, 0 to 1; null where not known"),
        Column("efficiency", "Float64", "freed by scanned objects; null where not known"),
    ),
)
STALLS: Final = Table(
    "stalls",
    "how long one task waited in one tier, scope and cgroup",
    (
        Column("comm", "string", "task's last name"),
        Column("pid", "int64", "thread"),
        Column("tier", "category", "direct and above; retry waits lie inside direct ones"),
        Column("spans", "int64", "waits"),
        Column("stall_s", "float64"),
        Column("max_ns", "int64", "the longest"),
        Column("is_recorder", "bool", "one of the recorder's own threads"),
        Column("scope", "string", "of tier direct: global, memcg, node, unknown; null in other tiers"),
        Column("cgroup", "string", "path of the cgroup that it was in then; null where unknown"),
        Column("cgroup_id", "Int64", "that cgroup's number"),
    ),
)
CGROUPS: Final = Table(
    "cgroups",
    "what the tasks of one cgroup paid",
    (
        Column("path", "string", "null where the cgroup was gone before its path could be found"),
        Column("id", "Int64", "null for tasks of which no event tells the cgroup"),
        Column("unit", "string", "systemd service or scope"),
        Column("pod", "string", "Kubernetes pod's UID"),
        Column("container", "string", "container's id"),
        Column("stall_s", "float64", "its tasks' waiting added up"),
        Column("spans", "int64", "waits"),
        Column("max_ns", "int64", "the longest"),
        Column("file_pages", "Int64", "that its tasks had to reclaim themselves"),
        Column("anon_pages", "Int64", "likewise"),
        Column("lru_pages", "Int64", "likewise, file and anonymous not told apart"),
        Column("limit_s", "float64", "how long tasks reclaimed because it was at its own limit; null where unknown"),
        Column("limit_spans", "Int64", "how often; null where unknown"),
        Column(
            "kills", "Int64", "victims of the OOM killer; null where one's cgroup is not known and none was seen here"
        ),
        Column("quality", "string", "of the pages"),
    ),
)
