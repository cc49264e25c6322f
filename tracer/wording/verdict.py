"""The verdict: one sentence that says the worst thing found, and how far it can be trusted."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from ..analyze.model import Analysis, Cause, Cycle, CycleClass, Severity, Tier, TierRow
from ..recording_facts import RecordingFacts
from .balloon_size import balloon_mib
from .numbers import bytes_, listing, mib, plural, seconds

_LATE_S: Final = 0.1
"""Time in tiers 2 and 3 from which on an OOM leak came late: a tenth of a second is what a person notices."""

_DRIVEN_BY: Final = {
    CycleClass.SHRINKER_REINFLATE: "its own shrinker took the pages out and its worker put them back",
    CycleClass.NOTIFIER_REINFLATE: "the OOM notifier took pages out while it was still inflating",
    CycleClass.HOST_REINFLATE: "the host asked for pages back that pressure had taken out",
    CycleClass.HOST_OSCILLATION: "the host kept turning its target round",
    CycleClass.ROUNDING: "its target is not a whole number of guest pages",
}


@dataclass(frozen=True)
class Verdict:
    """`sentence` is the finding, `qualifier` what limits it (empty when nothing was missed)."""

    severity: Severity
    sentence: str
    qualifier: str = ""


def verdict(analysis: Analysis, facts: RecordingFacts) -> Verdict:
    """The worst thing in an analysis as one sentence with units; loss and cuts become the qualifier."""
    page_bytes = facts.metadata.page_size_bytes
    for rule in _RULES:
        found = rule(analysis, page_bytes)
        if found is not None:
            severity, words = found
            return Verdict(severity, words + _and_kills(analysis, rule) + ".", qualifier(facts))
    raise AssertionError("the last rule always holds")


def qualifier(facts: RecordingFacts) -> str:
    """What was not seen, as a sentence; empty when everything was."""
    missed = []
    if facts.lost_total:
        missed.append(f"{plural(facts.lost_total, 'event was', 'events were')} lost")
    if facts.cut_bytes:
        missed.append(f"the recording was cut short ({bytes_(facts.cut_bytes)} at its end could not be used)")
    elif not facts.complete:
        missed.append(
            "the recorder was ended before it could close the recording (about the last second may be missing)"
        )
    if facts.bad_blocks:
        missed.append(f"{plural(facts.bad_blocks, 'damaged block was', 'damaged blocks were')} skipped")
    if not missed:
        return ""
    words = listing(missed)
    return f"{words[0].upper()}{words[1:]}: the numbers are lower bounds, and something may not have been seen at all."


_Found = tuple[Severity, str] | None
_Rule = Callable[[Analysis, int], _Found]


def _worst_class(cycles: list[Cycle]) -> tuple[CycleClass, int]:
    wasted: dict[CycleClass, int] = {}
    for cycle in cycles:
        wasted[cycle.cycle_class] = wasted.get(cycle.cycle_class, 0) + cycle.wasted_pages
    return max(wasted.items(), key=lambda item: item[1])


def _storm(analysis: Analysis, page_bytes: int) -> _Found:
    if not analysis.storms:
        return None
    worst = max(analysis.storms, key=lambda storm: storm.wasted_pages)
    wasted = sum(storm.wasted_pages for storm in analysis.storms)
    count = sum(storm.cycles for storm in analysis.storms)
    return Severity.CRITICAL, (
        f"The balloon went round in circles: {plural(len(analysis.storms), 'storm')} of {plural(count, 'cycle')} "
        f"({worst.cycle_class}: {_DRIVEN_BY[worst.cycle_class]}) moved {mib(wasted, page_bytes)} for nothing"
    )


def _cycle(analysis: Analysis, page_bytes: int) -> _Found:
    if not analysis.cycles:
        return None
    wasted = sum(cycle.wasted_pages for cycle in analysis.cycles)
    worst, _ = _worst_class(analysis.cycles)
    return Severity.WARNING, (
        f"{plural(len(analysis.cycles), 'cycle')} of leak and reinflation ({worst}: {_DRIVEN_BY[worst]}) "
        f"moved {mib(wasted, page_bytes)} for nothing"
    )


def _conflict(analysis: Analysis, page_bytes: int) -> _Found:
    if not analysis.conflicts:
        return None
    overlap: dict[str, float] = {}
    for conflict in analysis.conflicts:
        for who, length_s in conflict.overlap_s.items():
            overlap[who] = overlap.get(who, 0.0) + length_s
    reclaimed = sum(conflict.reclaimed_pages for conflict in analysis.conflicts)
    who = listing([f"{seconds(length)} {name}" for name, length in overlap.items() if length > 0])
    return Severity.WARNING, (
        f"The balloon inflated while the guest was reclaiming memory: {plural(len(analysis.conflicts), 'conflict')}"
        f"{f' ({who})' if who else ''}, {mib(reclaimed, page_bytes)} reclaimed meanwhile, no cycle"
    )


def _row(analysis: Analysis, tier: Tier) -> TierRow | None:
    return next((row for row in analysis.tiers if row.tier is tier), None)


def _kills(analysis: Analysis) -> int:
    row = _row(analysis, Tier.OOM_KILL)
    return row.kills if row else 0


def _killed_over_balloon(analysis: Analysis, page_bytes: int) -> _Found:
    row = _row(analysis, Tier.OOM_KILL)
    left = balloon_mib(analysis, page_bytes, row.first_s) if row and row.kills else None
    if row is None or not left:
        return None
    told = [finding.text for finding in analysis.findings if finding.kind == "oom_kill"]
    why = f"; {told[0].removesuffix('.')}" if told else ""
    killed = plural(row.kills, "task")
    return Severity.CRITICAL, f"The OOM killer killed {killed} with {left:,.1f} MiB still in the balloon{why}"


def _killed(analysis: Analysis, _page_bytes: int) -> _Found:
    kills = _kills(analysis)
    if not kills:
        return None
    return Severity.CRITICAL, f"The OOM killer killed {plural(kills, 'task')}; no conflict and no cycle"


def _late_tap(analysis: Analysis, page_bytes: int) -> _Found:
    tapped = analysis.balloon.leaked_pages.get(Cause.OOM_NOTIFIER, 0)
    before = [row for row in (_row(analysis, Tier.DIRECT), _row(analysis, Tier.RETRY)) if row]
    spent = sum(row.busy_s for row in before)
    if not tapped or spent < _LATE_S:
        return None
    return Severity.WARNING, (
        f"The balloon gave {mib(tapped, page_bytes)} only as the last resort, after {seconds(spent)} of direct reclaim "
        "and retries"
    )


def _early_tap(analysis: Analysis, page_bytes: int) -> _Found:
    tapped = analysis.balloon.leaked_pages.get(Cause.SHRINKER, 0)
    if not tapped:
        return None
    return Severity.WARNING, f"The balloon's shrinker gave {mib(tapped, page_bytes)} side by side with the page cache"


def _quiet(analysis: Analysis, page_bytes: int) -> _Found:
    return Severity.INFO, f"No conflict and no cycle: {_supplied(analysis, page_bytes)}"


def _gave(row: TierRow, page_bytes: int) -> list[str]:
    given = [(row.file_pages, "file"), (row.anon_pages, "anon"), (row.lru_pages, "LRU")]
    given += [(row.slab_pages, "slab"), (row.balloon_pages, "balloon")]
    parts = [f"{mib(pages, page_bytes)} of {source}" for pages, source in given if pages]
    if not row.slab_pages and any(row.slab_objects.values()):
        parts.append("slab objects")
    return parts


def _supplied(analysis: Analysis, page_bytes: int) -> str:
    rows = sorted(analysis.tiers, key=lambda row: row.tier)
    given = [f"{row.tier.label} gave {listing(parts)}" for row in rows if (parts := _gave(row, page_bytes))]
    return "; ".join(given) if given else "no tier had to give memory"


def _and_kills(analysis: Analysis, rule: _Rule) -> str:
    kills = _kills(analysis)
    told = rule in (_killed_over_balloon, _killed)
    return "" if told or not kills else f", and the OOM killer killed {plural(kills, 'task')}"


_RULES: Final[tuple[_Rule, ...]] = (
    _storm,
    _cycle,
    _conflict,
    _killed_over_balloon,
    _late_tap,
    _early_tap,
    _killed,
    _quiet,
)
