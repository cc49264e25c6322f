"""What a fleet keeps of each recording: tables that results have anyway, and three of its own."""

from __future__ import annotations

import hashlib
from typing import Final

from .. import __version__
from ..analyze import Options
from ..tables.contention import BALLOON, CONFLICTS, CYCLES, FINDINGS, NOT_JUDGED
from ..tables.reclaim import CGROUPS, EPISODES, SHRINKERS, TIERS
from ..tables.recorded import METADATA
from ..tables.registry import VERSION as TABLES_VERSION
from ..tables.table import Column, Table

VERSION: Final = 1
"""Of what is kept: fragments of another version are made anew."""

RECORDINGS: Final = Table(
    "recordings",
    "a recording and its verdict; the last of its tables to be written",
    (
        Column("key", "string", "of its fragment: file id and checksum"),
        Column("unread", "string", "why it could not be read; null where it could. All else is null then"),
        Column("host", "string"),
        Column("boot_id", "string"),
        Column("kernel_release", "string"),
        Column("machine", "string"),
        Column("page_size_bytes", "Int64"),
        Column("cpus", "Int64"),
        Column("memory_total_bytes", "Int64"),
        Column("lru_gen_enabled", "Int64", "bit mask of the multi-gen LRU, 0 where it is off; null where unknown"),
        Column("balloon_driver", "string", "null where there is none, or nobody looked"),
        Column("balloon_features", "words"),
        Column("balloon_reclaim_path", "string", "how the driver gives pages back under pressure"),
        Column("start_utc_ns", "Int64", "null where the recording has no wall clock"),
        Column("duration_s", "Float64"),
        Column("events", "Int64"),
        Column("lost_events", "Int64"),
        Column("missing_parts", "words", "of the file: cut, damaged blocks, missing files"),
        Column("unseen", "string", "what was not seen, a clause: numbers are lower bounds; null where nothing"),
        Column("undecided", "string", "why nothing can be called quiet, a clause; null where it can"),
        Column("verdict_level", "string", "critical, warning, info, unknown"),
        Column("verdict_kind", "string", "kind of its worst finding, quiet, unknown"),
        Column("verdict", "string", "its sentence"),
        Column("labels", "words", "KEY=VALUE each"),
    ),
)
NUMBERS: Final = Table(
    "numbers",
    "a number that --fail-on knows, of a recording",
    (
        Column("name", "string", "cycles, conflicts, loss, kills, waste, stall, wait, refault"),
        Column("value", "Float64", "in its unit (`unit`); null where it could not be had"),
        Column("unit", "string", "count, bytes, seconds"),
        Column("quality", "string", "measured, inferred, lower_bound, unknown"),
        Column("why", "string", "why it could not be had; null where it could"),
    ),
)
MINUTES: Final = Table(
    "minutes",
    "a minute of a recording; the last one may be shorter",
    (
        Column("minute", "int64", "from 0"),
        Column("seconds", "float64", "how much of it was recorded", "s"),
        Column("available_lowest_bytes", "Float64", "MemAvailable; null where it was not sampled"),
        Column("balloon_bytes", "Float64", "the balloon's size, mean of its readings; null where not sampled"),
        Column("balloon_in_pages", "Float64", "inflated; null where not counted"),
        Column("balloon_out_pages", "Float64", "leaked, by whatever cause; null where not counted"),
        Column("background_pages", "Float64", "off the LRU lists by kswapd; null where not counted"),
        Column("direct_pages", "Float64", "off the LRU lists by direct reclaim; null where not counted"),
        Column("stall_s", "Float64", "all tasks' waiting in direct reclaim; null where not traced"),
        Column("refault_pages", "Float64", "page cache read again; null where not sampled"),
        Column("kills", "Float64", "OOM kills; null where not traced"),
    ),
)
KEPT: Final = (
    *(METADATA, FINDINGS, NOT_JUDGED, TIERS, EPISODES, CYCLES, CONFLICTS, CGROUPS, SHRINKERS, BALLOON),
    *(NUMBERS, MINUTES, RECORDINGS),
)
"""All tables of a fragment, in the order in which they are written: who finds the last one finds all."""


def fragments_name(options: Options) -> str:
    """A folder's name that differs where the same recording would come to other tables."""
    told = (VERSION, TABLES_VERSION, __version__, options.horizon_s, options.gap_s)
    return f"fragments-{hashlib.blake2b(repr(told).encode(), digest_size=4).hexdigest()}"
