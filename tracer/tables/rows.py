"""The analysis as rows of the tables that are also frames."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import fields
from typing import Any

from ..analyze.model import Conflict, Cycle, Episode, Stall, Storm, TierRow
from ..analyze.terms import Quality, Scope

Row = dict[str, Any]


def fields_of(thing: Any) -> Row:  # noqa: ANN401 - a dataclass
    """Its fields as they are: `asdict` copies every list in them."""
    return {field.name: getattr(thing, field.name) for field in fields(thing)}


def ladder_rows(tiers: Sequence[TierRow]) -> list[Row]:
    """Tier x source; what belongs to the tier as a whole stands on each of its rows."""
    return [row for tier in tiers for scope, part in scope_parts(tier) for row in _rungs(part, scope)]


def scope_parts(tier: TierRow) -> Iterable[tuple[Scope | None, TierRow]]:
    """A tier by scope; those that have none as they are."""
    return tier.scopes.items() or [(None, tier)]


def reclaimer_rows(tiers: Sequence[TierRow]) -> list[Row]:
    """Who reclaimed, by tier and scope."""
    return [
        {"tier": tier.tier.label, "scope": scope and scope.value, **fields_of(reclaimer)}
        for tier in tiers
        for scope, part in scope_parts(tier)
        for reclaimer in part.reclaimers
    ]


def _rungs(tier: TierRow, scope: Scope | None) -> Iterator[Row]:
    whole = {
        "tier": tier.tier.label,
        "scope": scope and scope.value,
        "first_s": tier.first_s,
        "busy_s": tier.busy_s,
        "spans": tier.spans,
        "tasks": tier.tasks,
        "min_priority": tier.min_priority,
        "missed_pages": tier.missed_pages,
        "extra_pages": tier.extra_pages,
        "nr_scanned": tier.nr_scanned,
        "efficiency": tier.efficiency,
        "silent_scans": tier.silent_scans,
    }
    for source, gave, quality in _sources(tier):
        yield {**whole, "source": source, "pages": None, "objects": None, "kills": None, **gave, "quality": quality}


def _sources(tier: TierRow) -> Iterator[tuple[str, dict[str, int | None], str]]:
    # Of what was under way at the start only a part was seen.
    least = tier.quality is Quality.LOWER_BOUND
    measured, inferred = (Quality.LOWER_BOUND if least else Quality.MEASURED).value, Quality.INFERRED.value
    off_lru = measured if least else tier.off_lru_quality.value
    yield "file", {"pages": tier.file_pages}, off_lru
    yield "anon", {"pages": tier.anon_pages}, off_lru
    yield "lru", {"pages": tier.lru_pages}, off_lru
    yield "slab", {"pages": tier.slab_pages}, inferred
    for shrinker, objects in tier.slab_objects.items():
        yield f"slab:{shrinker}", {"objects": objects}, measured
    yield "balloon", {"pages": tier.balloon_pages}, tier.quality.value
    yield (
        "reported",
        {"pages": tier.reported_pages},
        (Quality.UNKNOWN.value if tier.reported_pages is None else measured),
    )
    yield "process", {"kills": tier.kills}, Quality.MEASURED.value


def episode_row(episode: Episode) -> Row:
    """An episode without its ladder."""
    before = episode.before_notifier
    return {
        "id": episode.id,
        "start_s": episode.start_s,
        "end_s": episode.end_s,
        "highest_tier": max(row.tier for row in episode.tiers).label if episode.tiers else None,
        "tap": episode.tap and episode.tap.verdict.value,
        "before_notifier_s": before and before.before_s,
        "before_notifier_stall_s": before and before.stall_s,
        "before_notifier_stalls": before and before.stalls,
        "before_notifier_retries": before and before.retries,
        "before_notifier_min_priority": before and before.min_priority,
    }


def conflict_row(conflict: Conflict) -> Row:
    """A conflict with its overlaps beside each other."""
    overlaps = {f"overlap_{actor}_s": seconds for actor, seconds in conflict.overlap_s.items()}
    return {**fields_of(conflict), **overlaps}


def classed_row(thing: Cycle | Storm) -> Row:
    """A cycle or a storm; its class is called `class`, as in the JSON."""
    return {**fields_of(thing), "class": thing.cycle_class.value}


def stall_row(stall: Stall) -> Row:
    """A task's stalls in one tier and scope."""
    row = {**fields_of(stall), "tier": stall.tier.label, "scope": stall.scope and stall.scope.value}
    return {name: value for name, value in row.items() if name != "lengths"}
