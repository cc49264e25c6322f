"""Lanes: one for each thing that lasts or happens, so that none is told by its colour alone."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Sequence
from itertools import islice
from typing import Final

import numpy as np

from ...analyze.curves import Occurrences
from ...analyze.model import Analysis, Finding
from ...analyze.sizes import MIB
from ...analyze.terms import Severity, Tier
from ...balloon_counters import HOSTS_ACTUAL, HOSTS_TARGET
from ...wording.numbers import count, listing
from ..chosen_findings import chosen
from ..palette import tier_color
from ..section import Source
from ..series import Floats
from .model import Lane, Look, Row

Interval = tuple[float, float]

_MOST_ROWS: Final = 2048
_LANE_PX: Final = 15
_AROUND_PX: Final = 12
_SEVERITIES: Final = ((Severity.INFO, "--accent"), (Severity.WARNING, "--warning"), (Severity.CRITICAL, "--critical"))
_TIERS: Final = {
    Tier.RETRY: "retry / throttled",
    Tier.DIRECT: "direct reclaim",
    Tier.BACKGROUND: "background reclaim",
    Tier.PROACTIVE: "proactive reclaim",
}
_NO_FINDING: Final = -1


def lanes_row(source: Source) -> Row:
    """Every lane that has something in it, from the top: what was found, what happened, what was not seen."""
    analysis = source.analysis
    lanes = [
        *_found(analysis),
        _marks(source),
        _commands(source),
        _kills(analysis),
        _spans(analysis, Tier.OOM_NOTIFY, "OOM notification"),
        _cycles(analysis),
        _conflicts(analysis),
        _inflating(analysis),
        *(_spans(analysis, tier, name) for tier, name in _TIERS.items()),
        _of("episode", "--band-episode", [(e.start_s, e.end_s) for e in analysis.episodes]),
        _of("lost", "--band-lost", [(start, end) for start, end, _ in analysis.accounting.lost_stretches]),
    ]
    row = Row("lanes", "What happened when", "", 0, lanes=True)
    row.series += [lane for lane in lanes if lane.total]
    row.height = _AROUND_PX + _LANE_PX * len({_lane_of(lane) for lane in row.series if isinstance(lane, Lane)})
    nothing = "Nothing was found, and no reclaim, kill, command or loss was recorded."
    row.words = f"{listing(_counted(analysis, lanes))}." if row.series else nothing
    return row


def _lane_of(lane: Lane) -> str:
    return lane.look.name.partition(":")[0]


def _counted(analysis: Analysis, lanes: Sequence[Lane]) -> list[str]:
    conflicts = len(analysis.conflicts)
    counts = [(lane.look.name, conflicts if lane.look.name == "conflict" else lane.total) for lane in lanes]
    return [f"{name} {count(total)}" for name, total in counts if total]


def _found(analysis: Analysis) -> list[Lane]:
    listed = chosen(analysis.findings)
    lanes = []
    for severity, color in _SEVERITIES:
        picked = [finding for finding in listed if finding.severity is severity]
        picked.sort(key=lambda finding: finding.start_s)
        spans = [(finding.start_s, finding.end_s) for finding in picked]
        lanes.append(
            Lane(
                Look(f"finding: {severity}", f"var({color})", "solid"),
                _single(spans),
                finding=[finding.id for finding in picked],
                labels=[f"{finding.kind}, {severity}" for finding in picked],
            )
        )
    return lanes


def _marks(source: Source) -> Lane:
    start_ns = source.facts.metadata.start_ns
    at_s = [(mark.at_ns - start_ns) / 1e9 for mark in source.facts.marks]
    labels = [mark.words for mark in source.facts.marks]
    look = Look("mark", "var(--ink)", "mark-diamond")
    return Lane(look, _single([(at, at) for at in at_s]), points=True, symbol="diamond", labels=labels)


def _commands(source: Source) -> Lane:
    """What the host asked for: by its log, with its words; else the target's changes, as sampled or as the driver was
    told."""
    analysis, look = source.analysis, Look("host command", "var(--leak-host)", "mark-triangle")
    if source.facts.host_commands:
        return _logged_commands(source, look)
    wanted = analysis.samples.get(HOSTS_TARGET)
    if wanted is None:
        changes = analysis.timeline.spans.get("target_change") or _nothing()
        return Lane(look, changes, points=True, symbol="triangle-down")
    seen = analysis.samples.get(HOSTS_ACTUAL)
    told_later = seen is not None and bool(seen.time_s[0] < wanted.time_s[0])
    changed = np.flatnonzero(np.append(told_later, np.diff(wanted.values) != 0))
    labels = [f"guest to have {value / MIB:,.0f} MiB" for value in wanted.values[changed]]
    spans = [(at, at) for at in wanted.time_s[changed].tolist()]
    return Lane(look, _single(spans), points=True, symbol="triangle-down", labels=labels)


def _logged_commands(source: Source, look: Look) -> Lane:
    start_ns, duration_s = source.facts.metadata.start_ns, source.analysis.duration_s
    commands = sorted(source.facts.host_commands, key=lambda command: command.at_ns)
    marks: list[tuple[float, str]] = []
    before: int | None = None
    for command in commands:
        again = " once more" * (command.target_bytes == before)
        words = f"guest to have {command.target_bytes / MIB:,.0f} MiB{again}"
        at_s, before = (command.at_ns - start_ns) / 1e9, command.target_bytes
        if 0 <= at_s <= duration_s:
            marks.append((at_s, f"{words}: {command.comment}" if command.comment else words))
    spans = _single([(at, at) for at, _ in marks])
    return Lane(look, spans, points=True, symbol="triangle-down", labels=[words for _, words in marks])


def _kills(analysis: Analysis) -> Lane:
    kills = analysis.timeline.spans.get(Tier.OOM_KILL.label) or _nothing()
    found = [finding for finding in chosen(analysis.findings) if finding.kind == "oom_kill"]
    ids = [_around(found, at) for at in kills.begin_s.tolist()]
    look = Look("OOM kill", "var(--band-oom-kill)", "mark-x")
    return Lane(look, kills, points=True, symbol="x", finding=ids)


def _around(findings: Iterable[Finding], at_s: float) -> int:
    return next((one.id for one in findings if one.start_s - 1e-6 <= at_s <= one.end_s + 1e-6), _NO_FINDING)


def _spans(analysis: Analysis, tier: Tier, name: str) -> Lane:
    spans = analysis.timeline.spans.get(tier.label) or _nothing()
    return Lane(Look(name, tier_color(tier), "solid"), spans)


def _cycles(analysis: Analysis) -> Lane:
    storms = [finding for finding in chosen(analysis.findings) if finding.kind in ("cycle", "storm")]
    spans = [(cycle.start_s, cycle.end_s) for cycle in analysis.cycles]
    lane = _of("cycle", "--band-cycle", spans)
    return _selecting(lane, storms)


def _conflicts(analysis: Analysis) -> Lane:
    lane = _of("conflict", "--band-conflict", overlaps(analysis))
    return _selecting(lane, [one for one in chosen(analysis.findings) if one.kind == "conflict"])


def _selecting(lane: Lane, findings: Sequence[Finding]) -> Lane:
    middles = (lane.spans.begin_s + lane.spans.end_s) / 2
    shortest_first = sorted(findings, key=lambda one: one.end_s - one.start_s)
    return Lane(lane.look, lane.spans, finding=[_around(shortest_first, at) for at in middles.tolist()])


def overlaps(analysis: Analysis) -> list[Interval]:
    """Where conflicts were: a balloon that inflates all along is in none while nobody reclaims."""
    episodes, spans = analysis.episodes, []
    for conflict in analysis.conflicts:
        first = bisect_left(episodes, conflict.start_s, key=lambda episode: episode.end_s)
        for episode in islice(episodes, first, None):
            if episode.start_s > conflict.end_s:
                break
            spans.append((max(conflict.start_s, episode.start_s), min(conflict.end_s, episode.end_s)))
    return spans


def _inflating(analysis: Analysis) -> Lane:
    return _of("inflating", "--balloon", [(step.start_s, step.end_s) for step in analysis.steps if step.pages > 0])


def _of(name: str, color: str, spans: Sequence[Interval]) -> Lane:
    return Lane(Look(name, f"var({color})", "solid"), joined(_single(sorted(spans)), _MOST_ROWS))


def joined(rows: Occurrences, most: int) -> Occurrences:
    """No more than `most` rows: those that begin in the same of equal stretches of time become one where there are."""
    if len(rows.count) <= most:
        return rows
    edges = np.linspace(rows.begin_s[0], rows.begin_s[-1], most + 1)[1:-1]
    stretch = np.searchsorted(edges, rows.begin_s, side="right")
    starts = np.append(0, np.flatnonzero(np.diff(stretch)) + 1)
    return Occurrences(
        rows.begin_s[starts],
        np.maximum.reduceat(rows.end_s, starts),
        np.add.reduceat(rows.amount, starts),
        np.add.reduceat(rows.count, starts),
    )


def _single(spans: Sequence[Interval]) -> Occurrences:
    begin, end = np.asarray(spans, np.float64).reshape(-1, 2).T
    length: Floats = (end - begin) * 1e9
    return Occurrences(begin, end, length, np.ones(len(begin), np.int64))


def _nothing() -> Occurrences:
    return _single([])
