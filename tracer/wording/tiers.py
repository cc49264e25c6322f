"""Tiers as people read them: direct reclaim by whose limit it worked against, and who reclaimed."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Final

from ..analyze.balloon.runs import belongs_to_balloon
from ..analyze.model import Reclaimer, TierRow
from ..analyze.naming import row_label, scope_label, tier_title
from ..analyze.terms import Scope, Tier
from ..metadata import Metadata
from .numbers import count, mib, plural, seconds

_OF_THE_MACHINE: Final = frozenset({"direct_reclaim_begin", "kswapd_wake"})
"""Kinds that would tell of the machine's own shortage."""
_TASKS: Final = "tasks"
_DAMON: Final = "kdamond"


def rungs(
    rows: Iterable[TierRow], name: Callable[[Tier, Scope | None], str] = scope_label
) -> Iterator[tuple[str, TierRow]]:
    """Rows by tier with their names: `direct (memcg)`, never just `direct`, where it is known."""
    for row in sorted(rows, key=lambda row: row.tier):
        if not row.scopes:
            yield name(row.tier, None), row
        for scope, part in row.scopes.items():
            yield name(row.tier, scope), part


def shrinker_freed(name: str, objects: int) -> str:
    """What a shrinker freed: a balloon's are the balloon's pages, which are no slab."""
    return f"{name} {count(objects)}{' (balloon pages)' * belongs_to_balloon(name)}"


def in_cgroups(rows: Iterable[TierRow], metadata: Metadata) -> str:
    """That all reclaim was memory cgroups', as half a sentence; empty where some was not, or there was none."""
    under_pressure = {row.tier: row for row in rows if Tier.PROACTIVE < row.tier < Tier.OOM_KILL}
    if Tier.DIRECT not in under_pressure or any(row.of_machine for row in under_pressure.values()):
        return ""
    not_short = "; the machine was not short of memory" if metadata.kinds_traced >= _OF_THE_MACHINE else ""
    return f"in memory cgroups at their own limit{not_short}"


def who(rows: Iterable[TierRow], page_bytes: int) -> str:
    """Kernel threads that reclaimed, by tier, without a capital and a full stop; empty where there were none."""
    parts = []
    for row in sorted(rows, key=lambda row: row.tier):
        if any(reclaimer.name != _TASKS for reclaimer in row.reclaimers):
            named = ", ".join(_did(reclaimer, page_bytes) for reclaimer in row.reclaimers)
            parts.append(f"{row_label(row)}: {named}")
    return "; ".join(parts)


def _did(reclaimer: Reclaimer, page_bytes: int) -> str:
    name = f"DAMON ({reclaimer.name})" if reclaimer.name.startswith(_DAMON) else reclaimer.name
    gave = "pages unknown" if reclaimer.pages is None else mib(reclaimer.pages, page_bytes)
    took = seconds(reclaimer.busy_s) if reclaimer.busy_s else plural(reclaimer.spans, "call")
    return f"{name} {gave} in {took}"


def damon(row: TierRow, page_bytes: int) -> str:
    """What DAMON gave without being asked for it by pressure; empty without it."""
    threads = [reclaimer for reclaimer in row.reclaimers if reclaimer.name.startswith(_DAMON) and reclaimer.pages]
    pages = sum(reclaimer.pages or 0 for reclaimer in threads)
    names = ", ".join(reclaimer.name for reclaimer in threads)
    return f"DAMON ({names}) freed {mib(pages, page_bytes)} on its own" if pages else ""


def tier_name(rows: Iterable[TierRow], tier: Tier) -> str:
    """A tier with the scopes it was entered in; its own name where none of the rows is of it."""
    return next((row_label(row) for row in rows if row.tier is tier), tier_title(tier))
