"""Reclaim that scanned much and freed next to nothing, and shrinkers that never free."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Final, NamedTuple

from ...cgroup_rows import CgroupRow, CgroupTier, short_name
from ...model import Episode, Finding, Reclaimer, ShrinkerStat, TierRow
from ...naming import scope_label
from ...scanned import HasScanned, is_bound
from ...terms import Quality, Scope, Severity, Tier
from ..kind import Explanation, Kind, cost_of, found
from ..needs import SCANS

if TYPE_CHECKING:
    from ..evidence import Evidence

FREED_LEAST: Final = 0.05
"""Reclaim that frees less of what it scans is futile. vmpressure_calc_level() in mm/vmpressure.c calls the pressure
critical from the same share on: 95 % of what was scanned not freed."""
SCANNED_LEAST: Final = 10_000
"""It scanned so many pages (40 MiB of 4 KiB pages) or objects, ..."""
WORKED_LEAST_S: Final = 1.0
"""...or worked so long: less than that nobody notices. A warning from there on, where tasks waited for it."""
CALLS_LEAST: Final = 100
"""A shrinker that was called less often may have had nothing to free just then."""
_SHOWN_LEAST: Final = 0.001
"""At most less than this would read as at most nothing."""
_MOST_CGROUPS: Final = 5
"""Cgroups that get a finding each; all of them are in `cgroups`."""
_BALANCED: Final = "balance_pgdat_begin"


def _futile(evidence: Evidence) -> Iterator[Finding]:
    for episode in evidence.analysis.episodes:
        for row in episode.tiers:
            for scope, part in row.scopes.items() or [(None, row)]:
                yield from _tier(evidence, episode, scope, part)
    yield from _cgroups(evidence)
    for shrinker in sorted(evidence.analysis.shrinkers, key=lambda shrinker: shrinker.name):
        yield from _shrinker(evidence, shrinker)


def _tier(evidence: Evidence, episode: Episode, scope: Scope | None, row: TierRow) -> Iterator[Finding]:
    name = _name(row.tier, scope)
    worked_s = _worked_s(evidence, row, row.busy_s)
    if not _is_futile(row.nr_scanned, row.efficiency, worked_s):
        for each in row.reclaimers if len(row.reclaimers) > 1 else ():
            if _is_futile(each.nr_scanned, each.efficiency, _worked_s(evidence, row, each.busy_s)):
                yield _found(evidence, episode, row, each, f"{each.name} in {name}")
    elif not _slab_gave(row):
        yield _found(evidence, episode, row, row, f"{name[:1].upper()}{name[1:]}")


def _worked_s(evidence: Evidence, row: TierRow, busy_s: float | None) -> float:
    """How long it worked; where kswapd's naps are in its time, that does not tell."""
    naps = row.tier is Tier.BACKGROUND and _BALANCED not in evidence.kinds_seen
    return 0.0 if naps or busy_s is None else busy_s


def _is_futile(scanned: int | None, share: float | None, worked_s: float) -> bool:
    much = (scanned or 0) >= SCANNED_LEAST or worked_s >= WORKED_LEAST_S
    return much and share is not None and share < FREED_LEAST


def _slab_gave(row: TierRow) -> bool:
    """Whether what slab gave made it worth while."""
    return (row.slab_pages or 0) >= FREED_LEAST * (row.nr_scanned or 0)


def _found(evidence: Evidence, episode: Episode, row: TierRow, who: TierRow | Reclaimer, name: str) -> Finding:
    scanned, share = who.nr_scanned or 0, who.efficiency or 0.0
    freed = round(scanned * share)
    told = _told(who)
    waited_s = who.busy_s if row.tier is Tier.DIRECT else None
    took = f" in {_time(who.busy_s or 0.0)}" if _worked_s(evidence, row, who.busy_s) else ""
    priority = "" if row.min_priority is None else f", down to priority {row.min_priority}"
    numbers: dict[str, float] = {"nr_scanned": scanned, "nr_reclaimed": freed, "efficiency": share}
    if waited_s is not None:
        numbers["busy_s"] = waited_s
    return found(
        Severity.WARNING if waited_s is not None and waited_s >= WORKED_LEAST_S else Severity.INFO,
        (episode.start_s, episode.end_s),
        f"{name} scanned {told.pages} of the LRU lists{took} and freed {freed:,} of them ({told.share}){priority}.",
        numbers,
        cost=cost_of(waited_s),
        quality=told.quality,
        is_open=evidence.lasts(episode.end_s, evidence.options.gap_s),
    )


def _cgroups(evidence: Evidence) -> Iterator[Finding]:
    """Cgroups whose tasks did worse over the recording than their tier as a whole, those that waited longest."""
    in_vain = {
        (row.tier, scope)
        for row in evidence.analysis.tiers
        for scope, part in row.scopes.items()
        if _is_futile(part.nr_scanned, part.efficiency, part.busy_s or 0.0)
    }
    futile = [
        (cgroup, tier)
        for cgroup in evidence.analysis.cgroups or ()
        for tier in cgroup.tiers
        if tier.tier is Tier.DIRECT and (tier.tier, tier.scope) not in in_vain
        if _is_futile(tier.nr_scanned, tier.efficiency, tier.stall_s)
    ]
    futile.sort(key=lambda found: -found[1].stall_s)
    for cgroup, tier in futile[:_MOST_CGROUPS]:
        yield _of_cgroup(evidence, cgroup, tier)


def _of_cgroup(evidence: Evidence, cgroup: CgroupRow, tier: CgroupTier) -> Finding:
    scanned, share = tier.nr_scanned or 0, tier.efficiency or 0.0
    unknown = "an unknown cgroup" if cgroup.id is None else f"the cgroup with inode {cgroup.id}"
    name = short_name(cgroup.path) if cgroup.path else unknown
    told = _told(tier)
    return found(
        Severity.WARNING if tier.stall_s >= WORKED_LEAST_S else Severity.INFO,
        (0.0, evidence.analysis.duration_s),
        f"Tasks of {name} scanned {told.pages} of the LRU lists in {_time(tier.stall_s)} of "
        f"{_name(tier.tier, tier.scope)} and freed {round(scanned * share):,} of them ({told.share}).",
        {
            "nr_scanned": scanned,
            "nr_reclaimed": round(scanned * share),
            "efficiency": share,
            "busy_s": tier.stall_s,
        },
        cost=cost_of(tier.stall_s),
        quality=told.quality,
        cgroup=cgroup.path,
    )


class _Told(NamedTuple):
    """Pages scanned and the share of them that was freed, as the sentence has them, and how these were had."""

    pages: str
    share: str
    quality: Quality


def _told(who: HasScanned) -> _Told:
    pages, share = f"{who.nr_scanned or 0:,} pages", who.efficiency or 0.0
    if not is_bound(who):
        return _Told(pages, f"{share:.1%}", Quality.MEASURED)
    most = f"at most {max(share, _SHOWN_LEAST):.1%}" if share else f"{share:.1%}"
    return _Told(f"at least {pages}", most, Quality.LOWER_BOUND)


def _time(spent_s: float) -> str:
    return f"{spent_s:,.1f} s" if spent_s >= WORKED_LEAST_S else f"{spent_s * 1e3:,.0f} ms"


def _name(tier: Tier, scope: Scope | None) -> str:
    label = scope_label(tier, scope)
    return label.replace("direct", "direct reclaim") if tier is Tier.DIRECT else f"{label} reclaim"


def _shrinker(evidence: Evidence, shrinker: ShrinkerStat) -> Iterator[Finding]:
    much = (shrinker.scanned or 0) >= SCANNED_LEAST or shrinker.busy_s >= WORKED_LEAST_S
    if shrinker.freed_objects != 0 or shrinker.calls < CALLS_LEAST or not much:
        return
    scanned = "" if shrinker.scanned is None else f", scanned {shrinker.scanned:,} objects"
    called = f"was called {shrinker.calls:,} times and took {shrinker.busy_s:,.3f} s"
    text = f"Shrinker {shrinker.name} {called}{scanned} and freed nothing."
    numbers = {"calls": float(shrinker.calls), "busy_s": shrinker.busy_s}
    if shrinker.scanned is not None:
        numbers["scanned"] = shrinker.scanned
    severity = Severity.WARNING if shrinker.busy_s >= WORKED_LEAST_S else Severity.INFO
    when = (0.0, evidence.analysis.duration_s)
    yield found(severity, when, text, numbers, cost=cost_of(shrinker.busy_s))


KIND: Final = Kind(
    name="futile_reclaim",
    number=20,
    title="Reclaim scans a lot and frees next to nothing",
    clause="reclaim scanned a lot and freed next to nothing",
    needs=(SCANS,),
    rule=_futile,
    told_open=True,
    explanation=Explanation(
        meaning="The kernel scans its LRU lists again and again and finds hardly any page to free: they are in "
        "use, dirty, locked, or anonymous without swap. That costs CPU time, and the time of every task "
        "that has to reclaim before it gets memory. It usually precedes running out of memory.",
        computed="Per episode and tier (direct reclaim by whose limit it worked against), and per kernel thread or "
        "all tasks together where the tier as a whole does better: `nr_reclaimed` divided by `nr_scanned` "
        "of the LRU scans (`efficiency`) under 5 %, over 10,000 scanned pages or 1 s of work. A warning "
        "where tasks did 1 s of it. Of cgroups, the five whose tasks waited longest are reported. "
        "Not reported where slab freed at least 5 % instead. A shrinker is "
        "reported if it was called at least 100 times, scanned 10,000 objects or took 1 s, and freed "
        "nothing in the whole recording. The multi-gen LRU does not always say what it scanned: then scanned pages "
        "are a lower bound and `efficiency` an upper one, and reclaim in vain can go unseen.",
        causes=(
            "Nearly all memory is anonymous and there is no swap, or it is full.",
            (
                "The balloon, or a cgroup's limit, left only the pages that are in use: each is referenced again "
                "before it is scanned the next time."
            ),
            "Dirty pages on a slow disk, or pages locked with mlock.",
            "A shrinker whose objects are all in use, or that fails to get a lock for which it does not wait.",
        ),
        advice=(
            (
                "Give the machine, or the cgroup whose limit it is, more memory: lower the balloon's target, raise "
                "the limit."
            ),
            "Add swap or zram where memory is anonymous: without it anonymous pages can't be reclaimed.",
            "If pages are dirty: have them written back earlier (vm.dirty_background_bytes).",
            ("A shrinker that never frees: report it to its maintainers with its line of the table of shrinkers."),
        ),
        helped="`efficiency` of the tier goes up, and its scanned pages and time go down under the same load.",
        references=(
            "mm/vmscan.c: shrink_inactive_list(), tracepoint mm_vmscan_lru_shrink_inactive",
            "mm/vmpressure.c: vmpressure_calc_level(), vmpressure_level_critical (95)",
            "mm/shrinker.c (before 6.7 mm/vmscan.c): do_shrink_slab()",
        ),
    ),
)
