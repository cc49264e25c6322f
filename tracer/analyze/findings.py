"""What deserves attention, each in one plain sentence with its numbers."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from ..metadata import Metadata
from .balloon import BalloonTracker
from .kills import Kill, KillReason, reason_for
from .model import (
    Analysis,
    Conflict,
    Cycle,
    Episode,
    Finding,
    Heroics,
    Quality,
    Severity,
    ShrinkerStat,
    Storm,
    Tier,
    TierRow,
)
from .series import SampleSeries

_SHARE_FACTOR: Final = 3.0
"""A shrinker is out of proportion when its share of the scanning is so many times its share of the items..."""
_SHARE_LEAST: Final = 0.10
"""...and at least this much of all scanning, ..."""
_CALLS_LEAST: Final = 100
"""...over at least so many calls."""
_REFAULT_LEAST: Final = 256
"""Refaulted pages (1 MiB of 4 KiB pages) below which evicted cache that came back is not worth a word."""


@dataclass(frozen=True)
class Evidence:
    """What findings are made from."""

    analysis: Analysis
    metadata: Metadata
    kills: list[Kill]
    series: SampleSeries
    balloon: BalloonTracker

    def mib(self, pages: float) -> str:
        """Guest pages as text in MiB."""
        size = pages * self.metadata.page_size_bytes / 2**20
        return f"{size:,.0f} MiB" if size >= 10 else f"{size:.1f} MiB"

    def balloon_pages_at(self, time_s: float) -> int | None:
        """The balloon's size by the counters since boot, or None where they were not read."""
        start_ns = self.metadata.start_ns
        inflated = self.series.before("vmstat.balloon_inflate", time_s, start_ns)
        leaked = self.series.before("vmstat.balloon_deflate", time_s, start_ns)
        return None if inflated is None or leaked is None else max(0, int(inflated - leaked))


def find(evidence: Evidence) -> list[Finding]:
    """All findings, the most severe first, numbered; those that overlap a lost stretch say so."""
    order = {Severity.CRITICAL: 0, Severity.WARNING: 1, Severity.INFO: 2}
    findings = [*_kills(evidence), *_storms(evidence), *_cycles(evidence), *_conflicts(evidence), *_taps(evidence)]
    findings += [*_puffs(evidence), *_shrinkers(evidence), *_refaults(evidence), *_lost(evidence)]
    findings.sort(key=lambda finding: (order[finding.severity], finding.start_s, finding.kind))
    for number, finding in enumerate(findings, 1):
        finding.id = number
        if finding.kind != "lost" and _touches_loss(evidence, finding):
            finding.text += " Events were lost in this stretch, so the numbers are a lower bound."
    return findings


def _touches_loss(evidence: Evidence, finding: Finding) -> bool:
    stretches = evidence.analysis.accounting.lost_stretches
    return any(start <= finding.end_s and finding.start_s <= end for start, end, _ in stretches)


def _finding(kind: str, severity: Severity, start_s: float, end_s: float, text: str, **numbers: float) -> Finding:
    return Finding(0, kind, severity, start_s, end_s, text, Quality.MEASURED, dict(numbers))


def _with_quality(finding: Finding, quality: Quality) -> Finding:
    finding.quality = quality
    return finding


_KILL_TEXT: Final = {
    KillReason.MEMCG: "a memory cgroup was out of memory, and for that the OOM notifier does not run",
    KillReason.FEATURE_OFF: "the balloon does not offer DEFLATE_ON_OOM, so nothing could be taken from it",
    KillReason.NOTIFIER_TOO_LITTLE: "the OOM notifier ran shortly before and did not free enough",
    KillReason.BALLOON_EMPTY: "the balloon was empty",
    KillReason.SYSRQ: "it looks asked for (sysrq), which deflates the balloon and kills all the same",
    KillReason.UNKNOWN: "why the balloon did not help can't be told from this recording",
}


def _kills(evidence: Evidence) -> Iterator[Finding]:
    for kill in evidence.kills:
        time_s = (kill.time_ns - evidence.metadata.start_ns) / 1e9
        pages = evidence.balloon_pages_at(time_s)
        reason = reason_for(kill, pages, evidence.metadata.balloon.features)
        size = "an unknown balloon size" if pages is None else f"{evidence.mib(pages)} in the balloon"
        who = f"{kill.victim or 'a process'} (pid {kill.pid})"
        text = f"The OOM killer chose {who} with {size}: {_KILL_TEXT[reason]}."
        finding = _finding("oom_kill", Severity.CRITICAL, time_s, time_s, text, pid=kill.pid, balloon_pages=pages or 0)
        yield _with_quality(finding, Quality.INFERRED)


def _storms(evidence: Evidence) -> Iterator[Finding]:
    storm: Storm
    for storm in evidence.analysis.storms:
        text = (
            f"{storm.cycles} {storm.cycle_class} cycles in a row over {storm.end_s - storm.start_s:.1f} s moved "
            f"{evidence.mib(storm.wasted_pages)} for nothing."
        )
        numbers = {"cycles": storm.cycles, "wasted_pages": storm.wasted_pages}
        yield _with_quality(
            _finding("storm", Severity.CRITICAL, storm.start_s, storm.end_s, text, **numbers), evidence.balloon.quality
        )


def _cycles(evidence: Evidence) -> Iterator[Finding]:
    cycle: Cycle
    for cycle in evidence.analysis.cycles:
        if cycle.storm is not None:
            continue
        text = (
            f"A {cycle.cycle_class} cycle: {evidence.mib(cycle.leaked_pages)} left the balloon and "
            f"{evidence.mib(cycle.reinflated_pages)} came back: {evidence.mib(cycle.wasted_pages)} moved for nothing."
        )
        numbers = {
            "leaked_pages": cycle.leaked_pages,
            "reinflated_pages": cycle.reinflated_pages,
            "wasted_pages": cycle.wasted_pages,
            "worker_s": cycle.worker_s,
        }
        yield _with_quality(
            _finding("cycle", Severity.WARNING, cycle.start_s, cycle.end_s, text, **numbers), evidence.balloon.quality
        )


def _conflicts(evidence: Evidence) -> Iterator[Finding]:
    conflict: Conflict
    for conflict in evidence.analysis.conflicts:
        total = sum(conflict.overlap_s.values())
        main = max(conflict.overlap_s, key=lambda actor: conflict.overlap_s[actor])
        who = {
            "self": "mostly by the balloon's own worker",
            "induced": "mostly by kswapd that the balloon woke",
            "foreign": "mostly by others",
        }[main]
        text = (
            f"The balloon inflated by {evidence.mib(conflict.inflated_pages)} while "
            f"{evidence.mib(conflict.reclaimed_pages)} were reclaimed, {who} ({total:.3f} s of reclaim overlap)."
        )
        numbers = {f"overlap_{actor}_s": seconds for actor, seconds in conflict.overlap_s.items()}
        severity = Severity.INFO if main == "foreign" else Severity.WARNING
        yield _with_quality(
            _finding("conflict", severity, conflict.start_s, conflict.end_s, text, **numbers), evidence.balloon.quality
        )


def _taps(evidence: Evidence) -> Iterator[Finding]:
    for episode in evidence.analysis.episodes:
        rows = {row.tier: row for row in episode.tiers}
        for tier in (Tier.BACKGROUND, Tier.DIRECT):
            if tier in rows and rows[tier].balloon_pages:
                yield _premature(evidence, episode.start_s, episode.end_s, rows[tier])
        if Tier.OOM_NOTIFY in rows and rows[Tier.OOM_NOTIFY].balloon_pages:
            yield _late(evidence, episode, rows[Tier.OOM_NOTIFY])


def _premature(evidence: Evidence, start_s: float, end_s: float, row: TierRow) -> Finding:
    text = (
        f"{evidence.mib(row.balloon_pages)} were taken from the balloon in {row.tier.label} reclaim already, at lowest "
        f"priority {row.min_priority}: the balloon paid before the page cache had to."
    )
    finding = _finding("premature_tap", Severity.WARNING, start_s, end_s, text, balloon_pages=row.balloon_pages)
    return _with_quality(finding, evidence.balloon.quality)


def _late(evidence: Evidence, episode: Episode, row: TierRow) -> Finding:
    before = episode.before_notifier or Heroics(row.first_s - episode.start_s, 0.0, 0, 0, None)
    rows = {rung.tier: rung for rung in episode.tiers}
    direct, retries = rows.get(Tier.DIRECT), rows.get(Tier.RETRY)
    priority = "" if before.min_priority is None else f", reclaim at priority {before.min_priority}"
    text = (
        f"The balloon gave {evidence.mib(row.balloon_pages)} only through {row.spans:,} OOM notifications. The first "
        f"came {before.before_s:.2f} s into the episode, after {before.stall_s:.2f} s of stalls in {before.stalls:,} "
        f"direct reclaims and {before.retries:,} retries{priority}"
    )
    if direct:
        text += f"; in all {episode.end_s - episode.start_s:.1f} s direct reclaim took {direct.busy_s:.2f} s"
        text += f" in {direct.spans:,} calls"
    text += "."
    numbers = {
        "before_s": before.before_s,
        "stall_s": before.stall_s,
        "stalls": before.stalls,
        "retries": before.retries,
        "balloon_pages": row.balloon_pages,
        "notifications": row.spans,
        "episode_direct_s": direct.busy_s if direct else 0.0,
        "episode_retries": retries.spans if retries else 0,
    }
    end_s = episode.start_s + before.before_s
    finding = _finding("late_tap", Severity.WARNING, episode.start_s, end_s, text, **numbers)
    return _with_quality(finding, evidence.balloon.quality)


def _puffs(evidence: Evidence) -> Iterator[Finding]:
    puffs = evidence.analysis.balloon.puffs
    if puffs:
        text = f"{puffs} balloon work runs took 200 ms and more for few pages: the driver was out of puff."
        yield _with_quality(
            _finding("puff", Severity.INFO, 0.0, evidence.analysis.duration_s, text, puffs=puffs),
            evidence.balloon.quality,
        )


def _shrinkers(evidence: Evidence) -> Iterator[Finding]:
    shrinker: ShrinkerStat
    for shrinker in evidence.analysis.shrinkers:
        out = shrinker.scan_share > _SHARE_FACTOR * shrinker.size_share and shrinker.scan_share >= _SHARE_LEAST
        if not out or shrinker.calls < _CALLS_LEAST:
            continue
        text = (
            f"Shrinker {shrinker.name} did {shrinker.scan_share:.0%} of all scanning with {shrinker.size_share:.0%} of "
            f"the cache items, in {shrinker.calls:,} calls and {shrinker.busy_s:.3f} s."
        )
        numbers = {"scan_share": shrinker.scan_share, "size_share": shrinker.size_share, "busy_s": shrinker.busy_s}
        yield _finding("shrinker_share", Severity.INFO, 0.0, evidence.analysis.duration_s, text, **numbers)


def _refaults(evidence: Evidence) -> Iterator[Finding]:
    refaults = evidence.series.growth("vmstat.workingset_refault_file")
    evicted = sum(row.file_pages for row in evidence.analysis.tiers if row.tier > Tier.PROACTIVE)
    if refaults is None or refaults < _REFAULT_LEAST or not evicted:
        return
    text = (
        f"{evidence.mib(refaults)} of page cache were read again after eviction ({evidence.mib(evicted)} of file pages "
        f"were reclaimed)."
    )
    numbers = {"refault_pages": refaults, "reclaimed_file_pages": evicted}
    yield _finding("refault", Severity.INFO, 0.0, evidence.analysis.duration_s, text, **numbers)


def _lost(evidence: Evidence) -> Iterator[Finding]:
    accounting = evidence.analysis.accounting
    if accounting.lost_total:
        start_s = min(stretch[0] for stretch in accounting.lost_stretches)
        end_s = max(stretch[1] for stretch in accounting.lost_stretches)
        share = accounting.lost_total / (accounting.lost_total + accounting.events)
        text = (
            f"{accounting.lost_total:,} events ({share:.1%}) were lost because the buffer was full; a larger "
            f"--buffer-size holds more."
        )
        yield _finding("lost", Severity.WARNING, start_s, end_s, text, lost=accounting.lost_total)
