"""The rows of every table that is there when a recording was read to its end."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final

from ..analyze.balloon_result import BalloonResult
from ..analyze.model import Analysis
from ..analyze.terms import Cause
from ..metadata import Metadata
from ..recording_facts import RecordingFacts
from .contention import BALLOON, CONFLICTS, CYCLES, FINDINGS, NOT_JUDGED, STEPS, STORMS
from .reclaim import CGROUPS, EPISODES, LADDER, RECLAIMERS, SHRINKERS, STALLS, TIERS
from .recorded import METADATA, SOURCES
from .rows import (
    Row,
    classed_row,
    conflict_row,
    episode_row,
    fields_of,
    ladder_rows,
    reclaimer_rows,
    scope_parts,
    stall_row,
)
from .table import Table

_RECORDED: Final = (
    *("tool_version", "host", "boot_id", "kernel_release", "kernel_version", "machine", "start_utc_ns"),
    *("memory_total_bytes", "cgroup_hierarchy", "lru_detail", "transport", "imported_from"),
)
"""Of these an empty value or 0 means that it is not known."""
_AS_IT_IS: Final = (
    *("start_ns", "page_size_bytes", "cpus", "sample_interval_s", "lru_gen_enabled", "lru_gen_min_ttl_ms"),
    *("watermark_min_pages", "watermark_low_pages", "watermark_high_pages"),
)
_OF_TIER: Final = (
    *("file_pages", "anon_pages", "lru_pages", "slab_pages", "balloon_pages", "reported_pages", "kills"),
    *("first_s", "busy_s", "spans", "tasks", "min_priority"),
    *("missed_pages", "extra_pages", "nr_scanned", "efficiency", "silent_scans"),
)
_OF_BALLOON: Final = (
    *("reclaim_path", "inflated_pages", "wasted_pages", "migrated_pages", "missed_pages", "extra_pages"),
    *("target_changes", "reported_pages", "hinted_pages", "puffs", "work_spans", "worker_s"),
)
_OF_SIZE: Final = ("start_bytes", "end_bytes", "lowest_bytes", "highest_bytes", "quality")


def result_rows(table: Table, analysis: Analysis, facts: RecordingFacts) -> list[Row]:
    """All rows of one of `registry.RESULT_TABLES`, with at least its columns as keys; None is what is not known."""
    return [dict(row) for row in _MAKERS[table.name](analysis, facts)]


def _metadata(analysis: Analysis, facts: RecordingFacts) -> list[Row]:
    told = facts.metadata
    return [
        {
            "file": facts.source,
            **{name: getattr(told, name) or None for name in _RECORDED},
            **{name: getattr(told, name) for name in _AS_IT_IS},
            "duration_s": analysis.duration_s,
            "balloon_driver": told.balloon.driver,
            "balloon_features": list(told.balloon.features),
            "balloon_reclaim_path": told.balloon.reclaim_path,
            "command": list(told.command),
            "slice_from_s": facts.slice and facts.slice.from_s,
            "slice_to_s": facts.slice and facts.slice.to_s,
            "events": analysis.accounting.events,
            "lost_events": facts.lost_total,
            "complete": facts.complete,
            "cut_bytes": facts.cut_bytes,
            "bad_blocks": facts.bad_blocks,
        }
    ]


def _sources(metadata: Metadata) -> Iterable[Row]:
    for row in metadata.plan:
        yield {"what": row.what, "source": row.source, "state": row.state.value, "reason": row.reason or None}


def _tiers(analysis: Analysis) -> Iterable[Row]:
    for tier in analysis.tiers:
        for scope, part in scope_parts(tier):
            head = {"tier": tier.tier.label, "scope": scope and scope.value, "quality": part.quality.value}
            yield head | {name: getattr(part, name) for name in _OF_TIER}


def _balloon(balloon: BalloonResult, driver: str | None) -> Row:
    leaked = {f"leaked_{cause.value}_pages": balloon.leaked_pages.get(cause) for cause in Cause}
    size = {f"size_{name}": balloon.size and getattr(balloon.size, name) for name in _OF_SIZE}
    known = {name: getattr(balloon, name) for name in _OF_BALLOON}
    return {"driver": driver, **known, **leaked, **size, "quality": balloon.quality.value}


def _as_they_are(things: Iterable[Any] | None) -> list[Row]:
    return [fields_of(each) for each in things or ()]


_MAKERS: Final[Mapping[str, Callable[[Analysis, RecordingFacts], Iterable[Row]]]] = {
    METADATA.name: _metadata,
    SOURCES.name: lambda _, facts: _sources(facts.metadata),
    NOT_JUDGED.name: lambda analysis, _: _as_they_are(analysis.not_judged),
    FINDINGS.name: lambda analysis, _: _as_they_are(analysis.findings),
    TIERS.name: lambda analysis, _: _tiers(analysis),
    LADDER.name: lambda analysis, _: ladder_rows(analysis.tiers),
    RECLAIMERS.name: lambda analysis, _: reclaimer_rows(analysis.tiers),
    EPISODES.name: lambda analysis, _: map(episode_row, analysis.episodes),
    STALLS.name: lambda analysis, _: map(stall_row, analysis.stalls),
    CGROUPS.name: lambda analysis, _: _as_they_are(analysis.cgroups),
    SHRINKERS.name: lambda analysis, _: _as_they_are(analysis.shrinkers),
    BALLOON.name: lambda analysis, facts: [_balloon(analysis.balloon, facts.metadata.balloon.driver)],
    STEPS.name: lambda analysis, _: _as_they_are(analysis.steps),
    CONFLICTS.name: lambda analysis, _: map(conflict_row, analysis.conflicts),
    CYCLES.name: lambda analysis, _: map(classed_row, analysis.cycles),
    STORMS.name: lambda analysis, _: map(classed_row, analysis.storms),
}
