"""Turns the engine's collected state into the results of model.py."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from ..metadata import Metadata
from ..schema import DEF_PRIORITY
from .balloon import BalloonTracker
from .conflicts import ReclaimTracker
from .cycles import Circumstances, Cost, find_cycles, find_storms
from .evidence import Evidence
from .findings import find
from .intervals import merge, overlap
from .kills import KillTracker
from .ladder import EpisodeLadder, Ladders, Rung
from .model import (
    Accounting,
    Analysis,
    BalloonResult,
    BalloonStep,
    Cause,
    Cycle,
    Episode,
    Heroics,
    Quality,
    Tier,
    TierRow,
)
from .options import Options
from .series import REFAULT_COUNTERS, SampleSeries
from .shrinkers import ShrinkerTable
from .stalls import StallTable
from .steps import Step, puffs
from .timeline import TimelineBuilder


@dataclass
class State:
    """Everything the engine has collected."""

    metadata: Metadata
    options: Options
    name_of: Callable[[int], str]
    accounting: Accounting
    ladders: Ladders
    shrinkers: ShrinkerTable
    stalls: StallTable
    timeline: TimelineBuilder
    balloon: BalloonTracker
    reclaim: ReclaimTracker
    kills: KillTracker
    series: SampleSeries

    @property
    def origin_ns(self) -> int:
        """Time zero of all `_s`."""
        return self.metadata.start_ns

    def seconds(self, time_ns: int) -> float:
        """A time as seconds since the recording's start."""
        return (time_ns - self.origin_ns) / 1e9


def analysis_of(state: State, end_ns: int) -> Analysis:
    """All results of a recording that ends at `end_ns`."""
    steps, works = state.balloon.steps, state.balloon.all_works()
    gap_ns = round(state.options.inflate_gap_s * 1e9)
    around = Circumstances(
        works=works,
        config_changes=sorted(state.balloon.config_changes) if state.balloon.changes_traced else None,
        horizon_ns=round(state.options.horizon_s * 1e9),
        idle_gap_ns=gap_ns,
        page_size_bytes=state.metadata.page_size_bytes,
        origin_ns=state.origin_ns,
        cost_of=lambda begin_ns, end_ns: _costs(state, begin_ns, end_ns),
    )
    cycles = find_cycles(steps, around)
    storms = find_storms(cycles, state.options.horizon_s)
    _add_steps_to_timeline(state)
    _add_steps_to_ladders(state)
    analysis = Analysis(
        duration_s=state.seconds(end_ns),
        accounting=state.accounting,
        balloon=_balloon(state, cycles),
        tiers=_rows(state, state.ladders.total()),
        episodes=_episodes(state),
        conflicts=state.reclaim.conflicts(steps, gap_ns, state.origin_ns),
        cycles=cycles,
        storms=storms,
        findings=[],
        shrinkers=state.shrinkers.stats(state.name_of),
        stalls=state.stalls.stalls(),
        steps=[_step(state, step) for step in steps],
        timeline=state.timeline.timeline(end_ns),
        samples=state.series.quantities(state.origin_ns),
    )
    evidence = Evidence(
        analysis, state.metadata, state.kills.kills, state.series, state.balloon, state.balloon.constrained
    )
    analysis.findings = find(evidence)
    return analysis


def _costs(state: State, begin_ns: list[int], end_ns: list[int]) -> list[Cost]:
    works = state.balloon.all_works()
    begin, end = np.asarray(begin_ns, np.int64), np.asarray(end_ns, np.int64)
    run_begin, run_end = (
        np.asarray([getattr(run, name) for run in works], np.int64) for name in ("begin_ns", "end_ns")
    )
    worked = overlap(begin, end, *merge(run_begin, run_end))
    reclaimed = state.reclaim.reclaiming_ns(begin, end)
    waited = state.reclaim.waits.within(begin_ns, end_ns)
    growths = [state.series.growth_within(name, begin, end) for name in REFAULT_COUNTERS]
    known = [growth for growth in growths if growth is not None]
    refaults = np.sum(known, axis=0).tolist() if known else [None] * len(begin)
    return [Cost(*row) for row in zip(worked.tolist(), reclaimed.tolist(), waited, refaults, strict=True)]


def _episodes(state: State) -> list[Episode]:
    return [
        Episode(
            number,
            state.seconds(ladder.start_ns),
            state.seconds(ladder.end_ns),
            _rows(state, ladder.rungs),
            _heroics(ladder),
        )
        for number, ladder in enumerate(state.ladders.episodes, 1)
    ]


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


def _rows(state: State, rungs: dict[int, Rung]) -> list[TierRow]:
    return [_row(state, Tier(tier), rungs[tier]) for tier in sorted(rungs)]


def _row(state: State, tier: Tier, rung: Rung) -> TierRow:
    objects: dict[str, int] = {}
    for shrink, freed in rung.objects.items():
        name = state.name_of(shrink)
        objects[name] = objects.get(name, 0) + freed
    return TierRow(
        tier=tier,
        first_s=state.seconds(rung.first_ns),
        busy_s=rung.busy_ns / 1e9,
        spans=rung.spans,
        tasks=len(rung.tids),
        min_priority=rung.min_priority,
        file_pages=rung.file_pages,
        anon_pages=rung.anon_pages,
        lru_pages=rung.unsplit_pages,
        slab_pages=rung.slab_pages,
        slab_objects=dict(sorted(objects.items())),
        balloon_pages=rung.balloon_pages,
        balloon_pages_at_def_priority=rung.balloon_pages_at_def_priority,
        node_pages=dict(sorted(rung.node_pages.items())),
        kills=rung.kills,
        quality=state.balloon.leak_quality if rung.balloon_pages else Quality.MEASURED,
    )


def _add_steps_to_ladders(state: State) -> None:
    episodes = state.ladders.episodes
    starts = np.asarray([ladder.start_ns for ladder in episodes], np.int64)
    for step in state.balloon.steps:
        if step.cause in (None, Cause.HOST) or step.tier < 0:
            continue
        index = int(np.searchsorted(starts, step.begin_ns, side="right")) - 1
        ladder: EpisodeLadder = episodes[max(index, 0)] if step.tier and episodes else state.ladders.proactive
        rung = ladder.rung(step.tier, step.begin_ns)
        rung.balloon_pages -= step.pages
        if step.priority == DEF_PRIORITY:
            rung.balloon_pages_at_def_priority -= step.pages


def _add_steps_to_timeline(state: State) -> None:
    for step in state.balloon.steps:
        name = "balloon.inflated_pages" if step.cause is None else f"balloon.leaked_pages.{step.cause.value}"
        state.timeline.add(name, np.asarray([step.end_ns]), np.asarray([abs(step.pages)]))


def _balloon(state: State, cycles: list[Cycle]) -> BalloonResult:
    tracker = state.balloon
    works = tracker.all_works()
    leaked = {cause: -sum(step.pages for step in tracker.steps if step.cause is cause) for cause in Cause}
    path = state.metadata.balloon.reclaim_path
    for cause, observed in ((Cause.SHRINKER, "shrinker"), (Cause.OOM_NOTIFIER, "oom_notifier")):
        path = observed if leaked[cause] else path
    return BalloonResult(
        inflated_pages=sum(step.pages for step in tracker.steps if step.cause is None),
        leaked_pages=leaked,
        wasted_pages=sum(cycle.wasted_pages for cycle in cycles),
        migrated_pages=tracker.migrated_pages,
        target_changes=tracker.target_changes(),
        puffs=puffs(works, tracker.steps),
        work_spans=len(works),
        worker_s=sum(run.end_ns - run.begin_ns for run in works) / 1e9,
        reclaim_path=path,
        quality=tracker.quality,
    )


def _step(state: State, step: Step) -> BalloonStep:
    return BalloonStep(state.seconds(step.begin_ns), state.seconds(step.end_ns), step.pages, step.cause, step.quality)
