"""The analysis as the JSON that `summary --json` prints; its keys are a contract."""

from __future__ import annotations

from dataclasses import asdict
from datetime import UTC, datetime
from typing import Any

from ..metadata import ClockChange, Metadata, SourceState
from ..program_cost import costs_to_note
from ..recording_facts import RecordingFacts
from .cgroup_rows import CgroupRow
from .model import Analysis, Cycle, Episode, Finding, Stall, Storm, TierRow

FORMAT = "reclaim-tracer/summary"
VERSION = 1


def summary_dict(analysis: Analysis, facts: RecordingFacts) -> dict[str, Any]:
    """Plain JSON values; `_s` are seconds since the recording's start, pages are guest pages."""
    return {
        "format": FORMAT,
        "version": VERSION,
        "recording": _recording(analysis, facts) | _recorder(facts) | _unread(analysis, facts),
        "balloon": _balloon(analysis, facts.metadata),
        "tiers": [_tier(row) for row in analysis.tiers],
        "episodes": [_episode(episode) for episode in analysis.episodes],
        "conflicts": [asdict(conflict) for conflict in analysis.conflicts],
        "cycles": [_with_class(cycle) for cycle in analysis.cycles],
        "storms": [_with_class(storm) for storm in analysis.storms],
        "findings": [finding_dict(finding) for finding in analysis.findings],
        "shrinkers": [asdict(shrinker) for shrinker in analysis.shrinkers],
        "recorder": None if analysis.recorder is None else asdict(analysis.recorder),
        "cgroups": None if analysis.cgroups is None else [_cgroup(row) for row in analysis.cgroups],
        "stalls": [_stall(stall) for stall in analysis.stalls],
    }


def finding_dict(finding: Finding) -> dict[str, Any]:
    """All but its advice, of which JSON has no texts."""
    return {name: value for name, value in asdict(finding).items() if name != "advice"}


def _unread(analysis: Analysis, facts: RecordingFacts) -> dict[str, None]:
    """What a file does not tell that ends before its first event, or even inside its description."""
    unread: tuple[str, ...] = ()
    if not facts.complete and not analysis.accounting.events and not analysis.samples:
        unread = ("duration_s", "lost", "dropped")
    if not facts.complete and facts.metadata == Metadata():
        unread += ("page_size_bytes",)
    return dict.fromkeys(unread)


def _recorder(facts: RecordingFacts) -> dict[str, Any]:
    return {
        "files": facts.files.count,
        "removed_files": facts.files.removed,
        "missing_files": list(facts.files.missing),
        "dropped": facts.dropped_events,
        "clock_changes": [_clock_change(change, facts.metadata) for change in facts.clock_changes],
        "program_cost": costs_to_note(facts.program_cost),
        "marks": [{"at_s": (each.at_ns - facts.metadata.start_ns) / 1e9, "text": each.words} for each in facts.marks],
        "not_kept_s": facts.not_kept_ns / 1e9,
    }


def _recording(analysis: Analysis, facts: RecordingFacts) -> dict[str, Any]:
    accounting, metadata = analysis.accounting, facts.metadata
    return {
        "kernel": metadata.kernel_release,
        "host": metadata.host,
        "labels": dict(metadata.labels),
        "start_utc": _utc(metadata.start_utc_ns),
        "duration_s": analysis.duration_s,
        "slice": None if facts.slice is None else asdict(facts.slice),
        "page_size_bytes": metadata.page_size_bytes,
        "events": accounting.events,
        "events_by_kind": dict(accounting.events_by_kind),
        "lost": accounting.lost_total,
        "lost_by_kind": dict(accounting.lost),
        "complete": facts.complete,
        "cut_bytes": facts.cut_bytes,
        "bad_blocks": facts.bad_blocks,
        "spans": accounting.spans,
        "incomplete_spans": accounting.incomplete_spans,
        "late_events": accounting.late_events,
        "untold_calls": accounting.untold_calls,
        "untold_s": accounting.untold_s,
        "lru_gen_enabled": metadata.lru_gen_enabled,
        "lru_gen_min_ttl_ms": metadata.lru_gen_min_ttl_ms,
        "recorder_pid": metadata.recorder_pid,
        "cgroup_hierarchy": metadata.cgroup_hierarchy or None,
        "counters_include_memcg": analysis.counters_include_memcg,
        "plan": _plan(metadata),
    }


def _clock_change(change: ClockChange, metadata: Metadata) -> dict[str, Any]:
    at_s = (change.at_ns - metadata.start_ns) / 1e9
    return {"at_s": at_s, "kind": change.kind.value, "by_s": change.by_ns / 1e9}


def _utc(time_ns: int) -> str | None:
    """ISO 8601 with milliseconds, or None for an import without a wall clock."""
    if not time_ns:
        return None
    return datetime.fromtimestamp(time_ns / 1e9, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _plan(metadata: Metadata) -> dict[str, str | None]:
    """For each kind the source in use, or null where none was to be had."""
    plan: dict[str, str | None] = {row.what: None for row in metadata.plan}
    plan.update({row.what: row.source for row in metadata.plan if row.state is SourceState.USED})
    return plan


def _balloon(analysis: Analysis, metadata: Metadata) -> dict[str, Any]:
    balloon = analysis.balloon
    return {
        "driver": metadata.balloon.driver,
        "reclaim_path": balloon.reclaim_path,
        "features": list(metadata.balloon.features),
        "inflated_pages": balloon.inflated_pages,
        "leaked_pages": {cause.value: pages for cause, pages in balloon.leaked_pages.items()},
        "net_pages": balloon.net_pages,
        "wasted_pages": balloon.wasted_pages,
        "migrated_pages": balloon.migrated_pages,
        "missed_pages": balloon.missed_pages,
        "extra_pages": balloon.extra_pages,
        "config_changes": balloon.config_changes,
        "target_changes": balloon.target_changes,
        "reports": balloon.reports,
        "reported_pages": balloon.reported_pages,
        "hinted_pages": balloon.hinted_pages,
        "puffs": balloon.puffs,
        "work_spans": balloon.work_spans,
        "worker_s": balloon.worker_s,
        "size": None if balloon.size is None else asdict(balloon.size),
        "quality": balloon.quality.value,
    }


def _episode(episode: Episode) -> dict[str, Any]:
    heroics = episode.before_notifier
    return {
        "id": episode.id,
        "start_s": episode.start_s,
        "end_s": episode.end_s,
        "before_notifier": None if heroics is None else asdict(heroics),
        "tap": None if episode.tap is None else {"verdict": episode.tap.verdict.value, "pages": episode.tap.pages},
        "tiers": [_tier(row) for row in episode.tiers],
    }


def _tier(row: TierRow) -> dict[str, Any]:
    return {
        "tier": row.tier.label,
        "first_s": row.first_s,
        "busy_s": row.busy_s,
        "spans": row.spans,
        "tasks": row.tasks,
        "min_priority": row.min_priority,
        "quality": row.quality.value,
        "missed_pages": row.missed_pages,
        "extra_pages": row.extra_pages,
        "nr_scanned": row.nr_scanned,
        "efficiency": row.efficiency,
        "silent_scans": row.silent_scans,
        "nodes": {str(nid): {"pages": pages} for nid, pages in row.node_pages.items()},
        "sources": {
            "file": {"pages": row.file_pages},
            "anon": {"pages": row.anon_pages},
            "lru": {"pages": row.lru_pages},
            "slab": {"pages": row.slab_pages, "objects": dict(row.slab_objects)},
            "balloon": {"pages": row.balloon_pages, "pages_at_def_priority": row.balloon_pages_at_def_priority},
            "reported": {"pages": row.reported_pages},
            "process": {"kills": row.kills},
        },
        "scopes": {scope.value: _tier(part) for scope, part in row.scopes.items()},
        "reclaimers": [asdict(reclaimer) for reclaimer in row.reclaimers],
    }


def _stall(stall: Stall) -> dict[str, Any]:
    lengths = [{"below_ns": below_ns, "spans": spans} for below_ns, spans in stall.lengths.items()]
    return {**asdict(stall), "tier": stall.tier.label, "lengths": lengths}


def _cgroup(row: CgroupRow) -> dict[str, Any]:
    return {**asdict(row), "tiers": [{**asdict(tier), "tier": tier.tier.label} for tier in row.tiers]}


def _with_class(thing: Cycle | Storm) -> dict[str, Any]:
    values = asdict(thing)
    return {("class" if key == "cycle_class" else key): value for key, value in values.items()}
