"""Turns the engine's collected state into the results of model.py."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property, partial
from typing import Final

from ..balloon_counters import HOSTS_ACTUAL
from ..metadata import Metadata
from .accounting import Accounting, Forgotten
from .balloon.free_pages import REPORT
from .balloon.runs import belongs_to_balloon
from .balloon.size import balloon_pages, balloon_size
from .balloon.tracker import BalloonTracker
from .balloon_result import BalloonResult
from .contention.found_oscillations import Oscillation
from .contention.level_swings import SampledLevels
from .contention.sampled_oscillation import sampled_oscillations
from .contention.settling import Settling
from .findings.evidence import Evidence
from .findings.judging import find, not_judged
from .findings.taps import judge_taps
from .model import Analysis, Conflict, Cycle, Episode, Heroics, Reclaimer, TierRow, Waits
from .options import Options
from .scanned import NOT_SCANNED, Scanned, scanned_pages
from .stream.stretch import COUNTING_ENDS
from .terms import Cause, Quality, Tier
from .totals.cgroups import CgroupTable, PagesTold
from .totals.episode_ladder import EpisodeLadder
from .totals.hopeless import HopelessNodes
from .totals.ladder import Ladders
from .totals.long_stalls import LongStalls
from .totals.own_reclaim import OwnReclaim
from .totals.reclaimers import TASKS
from .totals.rung import Rung, Share
from .totals.series import SampleSeries
from .totals.shrinkers import ShrinkerTable
from .totals.stalls import StallTable
from .totals.telling import PageTelling
from .totals.tier_fill import TierFill
from .totals.tier_gaps import TierGaps
from .totals.timeline import TimelineBuilder
from .totals.waits import ScopeWaits

_SCANS: Final = "lru_shrink_inactive"


@dataclass
class State:
    """Everything the engine has collected."""

    metadata: Metadata
    options: Options
    name_of: Callable[[int], str]
    symbols: int
    accounting: Accounting
    ladders: Ladders
    shrinkers: ShrinkerTable
    stalls: StallTable
    cgroups: CgroupTable
    paths: Mapping[int, str]
    own: OwnReclaim
    timeline: TimelineBuilder
    gaps: TierGaps
    fill: TierFill
    balloon: BalloonTracker
    settled: Settling
    series: SampleSeries
    levels: SampledLevels
    hopeless: HopelessNodes
    long_stalls: LongStalls

    @cached_property
    def telling(self) -> PageTelling:
        """What of the tiers' pages the recording tells."""
        return PageTelling(self.metadata, self.accounting.events_by_kind)

    @property
    def origin_ns(self) -> int:
        """Time zero of all `_s`."""
        return self.metadata.start_ns

    def seconds(self, time_ns: int) -> float:
        """A time as seconds since the recording's start."""
        return (time_ns - self.origin_ns) / 1e9


def analysis_of(state: State, end_ns: int) -> Analysis:
    """All results of a recording that ends at `end_ns`."""
    settled, origin_ns = state.settled, state.origin_ns
    cycles, storms = settled.cycles()
    oscillations = settled.oscillations()
    analysis = Analysis(
        duration_s=state.seconds(end_ns),
        accounting=state.accounting,
        balloon=_balloon(state, cycles),
        tiers=_rows(state, state.ladders.total(), state.gaps.extra),
        episodes=_episodes(state),
        conflicts=_conflicts(state),
        cycles=cycles,
        storms=storms,
        findings=[],
        shrinkers=state.shrinkers.stats(state.name_of, state.metadata.tells),
        stalls=state.stalls.stalls(state.paths, state.own.tids),
        steps=settled.log.steps(origin_ns),
        timeline=state.timeline.timeline(end_ns),
        samples=state.series.quantities(origin_ns),
        counters_include_memcg=state.gaps.includes_memcg,
        recorder=state.own.result(),
        waits=state.stalls.histograms(),
        forgotten=Forgotten(
            state.ladders.past.forgotten,
            settled.conflicts.forgotten,
            settled.past.forgotten,
            conflict_overlap_s=dict(settled.conflicts.forgotten_overlap_s),
        ),
    )
    analysis.balloon.size = balloon_size(analysis, state.metadata.page_size_bytes)
    _size_kills_by_host(state, analysis)
    told = _told_by_cgroup(state, analysis.tiers)
    kills = Counter(settled.forgotten_kills) + Counter(kill.cgroup_id for kill in settled.kills)
    analysis.cgroups = state.cgroups.rows(analysis.stalls, kills, state.paths, told)
    evidence = _evidence(state, analysis, oscillations)
    judge_taps(evidence)
    analysis.findings = find(evidence)
    analysis.not_judged = not_judged(evidence, analysis.findings)
    return analysis


def _evidence(state: State, analysis: Analysis, oscillations: Sequence[Oscillation]) -> Evidence:
    settled = state.settled
    notifications = [[span for _, span in one.ladder.notifications] for one in state.ladders.all_episodes()]
    return Evidence(
        analysis=analysis,
        metadata=state.metadata,
        kills=settled.kills,
        user_kills=settled.user_kills.found,
        cgroup_paths=state.paths,
        series=state.series,
        balloon=state.balloon,
        oscillations=[*oscillations, *sampled_oscillations(state.levels, analysis, oscillations, state.origin_ns)],
        notifications=notifications,
        hopeless=state.hopeless.found,
        shortages=settled.shortages.found,
        headroom=settled.shortages.headroom,
        cache_drops=settled.cache_drops.found,
        long_stalls=state.long_stalls.named(state.name_of),
        options=state.options,
    )


def _size_kills_by_host(state: State, analysis: Analysis) -> None:
    """What the balloon held at each kill by the host's log, where nothing else tells: a lower bound; 0 says nothing."""
    size, page_bytes = analysis.balloon.size, state.metadata.page_size_bytes
    if size is None or size.source != HOSTS_ACTUAL:
        return
    for kill in state.settled.kills:
        if kill.balloon_pages is None:
            kill.balloon_pages = balloon_pages(analysis, page_bytes, state.seconds(kill.time_ns)) or None


def _told_by_cgroup(state: State, tiers: list[TierRow]) -> PagesTold:
    metadata = state.metadata
    ends = any(_counts(state, kind) for kind in COUNTING_ENDS.values())
    direct = [row for row in tiers if row.tier is Tier.DIRECT]
    nothing = not any(row.off_lru_pages for row in direct)
    nothing_to_tell = nothing and _SCANS in metadata.kinds_traced and metadata.tells(_SCANS, "nr_reclaimed")
    missed = any(row.missed_pages for row in direct)
    return PagesTold(
        scans=_counts(state, _SCANS) or nothing_to_tell,
        split=metadata.tells(_SCANS, "reclaim_flags"),
        ends=ends,
        all_scans=not missed and not state.accounting.lost.get(_SCANS),
        limits=metadata.tells("memcg_reclaim_begin", "memcg_id"),
        scanned=state.telling.scans,
        silent_scans=state.telling.silent_scans,
    )


def _episodes(state: State) -> list[Episode]:
    # Of one of several episodes it is known only where no pages are too many.
    nothing_extra = {tier: 0 for tier, pages in state.gaps.extra.items() if not pages}
    depends_on = (
        frozenset(nothing_extra),
        frozenset(state.gaps.missed),
        frozenset(state.accounting.events_by_kind),
        state.balloon.leak_quality,
        state.symbols,
    )

    def row(number: int, ladder: EpisodeLadder) -> Episode:
        return Episode(
            number,
            state.seconds(ladder.start_ns),
            state.seconds(ladder.end_ns),
            _rows(state, ladder.by_tier(), nothing_extra),
            _heroics(ladder),
            _waits(ladder.waits),
            _waits(ladder.memcg_waits),
        )

    episodes = state.ladders.all_episodes()
    return [
        one.row(depends_on, partial(row, number))
        for number, one in enumerate(episodes, state.ladders.past.forgotten + 1)
    ]


def _conflicts(state: State) -> list[Conflict]:
    """Each without the numbers that nothing counts."""
    reclaimed_counted = any(_counts(state, kind) for kind in (_SCANS, *COUNTING_ENDS.values()))
    inflated_counted = state.balloon.inflations_counted
    conflicts = state.settled.conflicts.conflicts()
    for conflict in conflicts:
        begin_ns, end_ns = (round(at_s * 1e9) + state.origin_ns for at_s in (conflict.start_s, conflict.end_s))
        pages = (conflict.reclaimed_pages or 0) + state.fill.under_pressure(begin_ns, end_ns)
        conflict.reclaimed_pages = pages if pages or reclaimed_counted else None
        conflict.inflated_pages = conflict.inflated_pages if inflated_counted else None
    return conflicts


def _waits(waits: ScopeWaits) -> Waits | None:
    return Waits(waits.stall_ns / 1e9, waits.stalls, waits.min_priority) if waits.stalls else None


def _heroics(ladder: EpisodeLadder) -> Heroics | None:
    prelude = ladder.prelude
    if prelude.until_ns is None:
        return None
    return Heroics(
        before_s=(prelude.until_ns - ladder.start_ns) / 1e9,
        stall_s=prelude.stall_ns / 1e9,
        stalls=prelude.stalls,
        retries=prelude.retries,
        min_priority=prelude.min_priority,
    )


def _rows(state: State, rungs: dict[int, Rung], extra: Mapping[Tier, int]) -> list[TierRow]:
    return [_row(state, Tier(tier), rungs[tier], extra.get(Tier(tier))) for tier in sorted(rungs)]


def _row(state: State, tier: Tier, rung: Rung, extra_pages: int | None) -> TierRow:
    objects: dict[str, int] = {}
    for shrink, freed in rung.objects.items():
        name = state.name_of(shrink)
        objects[name] = objects.get(name, 0) + freed
    told = _pages_told(state, tier, rung)
    scanned = _scanned(state, rung, rung.shares.values()) if tier <= Tier.RETRY else NOT_SCANNED
    scopes = rung.scopes.items()
    row = TierRow(
        tier=tier,
        first_s=state.seconds(rung.first_ns),
        busy_s=rung.busy_ns / 1e9 if rung.timed else None,
        spans=rung.spans,
        tasks=rung.tasks,
        min_priority=rung.min_priority,
        file_pages=rung.file_pages if told else None,
        anon_pages=rung.anon_pages if told else None,
        lru_pages=rung.unsplit_pages if told or rung.ends_counted else rung.unsplit_pages or None,
        slab_pages=_slab_pages(rung, objects),
        slab_objects=dict(sorted(objects.items())),
        balloon_pages=rung.balloon_pages,
        balloon_pages_at_def_priority=rung.balloon_pages_at_def_priority,
        reported_pages=_reported(state, tier, rung),
        node_pages=dict(sorted(rung.node_pages.items())),
        kills=rung.kills,
        of_machine=rung.of_machine,
        quality=_quality(state, rung, extra_pages, told),
        missed_pages=rung.missed_pages if rung.is_counted else None,
        extra_pages=extra_pages if rung.is_counted else None,
        scopes={scope: _row(state, tier, part, None if extra_pages else extra_pages) for scope, part in scopes},
        **scanned._asdict(),
        reclaimers=_reclaimers(state, rung) if tier <= Tier.RETRY else [],
    )
    return state.telling.without_unknown(row, rung)


def _slab_pages(rung: Rung, objects: Mapping[str, int]) -> int | None:
    """What slab gave: a balloon's shrinker frees the balloon's pages, which are counted there."""
    slab_freed = any(freed for name, freed in objects.items() if not belongs_to_balloon(name))
    return 0 if rung.slab_pages is None and not rung.missed_pages and not slab_freed else rung.slab_pages


def _reported(state: State, tier: Tier, rung: Rung) -> int | None:
    return 0 if tier else state.balloon.free_pages.reported_of(rung.reports, rung.reported_pages)


def _pages_told(state: State, tier: Tier, rung: Rung) -> bool:
    """Whether events or counters tell of pages off the LRU: the multi-gen LRU reclaims without events before 6.8."""
    reclaims = tier in (Tier.BACKGROUND, Tier.DIRECT)
    return not reclaims or rung.is_counted or _counts(state, _SCANS)


def _counts(state: State, kind: str) -> bool:
    """Whether there are events of a kind that say how many pages were reclaimed."""
    return kind in state.accounting.events_by_kind and state.metadata.tells(kind, "nr_reclaimed")


def _quality(state: State, rung: Rung, extra_pages: int | None, told: bool) -> Quality:
    if rung.missed_pages or (rung.is_counted and extra_pages):
        return Quality.INFERRED
    if rung.reports and rung.reports == rung.spans and not state.metadata.tells(REPORT, "reported_pages"):
        return Quality.UNKNOWN
    if not rung.balloon_pages and not told and not rung.unsplit_pages:
        return Quality.UNKNOWN
    return state.balloon.leak_quality if rung.balloon_pages else Quality.MEASURED


def _scanned(state: State, rung: Rung, shares: Collection[Share]) -> Scanned:
    """Pages of the LRU lists that these reclaimers of a rung scanned; unknown where scans tell of no page although some
    were freed."""
    scanned, freed, silent = (sum(getattr(share, name) for share in shares) for name in ("scanned", "pages", "silent"))
    untold = not scanned and (rung.missed_pages or rung.reclaimed_pages or rung.unseen_pages or freed)
    if untold or not state.telling.scans:
        return NOT_SCANNED
    return scanned_pages(scanned, freed, silent, told=state.telling.silent_scans)


def _reclaimers(state: State, rung: Rung) -> list[Reclaimer]:
    """Kernel threads by name, then all others. Pages are unknown where no event tells whose they are."""
    threads = state.ladders.threads
    numbers = sorted(rung.shares, key=lambda number: (number == TASKS, threads.name(number)))
    return [
        Reclaimer(
            threads.name(number),
            threads.nid(number),
            share.spans,
            _busy_s(share),
            _pages_of(share, rung),
            *_scanned(state, rung, (share,)),
        )
        for number, share in ((number, rung.shares[number]) for number in numbers)
    ]


def _busy_s(share: Share) -> float | None:
    """Time in its spans; None where single events alone tell of it."""
    return share.busy_ns / 1e9 if share.busy_ns else None


def _pages_of(share: Share, rung: Rung) -> int | None:
    if len(rung.shares) == 1 and rung.is_counted:
        return rung.file_pages + rung.anon_pages + rung.unsplit_pages
    is_told = any(each.told for each in rung.shares.values())
    return share.pages if is_told and not rung.missed_pages else None


def _balloon(state: State, cycles: list[Cycle]) -> BalloonResult:
    tracker, totals = state.balloon, state.settled.totals
    path = state.metadata.balloon.reclaim_path
    counted, seen = tracker.pages_counted, tracker.work_seen
    both = tracker.inflations_counted and tracker.leaks_counted
    for cause, observed in ((Cause.SHRINKER, "shrinker"), (Cause.OOM_NOTIFIER, "oom_notifier")):
        path = observed if totals.leaked[cause] else path
    return BalloonResult(
        inflated_pages=totals.inflated if tracker.inflations_counted else None,
        leaked_pages=totals.leaked if tracker.leaks_counted else dict.fromkeys(Cause),
        missed_pages=tracker.missed_pages if tracker.compared else None,
        extra_pages=tracker.extra_pages if tracker.compared else None,
        wasted_pages=state.settled.past.forgotten_wasted_pages + sum(cycle.wasted_pages for cycle in cycles)
        if both
        else None,
        migrated_pages=tracker.migrated_pages if counted else None,
        config_changes=tracker.config_changes if tracker.changes_traced else None,
        target_changes=tracker.target_changes(),
        reports=tracker.free_pages.reports,
        reported_pages=tracker.free_pages.reported_pages,
        hinted_pages=tracker.free_pages.hinted_pages,
        puffs=tracker.works.puffs if counted and seen else None,
        work_spans=tracker.works.count if seen else None,
        worker_s=tracker.works.busy_ns / 1e9 if seen else None,
        reclaim_path=path,
        quality=tracker.quality if counted else Quality.UNKNOWN,
    )
