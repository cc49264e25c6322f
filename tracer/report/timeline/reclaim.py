"""What reclaim freed over time, by tier and source, and how busy the shrinkers were."""

from __future__ import annotations

from typing import Final

from ...analyze.sizes import MIB
from ...analyze.terms import Tier
from ...wording.tiers import tier_name
from ..palette import tier_color
from ..section import Source
from .model import Amounts, Look, Row

_SOURCES: Final = (("file", "solid"), ("anon", "pale"), ("lru", "medium"))


def reclaim_row(source: Source) -> Row:
    """Pages off the LRU lists, by tier (colour) and source (strength)."""
    analysis, scale = source.analysis, source.page_bytes / MIB
    row = Row("reclaim", "Reclaimed pages", "MiB", 120, stacked=True)
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
    words = f"MiB over the whole recording: {'; '.join(totals)}."
    row.words = words if totals else "No page was reclaimed from the LRU during the recording."
    return row


def slab_row(source: Source) -> Row:
    """Objects that shrinkers freed: an activity, not a size."""
    timeline = source.analysis.timeline
    row = Row("slab", "Slab objects freed", "objects, all shrinkers", 64)
    objects = timeline.series.get("slab.objects")
    if objects is None or not objects.any():
        row.words = "No shrinker freed an object during the recording."
        return row
    look = Look("objects freed", "var(--mem-slab)", "solid")
    row.series.append(Amounts(look, timeline.bucket_s, objects, timeline.moments.get("slab.objects")))
    row.words = "How busy the shrinkers were, not how much memory they freed: objects differ in size between shrinkers."
    return row
