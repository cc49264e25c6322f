"""What the balloon did that deserves attention."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

import numpy as np

from ..balloon.steps import EVIDENCE_SPANS
from ..model import Episode, Finding, Heroics, TierRow
from ..naming import reclaim_in, tap_in
from ..terms import Quality, Severity, Tier
from ..totals.kills import KillReason, reason_for
from .evidence import Evidence, finding, mib

_LAG_LEAST_BYTES: Final = 1 << 20
_LAG_LEAST_S: Final = 1.0
"""The balloon's size lags its target when it was off by more than 1 MiB for more than a second."""

_KILL_TEXT: Final = {
    KillReason.MEMCG: "a memory cgroup was out of memory, and for that the OOM notifier does not run",
    KillReason.FEATURE_OFF: "the balloon does not offer DEFLATE_ON_OOM, so nothing could be taken from it",
    KillReason.NO_NOTIFIER: "no OOM notifier of a balloon ran, as where DEFLATE_ON_OOM is off",
    KillReason.NOTIFIER_TOO_LITTLE: "the OOM notifier ran shortly before and did not free enough",
    KillReason.BALLOON_EMPTY: "the balloon was empty",
    KillReason.SYSRQ: "it looks asked for (sysrq), which deflates the balloon and kills all the same",
    KillReason.UNKNOWN: "why the balloon did not help can't be told from this recording",
}
_ACTOR_TEXT: Final = {
    "self": "mostly by the balloon's own worker",
    "induced": "mostly by kswapd that the balloon woke",
    "foreign": "mostly by others",
}


def kills(evidence: Evidence) -> Iterator[Finding]:
    """OOM kills, each with the reason why the balloon did not prevent it."""
    for kill in evidence.kills:
        time_s = evidence.seconds(kill.time_ns)
        pages = kill.balloon_pages
        reason = reason_for(kill, evidence.metadata)
        who = f"{kill.victim or 'a process'} (pid {kill.pid})"
        if pages is None and not evidence.balloon_seen:
            why = f": {_KILL_TEXT[reason]}" if reason is KillReason.MEMCG else ""
            text = f"The OOM killer chose {who}{why}; {evidence.no_balloon}."
        else:
            size = "an unknown balloon size" if pages is None else f"{evidence.mib(pages)} in the balloon"
            text = f"The OOM killer chose {who} with {size}: {_KILL_TEXT[reason]}."
        numbers = {"pid": kill.pid} if pages is None else {"pid": kill.pid, "balloon_pages": pages}
        yield finding("oom_kill", Severity.CRITICAL, (time_s, time_s), text, numbers, Quality.INFERRED)


def storms(evidence: Evidence) -> Iterator[Finding]:
    """Cycles in a row."""
    for storm in evidence.analysis.storms:
        own = [cycle for cycle in evidence.analysis.cycles if cycle.storm == storm.id]
        text = (
            f"{storm.cycles} {storm.cycle_class} cycles in a row over {storm.end_s - storm.start_s:.1f} s moved "
            f"{evidence.mib(storm.wasted_pages)} for nothing (out and back in)."
        )
        numbers = {
            "cycles": storm.cycles,
            "wasted_pages": storm.wasted_pages,
            "worker_s": sum(cycle.worker_s for cycle in own),
            "reclaim_s": sum(cycle.reclaim_s for cycle in own),
            "stall_s": sum(cycle.stall_s for cycle in own),
        }
        spans = [span for cycle in own for span in cycle.spans][:EVIDENCE_SPANS]
        when = (storm.start_s, storm.end_s)
        yield finding("storm", Severity.CRITICAL, when, text, numbers, evidence.balloon.quality, spans)


def cycles(evidence: Evidence) -> Iterator[Finding]:
    """Cycles that belong to no storm."""
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
            "reclaim_s": cycle.reclaim_s,
            "stall_s": cycle.stall_s,
        }
        when = (cycle.start_s, cycle.end_s)
        yield finding("cycle", Severity.WARNING, when, text, numbers, evidence.balloon.quality, cycle.spans)


def conflicts(evidence: Evidence) -> Iterator[Finding]:
    """Inflation while memory was reclaimed."""
    for conflict in evidence.analysis.conflicts:
        total = sum(conflict.overlap_s.values())
        main = max(conflict.overlap_s, key=lambda actor: conflict.overlap_s[actor])
        inflated, reclaimed = conflict.inflated_pages, conflict.reclaimed_pages
        by = "" if inflated is None else f" by {evidence.mib(inflated)}"
        what = "memory was" if reclaimed is None else f"{evidence.mib(reclaimed)} were"
        text = (
            f"The balloon inflated{by} while {what} reclaimed, {_ACTOR_TEXT[main]} ({total:.3f} s of reclaim overlap)."
        )
        numbers = {f"overlap_{actor}_s": seconds for actor, seconds in conflict.overlap_s.items()}
        severity = Severity.INFO if main == "foreign" else Severity.WARNING
        when = (conflict.start_s, conflict.end_s)
        yield finding("conflict", severity, when, text, numbers, evidence.balloon.quality, conflict.spans)


def taps(evidence: Evidence) -> Iterator[Finding]:
    """Balloon pages taken too early (before reclaim was under pressure) or only at the very end."""
    for episode, notifications in zip(evidence.analysis.episodes, evidence.notifications, strict=True):
        rows = {row.tier: row for row in episode.tiers}
        for tier in (Tier.BACKGROUND, Tier.DIRECT):
            if tier in rows and (pages := rows[tier].balloon_pages):
                yield _premature(evidence, episode, rows[tier], pages)
        if Tier.OOM_NOTIFY in rows and (pages := rows[Tier.OOM_NOTIFY].balloon_pages):
            yield _late(evidence, episode, rows[Tier.OOM_NOTIFY], pages, notifications)


def _premature(evidence: Evidence, episode: Episode, row: TierRow, pages: int) -> Finding:
    at_start = row.balloon_pages_at_def_priority
    early = f", {evidence.mib(at_start)} of them at priority 12, before reclaim tried any harder" if at_start else ""
    text = (
        f"{evidence.mib(pages)} were taken from the balloon in {tap_in(row)} already{early}: "
        f"the balloon paid while the page cache still could."
    )
    numbers = {"balloon_pages": pages, "balloon_pages_at_def_priority": at_start}
    when = (episode.start_s, episode.end_s)
    return finding("premature_tap", Severity.WARNING, when, text, numbers, evidence.balloon.leak_quality)


def _late(evidence: Evidence, episode: Episode, row: TierRow, pages: int, notifications: Sequence[int]) -> Finding:
    before = episode.before_notifier or Heroics(row.first_s - episode.start_s, 0.0, 0, 0, None)
    rows = {rung.tier: rung for rung in episode.tiers}
    direct, retries = rows.get(Tier.DIRECT), rows.get(Tier.RETRY)
    reclaim = reclaim_in(direct) if direct else "direct reclaim"
    priority = "" if before.min_priority is None else f", reclaim at priority {before.min_priority}"
    text = (
        f"The balloon gave {evidence.mib(pages)} only through {row.spans:,} OOM notifications. The first "
        f"came {before.before_s:.2f} s into the episode, after {before.stall_s:.2f} s of stalls in {before.stalls:,} "
        f"calls of {reclaim} and {before.retries:,} retries{priority}"
    )
    if direct:
        text += f"; in all {episode.end_s - episode.start_s:.1f} s {reclaim} took {direct.busy_s or 0.0:.2f} s"
        text += f" in {direct.spans:,} calls"
    numbers = {
        "before_s": before.before_s,
        "stall_s": before.stall_s,
        "stalls": before.stalls,
        "retries": before.retries,
        "balloon_pages": pages,
        "notifications": row.spans,
        "episode_direct_s": (direct.busy_s if direct else 0.0) or 0.0,
        "episode_retries": retries.spans if retries else 0,
    }
    when = (episode.start_s, episode.start_s + before.before_s)
    return finding(
        "late_tap", Severity.WARNING, when, f"{text}.", numbers, evidence.balloon.leak_quality, notifications
    )


def puffs(evidence: Evidence) -> Iterator[Finding]:
    """Runs in which the driver wanted pages and could not get them."""
    count = evidence.analysis.balloon.puffs
    if not count:
        return
    text = f"{count} balloon work runs took 200 ms and more for few pages: the driver was out of puff."
    begin_ns, end_ns = evidence.balloon.works.long_ns
    when, spans = (evidence.seconds(begin_ns), evidence.seconds(end_ns)), evidence.balloon.works.long_ids
    yield finding("puff", Severity.INFO, when, text, {"puffs": count}, evidence.balloon.quality, spans)


def lag(evidence: Evidence) -> Iterator[Finding]:
    """The guest's memory off the host's target, where the host's view was recorded."""
    samples = evidence.analysis.samples
    target, actual = samples.get("host.target_bytes"), samples.get("host.actual_bytes")
    if target is None or actual is None or len(target.time_s) < 2:
        return
    wanted = target.values[np.maximum(np.searchsorted(target.time_s, actual.time_s, side="right") - 1, 0)]
    off = np.where(actual.time_s >= target.time_s[0], np.abs(actual.values - wanted), 0.0)
    behind = off[:-1] > _LAG_LEAST_BYTES
    lag_s = float(np.diff(actual.time_s)[behind].sum())
    if lag_s <= _LAG_LEAST_S:
        return
    puffed = evidence.analysis.balloon.puffs
    out = "" if puffed is None else f", with {puffed} work runs out of puff"
    text = f"The guest was off the host's target for {lag_s:.1f} s, by up to {mib(float(off.max()))}{out}."
    times = actual.time_s[:-1][behind]
    numbers = {"lag_s": lag_s, "lag_max_bytes": float(off.max())} | ({} if puffed is None else {"puffs": puffed})
    yield finding("lag", Severity.INFO, (float(times[0]), float(times[-1])), text, numbers)


def constrained(evidence: Evidence) -> Iterator[Finding]:
    """OOM notifications on behalf of allocations that could use only some NUMA nodes."""
    found = evidence.balloon.constrained
    if not found.notifications:
        return
    nodes = ", ".join(str(node) for node in sorted(found.nodes))
    noun, those = ("node", "that node") if len(found.nodes) == 1 else ("nodes", "their nodes")
    text = (
        f"{found.notifications} OOM notifications were for allocations limited to NUMA {noun} {nodes}, which the "
        f"balloon does not know; "
    )
    if found.followed:
        text += f"after {found.futile} of them {those} had hardly more memory than before, so they can't have helped."
    else:
        text += f"whether {those} had more memory after them is not to be seen."
    numbers = {"notifications": found.notifications, "futile": found.futile}
    when = (evidence.seconds(found.first_ns), evidence.seconds(found.last_ns))
    yield finding("constrained_oom", Severity.WARNING, when, text, numbers, Quality.INFERRED, found.spans)
