"""The verdict: the worst finding, one clause on the next, and how far that can be trusted."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from ..analyze.balloon.runs import belongs_to_balloon
from ..analyze.findings.kind import Decisive
from ..analyze.findings.needs import KILL_KINDS
from ..analyze.findings.registry import KIND_BY_NAME
from ..analyze.model import Analysis, Finding, NotJudged, TierRow
from ..analyze.naming import reclaim_label
from ..analyze.terms import Quality, Severity, Tier
from ..recording_facts import RecordingFacts
from .evidence import PLAN_UNKNOWN, nothing_seen, unseen_part
from .free_pages import reported
from .numbers import count, listing, mib
from .tier_pages import inferred_mark
from .tiers import damon, in_cgroups, rungs

UNKNOWN: Final = "unknown"
QUIET: Final = "quiet"
_KILL: Final = "oom_kill"
_LIMIT: Final = "memcg_limit"
_KILLS: Final = frozenset({_KILL, "user_kill"})
_OBJECTS: Final = "slab objects"
_TOLD_ANYWAY: Final = frozenset({"reporting"})
"""Kinds of mere information that is in what each tier gave."""


@dataclass(frozen=True)
class Verdict:
    """`sentence` is the worst finding's, `qualifier` what limits it (empty when nothing was missed).

    `kind` is the worst finding's, QUIET where nothing was found and enough was seen, UNKNOWN where too little was seen;
    `finding` its id, None without one. `not_judged` are kinds of which nothing would have been seen.
    """

    severity: Severity
    sentence: str
    qualifier: str = ""
    kind: str = QUIET
    finding: int | None = None
    not_judged: tuple[NotJudged, ...] = ()

    @property
    def level(self) -> str:
        """The severity, or UNKNOWN: what was not looked at is not fine."""
        return UNKNOWN if self.kind == UNKNOWN else self.severity.value


def verdict(analysis: Analysis, facts: RecordingFacts) -> Verdict:
    """The worst finding as one sentence with units, its kind's totals and the next kind; what no finding speaks of
    follows: which tiers gave memory where nothing is wrong. Loss and cuts become the qualifier."""
    machine = [finding for finding in analysis.findings if not _is_beside(finding)]
    worst = machine[0] if machine else None
    parts, kind = [], QUIET
    if worst is None or worst.severity is Severity.INFO:
        supply, kind = _supply(analysis, facts)
        parts = [supply]
    if worst is None or kind == UNKNOWN:
        told = [*parts, *_next(machine, None)]
        return _judged(Severity.INFO, told, kind, None, analysis, facts)
    told = [*_told(worst, machine, analysis, facts), *_next(machine, worst), *parts]
    if not parts and worst.kind != _LIMIT and (where := in_cgroups(analysis.tiers, facts.metadata)):
        told.append(f"All reclaim was {where}")
    return _judged(worst.severity, told, worst.kind, worst.id, analysis, facts)


def _judged(
    severity: Severity, told: list[str], kind: str, finding: int | None, analysis: Analysis, facts: RecordingFacts
) -> Verdict:
    sentence = " ".join(f"{words.removesuffix('.')}." for words in told)
    return Verdict(severity, sentence, qualifier(facts), kind, finding, tuple(analysis.not_judged))


def _is_beside(finding: Finding) -> bool:
    """Whether it is about the recording itself, or no problem but an estimate."""
    kind = KIND_BY_NAME.get(finding.kind)
    return kind is not None and (kind.of_recording or kind.estimate)


def _told(worst: Finding, machine: list[Finding], analysis: Analysis, facts: RecordingFacts) -> list[str]:
    """The worst finding, and what those of its kind come to where there are more."""
    alike = [finding for finding in machine if finding.kind == worst.kind]
    kind = KIND_BY_NAME.get(worst.kind)
    if kind is not None and kind.together:
        together = kind.together(analysis, alike, facts.metadata.page_size_bytes)
    else:
        together = f"{count(len(alike))} such findings in total" if len(alike) > 1 else ""
    return [worst.text, *([_capital(together)] if together else [])]


def _next(machine: Sequence[Finding], worst: Finding | None) -> list[str]:
    """One clause on the worst of another kind, a kill before all others; of mere information only where no worse one
    leads."""
    others = [finding for finding in machine if worst is None or finding.kind != worst.kind]
    if worst is not None and worst.severity is not Severity.INFO:
        others = [finding for finding in others if finding.severity is not Severity.INFO]
    others = [finding for finding in others if finding.kind not in _TOLD_ANYWAY]
    if worst is not None and worst.numbers.get("kills", 0) >= sum(finding.kind == _KILL for finding in others):
        others = [finding for finding in others if finding.kind != _KILL]
    others.sort(key=lambda finding: finding.kind not in _KILLS)
    if not others or others[0].kind not in KIND_BY_NAME:
        return []
    times = sum(finding.kind == others[0].kind for finding in others)
    return [f"Also, {KIND_BY_NAME[others[0].kind].clause}{f' ({count(times)} times)' if times > 1 else ''}"]


def _supply(analysis: Analysis, facts: RecordingFacts) -> tuple[str, str]:
    """Which tiers gave memory, or why that can't be told, without the full stop; with QUIET or UNKNOWN."""
    page_bytes = facts.metadata.page_size_bytes
    given = _supplied(analysis, page_bytes)
    told = reported(analysis.balloon, page_bytes)
    if not given and (reason := nothing_seen(analysis, facts)):
        words = f"{_capital(reason)}{f'; {told}' if told else ''}"
        return _and_unknown(words, analysis, facts), UNKNOWN
    nothing = _nothing(analysis, facts)
    if not given and (open_ := _unknown(analysis, facts)):
        return f"{nothing}; {open_}", UNKNOWN
    words = _and_unknown(f"{nothing}: {given or told or 'no memory had to be reclaimed'}", analysis, facts)
    where = in_cgroups(analysis.tiers, facts.metadata)
    words = f"{words}, all of it {where}" if where else words
    open_kinds = [*([] if facts.metadata.plan else [PLAN_UNKNOWN]), *undecided(analysis, facts)]
    return "; ".join((words, *open_kinds)), UNKNOWN if open_kinds or _untold_oom(analysis, facts) else QUIET


def undecided(analysis: Analysis, facts: RecordingFacts) -> list[str]:
    """Why kinds were not judged without which nothing is called quiet, as clauses, but for OOMs told of already."""
    decisive = {Decisive.ALWAYS} | ({Decisive.WITH_BALLOON} if facts.metadata.balloon.driver else set())
    told = {_KILL} if _untold_oom(analysis, facts) else set()
    whys = [each.why for each in analysis.not_judged if each.kind not in told and _decisive(each.kind) in decisive]
    return list(dict.fromkeys(whys))


def _decisive(kind: str) -> Decisive:
    return KIND_BY_NAME[kind].decisive


def _nothing(analysis: Analysis, facts: RecordingFacts) -> str:
    """What would have been seen and was not."""
    unjudged = {each.kind for each in analysis.not_judged}
    found = {"conflict": analysis.conflicts, "cycle": analysis.cycles}
    absent = [f"no {kind}" for kind, there in found.items() if not there and kind not in unjudged]
    seen = " was seen" if unseen_part(facts) else ""
    return _capital(f"{listing(absent)}{seen}" if absent else "nothing was flagged")


def _capital(words: str) -> str:
    return words[:1].upper() + words[1:]


def qualifier(facts: RecordingFacts) -> str:
    """What was not seen, as a sentence; empty when everything was."""
    missed = unseen_part(facts)
    if not missed:
        return ""
    return f"{_capital(listing(missed))}: the numbers are lower bounds, and problems may have gone unseen."


def unjudged_words(not_judged: Iterable[NotJudged]) -> str:
    """The kinds that were not judged, each reason with its kinds; empty without any."""
    by_reason: dict[str, list[str]] = {}
    for each in not_judged:
        by_reason.setdefault(each.why, []).append(each.kind)
    return "; ".join(f"{', '.join(kinds)} ({why})" for why, kinds in by_reason.items())


def _freed(row: TierRow, page_bytes: int) -> str:
    """What a tier freed, with units; empty if nothing."""
    sizes = [(row.file_pages, "page cache"), (row.anon_pages, "anonymous memory"), (row.lru_pages, "LRU pages")]
    sizes += [(row.slab_pages, "slab"), (row.balloon_pages, "balloon pages")]
    pages_freed = listing([f"{mib(pages, page_bytes)} of {source}" for pages, source in sizes if pages])
    if row.slab_pages or not any(freed for name, freed in row.slab_objects.items() if not belongs_to_balloon(name)):
        return pages_freed
    return f"{pages_freed}, plus {_OBJECTS}" if pages_freed else _OBJECTS


def _supplied(analysis: Analysis, page_bytes: int) -> str:
    return "; ".join(
        _supply_of(label, row, freed) + _by_damon(row, page_bytes)
        for label, row in rungs(analysis.tiers, reclaim_label)
        if (freed := _freed(row, page_bytes))
    )


def _supply_of(label: str, row: TierRow, freed: str) -> str:
    inferred = " (inferred)" * (inferred_mark(row) != "")
    if row.quality is not Quality.LOWER_BOUND and not _is_unknown(row):
        return f"{label} freed {freed}{inferred}"
    bound = f"{freed}, possibly more" if freed == _OBJECTS else f"at least {freed}"
    return f"{label} freed {bound}{inferred}"


def _by_damon(row: TierRow, page_bytes: int) -> str:
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
    ran = [each for each in rungs(analysis.tiers, reclaim_label) if not _only_reports(each[1], analysis)]
    silent = [label for label, row in ran if _is_unknown(row) and not _freed(row, page_bytes)]
    ran_untold = f"{listing(silent)} ran, but this recording does not say how much was freed" if silent else ""
    return "; ".join(filter(None, (ran_untold, _untold_oom(analysis, facts))))


def _untold_oom(analysis: Analysis, facts: RecordingFacts) -> str:
    """OOMs of which it is not known whether they killed, as a clause; empty without any."""
    calls = analysis.accounting.events_by_kind.get("out_of_memory_begin", 0)
    if not calls or not facts.metadata.plan or facts.metadata.kinds_traced & KILL_KINDS:
        return ""
    called = "once" if calls == 1 else f"{count(calls)} times"
    return f"out_of_memory() was called {called}; this recording does not show whether a task was killed"


def _only_reports(row: TierRow, analysis: Analysis) -> bool:
    """Whether nothing was in it but the driver's reports of free pages, which are no reclaim."""
    return row.tier is Tier.PROACTIVE and row.spans == analysis.balloon.reports
