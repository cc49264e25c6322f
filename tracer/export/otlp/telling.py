"""What spans and their events say, named as `summary --json` names it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any, Final

from ...analyze.model import Episode, TierRow
from ...analyze.terms import Tier
from .found import Found

_NOT_TOLD: Final = frozenset({"start_s", "end_s", "spans", "tiers"})
"""A span has its own times, and ids of the recording's spans say nothing outside of it."""
_OF_TIER: Final = (
    *("busy_s", "spans", "tasks", "min_priority", "file_pages", "anon_pages", "lru_pages", "slab_pages"),
    *("balloon_pages", "reported_pages", "nr_scanned", "efficiency", "silent_scans", "missed_pages", "extra_pages"),
)


@dataclass(frozen=True)
class Moment:
    """An event of a span, `at_s` seconds after the recording's start."""

    at_s: float
    name: str
    told: Mapping[str, Any]


def told(found: Found) -> dict[str, Any]:
    """Its numbers, by its kind."""
    thing = found.thing
    if isinstance(thing, Episode):
        highest = max((row.tier for row in thing.tiers), default=None)
        values = asdict(replace(thing, tiers=[])) | {"highest_tier": None if highest is None else highest.label}
    else:
        values = asdict(thing) | {"balloon_quality": found.balloon.value}
    named = {("class" if name == "cycle_class" else name): value for name, value in values.items()}
    return {found.kind: {name: value for name, value in named.items() if name not in _NOT_TOLD}}


def moments(found: Found) -> Iterator[Moment]:
    """When each tier was first at work in an episode, and who was killed."""
    if isinstance(found.thing, Episode):
        for row in found.thing.tiers:
            yield Moment(row.first_s, f"tier {row.tier.label}", {"tier": _tier(row)})
    for kill in found.kills:
        yield Moment(kill.start_s, kill.kind, {"finding": {"id": kill.id, "numbers": kill.numbers}})


def _tier(row: TierRow) -> dict[str, Any]:
    counts = {name: getattr(row, name) for name in _OF_TIER}
    kills = row.kills if row.tier is Tier.OOM_KILL else None
    return {"name": row.tier.label, "quality": row.quality.value, **counts, "kills": kills}
