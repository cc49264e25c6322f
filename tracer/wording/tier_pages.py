"""How far a tier's pages off the LRU lists can be trusted, in words."""

from __future__ import annotations

from ..analyze.model import TierRow
from ..analyze.naming import row_label
from ..analyze.terms import Quality
from .numbers import mib


def inferred_mark(row: TierRow) -> str:
    """What stands before a tier's pages: `~` where the kernel's counters and events differ."""
    return "~" if row.off_lru_quality is Quality.INFERRED else ""


def tier_miscount(row: TierRow, page_bytes: int) -> str:
    """How a tier's pages differ from the kernel's count, without capital and full stop; empty if they don't."""
    told = []
    if row.missed_pages:
        told.append(f"{mib(row.missed_pages, page_bytes)} come from the kernel's counters and have no events")
    if row.extra_pages:
        told.append(f"the kernel counted {mib(row.extra_pages, page_bytes)} less than the events show")
    return f"{row_label(row)}: {'; '.join(told)}" if told else ""
