"""What each tier supplied, what shrinkers took, what was read again, who was killed."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Final

from ..analyze.model import killed_from_user_space
from ..analyze.terms import Scope, Tier
from ..live.looks import Look, Rung, Supply, beginning, refaults
from ..live.windows import grown
from .bounded import BoundedNames
from .families import Families
from .results import Results

_LRU: Final = ("file", "anon", "lru", "slab", "balloon")
_SOURCES: Final[Mapping[Tier, tuple[str, ...]]] = {
    Tier.PROACTIVE: ("file", "anon", "lru", "slab"),
    Tier.BACKGROUND: _LRU,
    Tier.DIRECT: _LRU,
    Tier.OOM_NOTIFY: ("balloon",),
}
"""What tiers can take memory from; `lru` is what is known to be file or anonymous, but not which."""


def tell_reclaim(results: Results, families: Families) -> None:
    """Sums since the recording began."""
    for (tier, scope), supply in rungs(results.look):
        labels = {"tier": tier.label, "scope": scope.value if scope else ""}
        for source in _SOURCES.get(tier, ()):
            size = results.bytes(getattr(supply, f"{source}_pages"))
            families.counter("reclaimed_bytes", "Memory that a tier supplied.", size, **labels, source=source)
        families.counter("busy_seconds", "Time in which a tier was at work.", supply.busy_s, **labels)
        spans = None if supply.busy_s is None and not supply.spans else supply.spans
        families.counter("spans", "Calls and single events of a tier.", spans, **labels)
    again = grown(refaults(results.look), refaults(beginning(results.look, results.analysis)))
    size_again = None if again is None else again[0] * results.page_bytes
    families.counter("refaulted_bytes", "Page cache that was evicted and read again.", size_again)
    _tell_kills(results, families)


def tell_shrinkers(results: Results, families: Families, names: BoundedNames) -> None:
    """Time in shrinkers, the busiest first."""
    rows = sorted(results.analysis.shrinkers, key=lambda one: -one.busy_s)
    for name, busy_s in names.sums((one.name, one.name, one.busy_s) for one in rows).items():
        families.counter("shrinker_seconds", "Time in calls of a shrinker.", busy_s, shrinker=name)


def rungs(look: Look) -> Iterator[tuple[Rung, Supply]]:
    """All tiers, direct reclaim in each scope from the first on: one in which nobody reclaimed yet is 0, so that its
    first pages are growth."""
    scopes = {scope for tier, scope in look.supplies if tier is Tier.DIRECT} - {None}
    for (tier, scope), supply in look.supplies.items():
        if tier is not Tier.DIRECT or scope is not None:
            yield (tier, scope), supply
    whole = look.supplies.get((Tier.DIRECT, None))
    for scope in Scope:
        if scope not in scopes:
            yield (Tier.DIRECT, scope), whole or Supply()


def _tell_kills(results: Results, families: Families) -> None:
    analysis = results.analysis
    if results.look.kills is None:
        return
    by = {
        "oom_killer": sum(row.kills for row in analysis.tiers),
        "user_space": analysis.forgotten.user_killed + killed_from_user_space(analysis.findings),
    }
    for who, kills in by.items():
        families.counter("kills", "Processes killed for want of memory.", kills, by=who)
