"""What the JSON in a recording may say, declared once: everything that other rooms compute with is held against it.

Limits are far above what any machine has: they keep differences of times and of counters inside 64 bits, and memory
bounded.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from ..labels import MOST_KEY_CHARS, MOST_LABELS, MOST_VALUE_CHARS
from ..metadata import ClockChangeKind, SourceState
from .format import MOST_COUNT, MOST_NS
from .note_keys import (
    CLOCK_CHANGES_NOTE,
    COST_NOTE,
    DROPPED_EVENTS_NOTE,
    DROPPED_SAMPLES_NOTE,
    END_NOTE,
    HOST_COMMANDS_NOTE,
    IMPORT_NOTE,
    MARKS_NOTE,
    MOST_CLOCK_CHANGES,
    MOST_COMMENT_CHARS,
    MOST_HOST_COMMANDS,
    MOST_MARK_CHARS,
    MOST_MARKS,
    MOST_SKIPPED_PARTS,
    NOT_KEPT_NOTE,
    PART_NOTE,
    SKIPPED_PARTS_NOTE,
)
from .shapes import Anything, ListOf, MapOf, Members, Nullable, Real, Row, Shape, Text, Whole

_NAME: Final = Text(256)
_SENTENCE: Final = Text(4096)
_ARGUMENT: Final = Text(4 << 20)
"""Linux takes 128 KiB, or 2 MiB where pages have 64 KiB (MAX_ARG_STRLEN in include/uapi/linux/binfmts.h)."""
_COUNT: Final = Whole(0, MOST_COUNT)
_TIME_NS: Final = Whole(0, MOST_NS)
_SIGNED_NS: Final = Whole(-MOST_NS, MOST_NS)
_SECONDS: Final = Real(-MOST_NS / 1e9, MOST_NS / 1e9)
_BYTES: Final = Whole(0, 1 << 62)
_KIND_NUMBER: Final = Whole(0, (1 << 16) - 1)
_MOST_KINDS: Final = 4096
_MOST_FIELDS: Final = 256
_COUNTS_BY_KIND: Final = MapOf(_COUNT, _MOST_KINDS, _NAME.most)

_PLAN_ROW: Final = Members(
    {"what": _NAME, "source": _SENTENCE, "state": Text(_NAME.most, frozenset(SourceState)), "reason": _SENTENCE},
    frozenset({"what", "source", "state"}),
)
_BALLOON: Final = Members(
    {"driver": Nullable(_NAME), "device": Nullable(_NAME), "features": ListOf(_NAME, 256), "reclaim_path": _NAME}
)
METADATA: Final = Members(
    {
        "tool_version": _NAME,
        "kernel_release": _SENTENCE,
        "kernel_version": _SENTENCE,
        "machine": _NAME,
        "host": _SENTENCE,
        "boot_id": _NAME,
        "start_ns": _SIGNED_NS,
        "start_utc_ns": _TIME_NS,
        "boottime_ahead_ns": Nullable(_TIME_NS),
        "page_size_bytes": Whole(512, 1 << 30),
        "cpus": Nullable(Whole(0, 1 << 16)),
        "numa_nodes": ListOf(_KIND_NUMBER, 1 << 12),
        "memory_total_bytes": _BYTES,
        "balloon": _BALLOON,
        "plan": ListOf(_PLAN_ROW, _MOST_KINDS),
        "absent_fields": MapOf(ListOf(_NAME, _MOST_FIELDS), _MOST_KINDS, _NAME.most),
        "command": ListOf(_ARGUMENT, 1 << 20),
        "transport": _NAME,
        "transport_reason": _SENTENCE,
        "programs": _NAME,
        "cgroup_hierarchy": _NAME,
        "cgroup_hierarchy_reason": _SENTENCE,
        "buffer_bytes": _BYTES,
        "queue_bytes": Nullable(_BYTES),
        "memory_available_bytes": Nullable(_BYTES),
        "memory_lock": _SENTENCE,
        "sample_interval_s": Real(0.0, 1e9),
        "lru_detail": _NAME,
        "lru_gen_enabled": Nullable(_COUNT),
        "lru_gen_min_ttl_ms": Nullable(_COUNT),
        "watermark_min_pages": Nullable(_COUNT),
        "watermark_low_pages": Nullable(_COUNT),
        "watermark_high_pages": Nullable(_COUNT),
        "recorder_pid": Nullable(Whole(0, (1 << 32) - 1)),
        "imported_from": Nullable(_SENTENCE),
        "labels": MapOf(Text(MOST_VALUE_CHARS), MOST_LABELS, MOST_KEY_CHARS),
    }
)
"""Each field of `Metadata`; one that is not there has its default."""

_KIND: Final = Members(
    {"number": _KIND_NUMBER, "name": _NAME, "fields": ListOf(Row((_NAME, _NAME)), _MOST_FIELDS)},
    frozenset({"number", "name", "fields"}),
)
DESCRIPTION: Final = Members(
    {"metadata": METADATA, "kinds": ListOf(_KIND, _MOST_KINDS)}, frozenset({"metadata", "kinds"})
)
"""META."""

NOTE: Final = Members({"key": _NAME, "value": Anything()}, frozenset({"key", "value"}))
"""NOTE."""

NOTE_VALUES: Final[Mapping[str, Shape]] = {
    END_NOTE: _TIME_NS,
    IMPORT_NOTE: Members({"damage": Nullable(Text(1 << 20))}),
    HOST_COMMANDS_NOTE: ListOf(
        Members(
            {"time_s": _SECONDS, "target_bytes": _BYTES, "comment": Text(MOST_COMMENT_CHARS)},
            frozenset({"time_s", "target_bytes"}),
        ),
        MOST_HOST_COMMANDS,
    ),
    PART_NOTE: _COUNT,
    SKIPPED_PARTS_NOTE: ListOf(_COUNT, MOST_SKIPPED_PARTS),
    CLOCK_CHANGES_NOTE: ListOf(
        Row((_TIME_NS, Text(_NAME.most, frozenset(ClockChangeKind)), _SIGNED_NS)), MOST_CLOCK_CHANGES
    ),
    DROPPED_EVENTS_NOTE: _COUNTS_BY_KIND,
    DROPPED_SAMPLES_NOTE: _COUNT,
    MARKS_NOTE: ListOf(Row((_TIME_NS, Text(MOST_MARK_CHARS))), MOST_MARKS),
    NOT_KEPT_NOTE: _TIME_NS,
    COST_NOTE: MapOf(
        Members({"runs": _COUNT, "run_time_ns": _TIME_NS}, frozenset({"runs", "run_time_ns"})), _MOST_KINDS, _NAME.most
    ),
}
"""Values of the notes that readers compute with, by key; another note's may be anything."""

LOST: Final = ListOf(Row((_TIME_NS, _TIME_NS, _COUNTS_BY_KIND)), 1 << 16)
"""LOST: the writer puts fewer into one block; earlier ones put all that an import had into one."""

SYMBOL_NAMES: Final = Text(512)
SYMBOLS: Final = MapOf(SYMBOL_NAMES, 1 << 16, 16)
"""SYMBOLS; also as many as a recording may have."""

CGROUPS: Final = MapOf(Text(4096), 1 << 16, 16)
"""CGROUPS: paths, of PATH_MAX bytes (include/uapi/linux/limits.h) at most; also as many as a recording may have."""

SAMPLE_NAME: Final = _NAME
SAMPLE_NAMES: Final = ListOf(SAMPLE_NAME, 512)
"""Names of a SAMPLES block; also as many as a recording may have. A recorder reads some 70 to 200 counters."""
