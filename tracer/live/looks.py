"""What the results so far came to at one moment, as a few totals, and such moments of the last minute."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, NamedTuple

from ..analyze.curves import Quantity
from ..analyze.findings.needs import BACKGROUND_KINDS, KILL_KINDS, NOTIFIER_KINDS, WAIT_KINDS
from ..analyze.model import Analysis, Stall, TierRow, cycle_count, killed_from_user_space, known_sum
from ..analyze.terms import Cause, Quality, Scope, Tier
from ..batch import UNKNOWN_KIND
from ..metadata import Metadata

PSI_SOME: Final = "psi.memory.some_total_us"
PSI_FULL: Final = "psi.memory.full_total_us"
REFAULTS: Final = ("vmstat.workingset_refault_file", "vmstat.workingset_refault")
"""Page cache read again, in pages; the second before Linux 5.9, which counted no other."""
AVAILABLE: Final = "meminfo.MemAvailable_bytes"
DIRECT_KINDS: Final = WAIT_KINDS - {"throttled"}
SHOWN_BY: Final = {
    Tier.BACKGROUND: BACKGROUND_KINDS,
    Tier.DIRECT: DIRECT_KINDS,
    Tier.RETRY: frozenset({"throttled", "reclaim_retry_zone", "compact_retry", "compaction_begin"}),
    Tier.OOM_NOTIFY: NOTIFIER_KINDS,
    Tier.OOM_KILL: KILL_KINDS,
}
"""Event kinds any of which shows that a tier is at work; proactive reclaim has many."""

Rung = tuple[Tier, Scope | None]
"""A tier, direct reclaim by whose limit it works against once there was any."""


class Supply(NamedTuple):
    """One rung's totals: guest pages by source, time in its spans, tasks' waiting added up."""

    file_pages: int | None = 0
    anon_pages: int | None = 0
    lru_pages: int | None = 0
    slab_pages: int | None = 0
    balloon_pages: int | None = 0
    busy_s: float | None = 0.0
    waited_s: float | None = 0.0
    spans: int = 0
    quality: Quality = Quality.MEASURED


class Moved(NamedTuple):
    """The balloon's totals in guest pages, and its cycles."""

    inflated: int | None
    leaked: Mapping[Cause, int | None]
    reported: int | None
    cycles: int | None
    wasted: int | None
    quality: Quality

    @property
    def out(self) -> int | None:
        """Leaked, by whatever cause."""
        return known_sum(self.leaked.values())


class Reading(NamedTuple):
    """A counter as read at a time."""

    time_s: float
    value: float


class Look(NamedTuple):
    """All totals at one moment. `waited_s` is what all tasks waited in direct reclaim and OOM notifiers, `stalled_s` is
    the time in which any did in the former; `readings` are the newest of cumulative counters."""

    time_s: float
    supplies: Mapping[Rung, Supply]
    moved: Moved
    waited_s: float | None
    stalled_s: float | None
    kills: int | None
    events: int
    lost: int
    readings: Mapping[str, Reading]
    available: Reading | None = None
    balloon_bytes: float | None = None

    def off_lru(self, tier: Tier) -> int | None:
        """What a tier took off the LRU lists; None where it is not known of some of it."""
        supplies = [supply for (of, _), supply in self.supplies.items() if of is tier]
        counts = [known_sum((one.file_pages, one.anon_pages, one.lru_pages)) for one in supplies]
        return None if None in counts else known_sum(counts)


UNTOLD: Final = Supply(None, None, None, None, None, None, None, 0, Quality.UNKNOWN)


def look_at(analysis: Analysis, metadata: Metadata) -> Look:
    """The totals of the results so far."""
    waits, direct_told = _waits(analysis.stalls), is_told(analysis, metadata, DIRECT_KINDS)
    direct = next((row for row in analysis.tiers if row.tier is Tier.DIRECT), None)
    return Look(
        time_s=analysis.duration_s,
        supplies=_supplies(analysis, metadata, waits),
        moved=_moved(analysis),
        waited_s=_all_waits(waits) if direct_told else None,
        stalled_s=(0.0 if direct is None else direct.busy_s) if direct_told else None,
        kills=_kills(analysis) if is_told(analysis, metadata, KILL_KINDS) else None,
        events=analysis.accounting.events,
        lost=analysis.accounting.lost_total,
        readings=_readings(analysis.samples, -1),
        available=_reading(analysis.samples.get(AVAILABLE), -1),
        balloon_bytes=None if analysis.balloon.size is None else float(analysis.balloon.size.end_bytes),
    )


def beginning(now: Look, analysis: Analysis) -> Look:
    """The same before anything happened: nothing was counted yet, counters stood where they were first read."""
    size = analysis.balloon.size
    return now._replace(
        time_s=0.0,
        supplies={rung: _zeroed(supply) for rung, supply in now.supplies.items()},
        moved=_nothing_moved(now.moved),
        waited_s=None if now.waited_s is None else 0.0,
        stalled_s=None if now.stalled_s is None else 0.0,
        kills=_zero(now.kills),
        events=0,
        lost=0,
        readings=_readings(analysis.samples, 0),
        available=_reading(analysis.samples.get(AVAILABLE), 0),
        balloon_bytes=None if size is None else float(size.start_bytes),
    )


def is_told(analysis: Analysis, metadata: Metadata, kinds: frozenset[str]) -> bool:
    """Whether events of any of these kinds were traced, or came; an older recording names no sources."""
    seen = kinds & analysis.accounting.events_by_kind.keys()
    return bool(seen or not metadata.plan or kinds & metadata.kinds_traced)


def refaults(look: Look) -> Reading | None:
    """Page cache read again since the machine started, in guest pages."""
    return next((look.readings[name] for name in REFAULTS if name in look.readings), None)


def lost_unknown(analysis: Analysis) -> bool:
    """Whether events were lost of which it is not known what they were."""
    return bool(analysis.accounting.lost.get(UNKNOWN_KIND))


def _zeroed(supply: Supply) -> Supply:
    return supply._replace(
        file_pages=_zero(supply.file_pages),
        anon_pages=_zero(supply.anon_pages),
        lru_pages=_zero(supply.lru_pages),
        slab_pages=_zero(supply.slab_pages),
        balloon_pages=_zero(supply.balloon_pages),
        busy_s=None if supply.busy_s is None else 0.0,
        waited_s=None if supply.waited_s is None else 0.0,
        spans=0,
    )


def _nothing_moved(moved: Moved) -> Moved:
    leaked = {cause: _zero(pages) for cause, pages in moved.leaked.items()}
    inflated, reported, cycles, wasted = map(_zero, (moved.inflated, moved.reported, moved.cycles, moved.wasted))
    return Moved(inflated, leaked, reported, cycles, wasted, moved.quality)


def _zero(value: int | None) -> int | None:
    return None if value is None else 0


def _supplies(analysis: Analysis, metadata: Metadata, waits: Mapping[Rung, float]) -> dict[Rung, Supply]:
    rows = {row.tier: row for row in analysis.tiers}
    supplies: dict[Rung, Supply] = {}
    for tier in Tier:
        if (row := rows.get(tier)) is None:
            told = tier is Tier.PROACTIVE or is_told(analysis, metadata, SHOWN_BY[tier])
            supplies[tier, None] = Supply() if told else UNTOLD
        elif row.scopes:
            supplies |= {(tier, scope): _supply(part, waits, scope) for scope, part in row.scopes.items()}
        else:
            supplies[tier, None] = _supply(row, waits, None)
    return supplies


def _supply(row: TierRow, waits: Mapping[Rung, float], scope: Scope | None) -> Supply:
    waited_s = sum(each_s for (tier, of), each_s in waits.items() if tier is row.tier and scope in (None, of))
    return Supply(
        row.file_pages,
        row.anon_pages,
        row.lru_pages,
        row.slab_pages,
        row.balloon_pages,
        row.busy_s,
        waited_s,
        row.spans,
        row.quality,
    )


def _waits(stalls: list[Stall]) -> dict[Rung, float]:
    waits: dict[Rung, float] = {}
    for stall in stalls:
        rung = (stall.tier, stall.scope)
        waits[rung] = waits.get(rung, 0.0) + stall.stall_s
    return waits


def _all_waits(waits: Mapping[Rung, float]) -> float:
    """Waits of tier 3 lie inside those of tier 2."""
    return sum(waited_s for (tier, _), waited_s in waits.items() if tier is not Tier.RETRY)


def _moved(analysis: Analysis) -> Moved:
    balloon = analysis.balloon
    return Moved(
        inflated=balloon.inflated_pages,
        leaked=dict(balloon.leaked_pages),
        reported=balloon.reported_pages,
        cycles=None if balloon.wasted_pages is None else analysis.forgotten.cycles + cycle_count(analysis.cycles),
        wasted=balloon.wasted_pages,
        quality=balloon.quality,
    )


def _kills(analysis: Analysis) -> int:
    """By the OOM killer, and from user space where it is likely that memory was the reason."""
    from_user_space = analysis.forgotten.user_killed + killed_from_user_space(analysis.findings)
    return sum(row.kills for row in analysis.tiers) + from_user_space


def _readings(samples: Mapping[str, Quantity], at: int) -> dict[str, Reading]:
    readings = ((name, _reading(samples.get(name), at)) for name in (PSI_SOME, PSI_FULL, *REFAULTS))
    return {name: reading for name, reading in readings if reading is not None}


def _reading(quantity: Quantity | None, at: int) -> Reading | None:
    if quantity is None or not len(quantity.values):
        return None
    return Reading(float(quantity.time_s[at]), float(quantity.values[at]))
