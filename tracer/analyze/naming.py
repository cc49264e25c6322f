"""Tiers by name in labels and sentences: direct reclaim never without whose limit it worked against, where known."""

from __future__ import annotations

from collections.abc import Iterable

from .model import Stall, TierRow
from .terms import Scope, Tier


def tier_title(tier: Tier) -> str:
    """A tier's name for people: throttling, where allocations wait and nothing is tried again, is in tier 3, too."""
    return "retry / throttled" if tier is Tier.RETRY else tier.label


def scope_label(tier: Tier, scope: Scope | None) -> str:
    """`direct (memcg)`; the tier alone where it has no scopes."""
    return f"{tier_title(tier)}{_bracket((scope,) if scope else ())}"


def reclaim_label(tier: Tier, scope: Scope | None) -> str:
    """What supplies memory in a tier, in a sentence: `direct reclaim (memcg)`, `OOM notifiers`."""
    if tier is Tier.OOM_NOTIFY:
        return "OOM notifiers"
    return f"{tier.label} reclaim{_bracket((scope,) if scope else ())}" if tier < Tier.RETRY else tier_title(tier)


def row_label(row: TierRow) -> str:
    """A whole tier with all its scopes: `direct (global, memcg)`."""
    return f"{tier_title(row.tier)}{_bracket(row.scopes)}"


def reclaim_in(row: TierRow) -> str:
    """A tier's reclaim in a sentence, with the scopes that were entered: `direct reclaim (memcg)`."""
    return f"{row.tier.label} reclaim{_bracket(row.scopes)}"


def tap_in(row: TierRow) -> str:
    """The same, with the scopes alone in which pages were taken from the balloon."""
    return f"{row.tier.label} reclaim{_bracket(scope for scope, part in row.scopes.items() if part.balloon_pages)}"


def recorder_reclaim(stalls: Iterable[Stall]) -> str:
    """The recorder's own direct reclaim, with the scopes that it waited in."""
    own = {stall.scope for stall in stalls if stall.is_recorder and stall.tier is Tier.DIRECT}
    return f"direct reclaim{_bracket(scope for scope in Scope if scope in own)}"


def _bracket(scopes: Iterable[Scope]) -> str:
    names = ", ".join("scope unknown" if scope is Scope.UNKNOWN else scope.value for scope in scopes)
    return f" ({names})" if names else ""
