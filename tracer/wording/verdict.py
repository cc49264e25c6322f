"""The verdict: one sentence that says the worst thing found, and how far it can be trusted."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from ..analyze.balloon.runs import belongs_to_balloon
from ..analyze.balloon.size import balloon_mib
from ..analyze.findings.needs import KILL_KINDS
from ..analyze.model import Analysis, Cycle, TierRow, known_sum
from ..analyze.naming import reclaim_in
from ..analyze.terms import Cause, CycleClass, Quality, Severity, Tier
from ..recording_facts import RecordingFacts
from .evidence import nothing_seen, unseen_part
from .free_pages import reported
from .numbers import count, listing, mib, plural, seconds
from .tier_pages import inferred_mark
from .tiers import damon, in_cgroups, rungs

_LATE_S: Final = 0.1
"""Time in tiers 2 and 3 from which on an OOM leak came late: a tenth of a second is what a person notices."""

_DRIVEN_BY: Final = {
    CycleClass.SHRINKER_REINFLATE: "its own shrinker took the pages out and its worker put them back",
    CycleClass.NOTIFIER_REINFLATE: "the OOM notifier took pages out while it was still inflating",
    CycleClass.HOST_REINFLATE: "the host asked for pages back that pressure had taken out",
    CycleClass.HOST_OSCILLATION: "the host kept turning its target round",
    CycleClass.ROUNDING: "its target is not a whole number of guest pages",
}


UNKNOWN: Final = "unknown"
QUIET: Final = "quiet"


@dataclass(frozen=True)
class Verdict:
    """`sentence` is the finding, `qualifier` what limits it (empty when nothing was missed).

    `kind` is the worst finding's, QUIET where all was judged and nothing found, UNKNOWN where too little was seen.
    """

    severity: Severity
    sentence: str
    qualifier: str = ""
    kind: str = QUIET

    @property
    def level(self) -> str:
        """The severity, or UNKNOWN: what was not looked at is not fine."""
        return UNKNOWN if self.kind == UNKNOWN else self.severity.value


def verdict(analysis: Analysis, facts: RecordingFacts) -> Verdict:
    """The worst thing in an analysis as one sentence with units; loss and cuts become the qualifier."""
    page_bytes = facts.metadata.page_size_bytes
    for kind, rule in _RULES.items():
        found = rule(analysis, page_bytes)
        if found is not None:
            severity, words = found
            cgroups = f"; all reclaim was {where}" if (where := in_cgroups(analysis.tiers, facts.metadata)) else ""
            return Verdict(severity, words + _and_kills(analysis, kind) + cgroups + ".", qualifier(facts), kind)
    if not (given := _supplied(analysis, page_bytes)) and (reason := nothing_seen(analysis, facts)):
        told = reported(analysis.balloon, page_bytes)
        words = f"{reason[0].upper()}{reason[1:]}{f'; {told}' if told else ''}"
        return Verdict(Severity.INFO, f"{_and_unknown(words, analysis, facts)}.", qualifier(facts), UNKNOWN)
    nothing = "No conflict" if _moved_unknown(analysis, facts) else "No conflict and no cycle"
    seen = nothing + (" was seen" if unseen_part(facts) else "")
    if given or not (open_ := _unknown(analysis, facts)):
        quiet = given or reported(analysis.balloon, page_bytes) or "no tier had to give memory"
        words = _and_unknown(f"{seen}: {quiet}", analysis, facts)
        if where := in_cgroups(analysis.tiers, facts.metadata):
            words += f", all of it {where}"
        return Verdict(Severity.INFO, f"{words}.", qualifier(facts))
    return Verdict(Severity.INFO, f"{seen}; {open_}.", qualifier(facts), UNKNOWN)


def qualifier(facts: RecordingFacts) -> str:
    """What was not seen, as a sentence; empty when everything was."""
    missed = unseen_part(facts)
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
    reclaimed = known_sum(conflict.reclaimed_pages for conflict in analysis.conflicts)
    gave = "" if reclaimed is None else f", {mib(reclaimed, page_bytes)} reclaimed meanwhile"
    who = listing([f"{seconds(length)} {name}" for name, length in overlap.items() if length > 0])
    return Severity.WARNING, (
        f"The balloon inflated while the guest was reclaiming memory: {plural(len(analysis.conflicts), 'conflict')}"
        f"{f' ({who})' if who else ''}{gave}, no cycle"
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
    why = told[0].removesuffix(".").partition(": ")[2] if told else ""
    killed = plural(row.kills, "task")
    reason = f": {why}" if why else ""
    return Severity.CRITICAL, f"The OOM killer killed {killed} with {left:,.1f} MiB still in the balloon{reason}"


def _killed(analysis: Analysis, _page_bytes: int) -> _Found:
    kills = _kills(analysis)
    if not kills:
        return None
    told = [finding.text.removesuffix(".") for finding in analysis.findings if finding.kind == "oom_kill"]
    if kills == 1 and told and told[0].endswith(_NO_BALLOON):
        return Severity.CRITICAL, told[0]
    fights = "" if analysis.conflicts or analysis.cycles else "; no conflict and no cycle"
    return Severity.CRITICAL, f"The OOM killer killed {plural(kills, 'task')}{fights}"


def _any_kill(analysis: Analysis, page_bytes: int) -> _Found:
    return _killed_over_balloon(analysis, page_bytes) or _killed(analysis, page_bytes)


def _told(kind: str) -> _Rule:
    """A verdict that is the sentence of the first finding of a kind."""

    def rule(analysis: Analysis, _page_bytes: int) -> _Found:
        found = next((finding for finding in analysis.findings if finding.kind == kind), None)
        return None if found is None else (found.severity, found.text.removesuffix("."))

    return rule


def _late_tap(analysis: Analysis, page_bytes: int) -> _Found:
    tapped = analysis.balloon.leaked_pages.get(Cause.OOM_NOTIFIER, 0)
    direct = _row(analysis, Tier.DIRECT)
    before = [row for row in (direct, _row(analysis, Tier.RETRY)) if row]
    spent = sum(row.busy_s or 0.0 for row in before)
    if not tapped or spent < _LATE_S:
        return None
    return Severity.WARNING, (
        f"The balloon gave {mib(tapped, page_bytes)} only as the last resort, after {seconds(spent)} of "
        f"{reclaim_in(direct) if direct else 'direct reclaim'} and retries"
    )


def _early_tap(analysis: Analysis, page_bytes: int) -> _Found:
    tapped = analysis.balloon.leaked_pages.get(Cause.SHRINKER, 0)
    if not tapped:
        return None
    return Severity.WARNING, f"The balloon's shrinker gave {mib(tapped, page_bytes)} side by side with the page cache"


def _gave(row: TierRow, page_bytes: int) -> list[str]:
    given = [(row.file_pages, "file"), (row.anon_pages, "anon"), (row.lru_pages, "LRU")]
    given += [(row.slab_pages, "slab"), (row.balloon_pages, "balloon")]
    parts = [f"{mib(pages, page_bytes)} of {source}" for pages, source in given if pages]
    if not row.slab_pages and any(freed for name, freed in row.slab_objects.items() if not belongs_to_balloon(name)):
        parts.append("slab objects")
    return parts


def _supplied(analysis: Analysis, page_bytes: int) -> str:
    given = (
        _gift(label, row, parts) + _unasked(row, page_bytes)
        for label, row in rungs(analysis.tiers)
        if (parts := _gave(row, page_bytes))
    )
    return "; ".join(given)


def _gift(label: str, row: TierRow, parts: list[str]) -> str:
    at_least = "at least " * (row.quality is Quality.LOWER_BOUND or _is_unknown(row))
    return f"{label} gave {at_least}{listing(parts)}{' (inferred)' * (inferred_mark(row) != '')}"


def _unasked(row: TierRow, page_bytes: int) -> str:
    told = damon(row, page_bytes)
    return f" ({told})" if told else ""


def _is_unknown(row: TierRow) -> bool:
    """Whether it was at work and nothing counts the pages that it took off the LRU."""
    return row.tier <= Tier.DIRECT and row.off_lru_pages is None


def _and_unknown(words: str, analysis: Analysis, facts: RecordingFacts) -> str:
    """The same with what was at work and of which nothing counts what it did."""
    unknown = _unknown(analysis, facts)
    return f"{words}; {unknown}" if unknown else words


def _unknown(analysis: Analysis, facts: RecordingFacts) -> str:
    """Tiers that ran and OOMs whose outcome is not recorded, as a clause; empty without any."""
    page_bytes = facts.metadata.page_size_bytes
    ran = [each for each in rungs(analysis.tiers) if not _only_reports(each[1], analysis)]
    silent = [label for label, row in ran if _is_unknown(row) and not _gave(row, page_bytes)]
    clauses = [f"{listing(silent)} ran: how much was given is not in this recording"] if silent else []
    calls = analysis.accounting.events_by_kind.get("out_of_memory_begin", 0)
    if calls and facts.metadata.plan and not facts.metadata.kinds_traced & KILL_KINDS:
        called = "once" if calls == 1 else f"{count(calls)} times"
        clauses.append(f"out_of_memory() was called {called}: whether a task was killed is not in this recording")
    return "; ".join(clauses)


def _only_reports(row: TierRow, analysis: Analysis) -> bool:
    """Whether nothing was in it but the driver's reports of free pages, which are no reclaim."""
    return row.tier is Tier.PROACTIVE and row.spans == analysis.balloon.reports


def _moved_unknown(analysis: Analysis, facts: RecordingFacts) -> bool:
    """Whether there is a balloon of which nothing counts the pages, so that no cycle could be seen."""
    return facts.metadata.balloon.driver is not None and analysis.balloon.wasted_pages is None


def _and_kills(analysis: Analysis, kind: str) -> str:
    kills = _kills(analysis)
    return "" if kind == "oom_kill" or not kills else f", and the OOM killer killed {plural(kills, 'task')}"


_NO_BALLOON: Final = ("no balloon was seen", "this machine has no balloon")
_RULES: Final[dict[str, _Rule]] = {
    "storm": _storm,
    "oom_kill": _any_kill,
    "worker_stuck": _told("worker_stuck"),
    "cycle": _cycle,
    "starved": _told("starved"),
    "late_tap": _late_tap,
    "premature_tap": _early_tap,
    "kswapd_gave_up": _told("kswapd_gave_up"),
    "conflict": _conflict,
}
"""By the kind of finding that leads, the worst first."""
