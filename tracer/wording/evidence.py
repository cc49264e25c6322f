"""What a recording has no evidence of, so that nothing is called fine that was not looked at."""

from __future__ import annotations

from typing import Final

from ..analyze.findings.needs import nothing_recorded
from ..analyze.model import Analysis, TierRow
from ..metadata import Metadata
from ..recording_facts import RecordingFacts
from .length import length_of
from .numbers import bytes_, plural

_COUNTING: Final = frozenset(
    {
        *("lru_shrink_inactive", "reclaim_pages", "direct_reclaim_end", "memcg_reclaim_end", "node_reclaim_end"),
        *("memcg_softlimit_reclaim_end", "balance_pgdat_end"),
    }
)
"""Kinds that say how many pages reclaim got."""


def seen_of(analysis: Analysis, facts: RecordingFacts, kinds: frozenset[str]) -> bool:
    """Whether nothing of these kinds means that there was nothing: they were traced, and no part is missing."""
    if not kinds.isdisjoint(analysis.accounting.events_by_kind):
        return True
    if nothing_recorded(analysis, facts.metadata):
        return False
    return bool(facts.metadata.kinds_traced & kinds) and not unseen_part(facts)


NO_BALLOON: Final = "this machine has none"
PLAN_UNKNOWN: Final = "this recording does not say what was traced"


def no_balloon(facts: RecordingFacts) -> str:
    """Why there is no balloon in the results, without capital and full stop."""
    if facts.metadata.imported_from:
        return "none was seen"
    return NO_BALLOON if facts.metadata.plan else "not known whether there is one"


def unseen_part(facts: RecordingFacts) -> list[str]:
    """What of the recording is missing, as clauses."""
    missed = []
    if facts.lost_total:
        missed.append(f"{plural(facts.lost_total, 'event was', 'events were')} lost")
    if facts.cut_bytes:
        missed.append(f"the recording was cut short ({bytes_(facts.cut_bytes)} at its end could not be used)")
    elif facts.source_damage:
        missed.append(f"the imported source is damaged ({facts.source_damage}) and the rest of it is missing")
    elif not facts.complete:
        missed.append(
            "the recorder was stopped before it could close the recording (about the last second may be missing)"
        )
    if facts.bad_blocks:
        missed.append(f"{plural(facts.bad_blocks, 'damaged block was', 'damaged blocks were')} skipped")
    return missed


def nothing_seen(analysis: Analysis, facts: RecordingFacts) -> str:
    """Why it can't be told whether any tier gave memory, without capital and full stop; empty where it can."""
    if nothing_recorded(analysis, facts.metadata) and not unseen_part(facts):
        return "can't tell: nothing was recorded"
    if unseen_part(facts):
        events = plural(analysis.accounting.events, "event")
        return f"can't tell: {events} in {length_of(analysis, facts)}, no reclaim seen, and part of it is missing"
    if not facts.metadata.plan:
        return f"can't tell: {PLAN_UNKNOWN}"
    if not _counting(facts.metadata):
        where = "trace" if facts.metadata.imported_from else "recording"
        return f"can't tell: this {where} does not count the pages that reclaim freed"
    if calls := analysis.accounting.untold_calls:
        belong = plural(calls, "shrinker call belongs", "shrinker calls belong")
        return f"can't tell which reclaim {belong} to"
    return ""


def _counting(metadata: Metadata) -> set[str]:
    """Kinds of this recording that say how many pages reclaim got."""
    return {kind for kind in metadata.kinds_traced & _COUNTING if metadata.tells(kind, "nr_reclaimed")}


def gave_unknown(row: TierRow) -> bool:
    """Whether a tier was at work and nothing counts what it gave."""
    return row.off_lru_pages is None
