"""How many pages scans of the LRU lists looked at, as people read it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from types import MappingProxyType
from typing import Final

from ..analyze.model import Finding, TierRow
from ..analyze.naming import row_label
from ..analyze.scanned import HasScanned, is_bound
from ..analyze.terms import Quality
from .numbers import listing, plural

AT_MOST: Final = "≤ "
_STEPS: Final = (0.001, 0.01)
_KIND: Final = "futile_reclaim"
_BOUNDS: Final = MappingProxyType({"nr_scanned": "at least ", "efficiency": "at most "})
_NONE: Final = MappingProxyType[str, str]({})


def efficiency_words(scanned: HasScanned, shown: Callable[[float], str], at_most: str = AT_MOST) -> str:
    """Its efficiency, behind `at_most` where it is an upper bound; empty where it is not known. Nothing freed is 0 of
    any number, at most next to nothing is never at most 0."""
    share = scanned.efficiency
    if share is None:
        return ""
    if not share or not is_bound(scanned):
        return shown(share)
    nothing = shown(0.0)
    return f"{at_most}{next(shown(each) for each in (share, *_STEPS) if shown(each) != nothing)}"


def bounds(finding: Finding) -> Mapping[str, str]:
    """What stands before those of a finding's numbers that are bounds where all others are measured, by their keys;
    empty where all were had in one way."""
    return _BOUNDS if finding.kind == _KIND and finding.quality is Quality.LOWER_BOUND else _NONE


def silent_scans(rows: Iterable[TierRow]) -> str:
    """Why efficiencies of tiers are upper bounds, without capital and full stop; empty where none is."""
    bounds = [row for row in rows if is_bound(row)]
    told = [f"{plural(row.silent_scans, 'scan')} in {row_label(row)}" for row in bounds if row.silent_scans]
    summed = [row_label(row) for row in bounds if row.silent_scans is None]
    words = [f"the kernel does not say how many pages {listing(told)} looked at"] if told else []
    if summed:
        words.append(f"scans in {listing(summed)} were added up, which hides those of which the kernel says 0 pages")
    return f"efficiency is an upper bound: {'; '.join(words)}" if words else ""
