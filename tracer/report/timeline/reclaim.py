"""What reclaim freed over time, by tier and source, and how busy the shrinkers were."""

from __future__ import annotations

from typing import Final

from ...analyze.findings.needs import SHRINKER_KINDS
from ...analyze.sizes import MIB
from ...analyze.terms import Tier
from ...wording.evidence import nothing_seen, seen_of
from ...wording.tiers import tier_name
from ..palette import tier_color
from ..section import Source
from ..table import none_seen
from .model import Amounts, Look, Row

_SOURCES: Final = (("file", "solid"), ("anon", "pale"), ("lru", "medium"))


def reclaim_row(source: Source) -> Row:
    """Pages off the LRU lists, by tier (colour) and source (strength)."""
    analysis, scale = source.analysis, source.page_bytes / MIB
    row = Row("reclaim", "Reclaimed pages", f"MiB{_lists(source)}", 88, stacked=True)
    totals: list[str] = []
    for tier in Tier:
        for kind, look in _SOURCES:
            series = f"{tier.label}.{kind}_pages"
            pages = analysis.timeline.series.get(series)
            if pages is None or not pages.any():
                continue
            name = f"{tier_name(analysis.tiers, tier)} {kind}"
            moments = analysis.timeline.moments.get(series)
            row.series.append(
                Amounts(Look(name, tier_color(tier), look), analysis.timeline.bucket_s, pages, moments, scale)
            )
            totals.append(f"{name} {pages.sum() * scale:,.1f}")
    row.words = f"MiB over the whole recording: {'; '.join(totals)}." if totals else _no_page(source)
    return row


def _lists(source: Source) -> str:
    """Which of the kernel's two kinds of LRU lists the pages come off, where that is known."""
    enabled = source.facts.metadata.lru_gen_enabled
    if enabled is None:
        return ""
    return " off the multi-gen LRU" if enabled else " off the active and inactive lists"


def _no_page(source: Source) -> str:
    if any(row.off_lru_pages for row in source.analysis.tiers):
        return "Pages were reclaimed (see the ladder), but this recording does not tell when."
    untold = nothing_seen(source.analysis, source.facts)
    if not untold:
        return "No page was reclaimed from the LRU during the recording."
    return f"Not known whether pages were reclaimed: {untold.partition(': ')[2] or untold}."


def slab_row(source: Source) -> Row:
    """Objects that shrinkers freed: an activity, not a size."""
    timeline = source.analysis.timeline
    row = Row("slab", "Slab objects freed", "objects, all shrinkers", 46)
    objects = timeline.series.get("slab.objects")
    if objects is None or not objects.any():
        seen = seen_of(source.analysis, source.facts, SHRINKER_KINDS)
        none = "No shrinker freed an object during the recording."
        row.words = none_seen(none, "No shrinker was seen freeing an object", seen=seen)
        return row
    look = Look("objects freed", "var(--mem-slab)", "solid")
    row.series.append(Amounts(look, timeline.bucket_s, objects, timeline.moments.get("slab.objects")))
    row.words = "How busy the shrinkers were, not how much memory they freed: objects differ in size between shrinkers."
    return row
