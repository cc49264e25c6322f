"""The numbers of a recording that conditions have limits on."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

from ..analyze.findings.needs import WAIT_KINDS, WAITS
from ..analyze.model import Analysis, Stall, cycle_count
from ..analyze.terms import Quality, Tier
from ..recording_facts import RecordingFacts
from ..wording.evidence import PLAN_UNKNOWN, unseen_part
from ..wording.numbers import listing

REFAULTS: Final = ("vmstat.workingset_refault_file", "vmstat.workingset_refault")
"""Linux 5.9 split the counter; the older one counts page cache alone."""


@dataclass(frozen=True, slots=True)
class Number:
    """A number in its measure's unit, and how it was had; None with `why` not."""

    value: float | None
    quality: Quality = Quality.MEASURED
    why: str = ""


def number_of(name: str, analysis: Analysis, facts: RecordingFacts) -> Number:
    """What a measure comes to in a recording: a lower bound where some of it is missing, unknown where then none was
    seen."""
    value = _VALUES[name](analysis, facts)
    why = unseen_why(name, analysis, facts)
    if value is None or (why and not value):
        return Number(None, Quality.UNKNOWN, why or _UNKNOWN[name])
    if name != "loss" and unseen_part(facts):
        return Number(value, Quality.LOWER_BOUND)
    return Number(value, analysis.balloon.quality if name in {"cycles", "waste"} else Quality.MEASURED)


def unseen_why(name: str, analysis: Analysis, facts: RecordingFacts) -> str:
    """Why none seen of a measure is no zero; empty where it is one."""
    if name == "loss":
        return ""
    why = unjudged_why(_JUDGED_AS[name], analysis) if name in _JUDGED_AS else ""
    if name in {"stall", "wait"}:
        why = _waits_unseen(analysis, facts)
    return why or missing_part(facts)


def unjudged_why(kind: str, analysis: Analysis) -> str:
    """Why a kind of finding was not judged; empty where it was."""
    return next((each.why for each in analysis.not_judged if each.kind == kind), "")


def missing_part(facts: RecordingFacts) -> str:
    """What of the recording is missing, as a clause; empty where nothing is."""
    return listing(unseen_part(facts))


def waits(analysis: Analysis) -> list[Stall]:
    """Tasks' waits, no time counted twice: those of tier `retry` lie in those of tier `direct` where these are told."""
    whole = [stall for stall in analysis.stalls if stall.tier is not Tier.RETRY]
    return whole or analysis.stalls


def refault_pages(analysis: Analysis) -> float | None:
    """Page cache pages read again after eviction; None where the kernel's counter was not sampled."""
    read = next((analysis.samples[name].values for name in REFAULTS if name in analysis.samples), None)
    return None if read is None or len(read) < 2 else float(read[-1] - read[0])


def _waits_unseen(analysis: Analysis, facts: RecordingFacts) -> str:
    metadata, accounting = facts.metadata, analysis.accounting
    if not accounting.events and not analysis.samples and not metadata.plan:
        return "nothing was recorded"
    seen = WAIT_KINDS & (accounting.events_by_kind.keys() | metadata.kinds_traced)
    if metadata.imported_from and not seen:
        return "no wait is in the imported trace"
    return "" if seen else WAITS.why if metadata.plan else PLAN_UNKNOWN


def _bytes(pages: float | None, facts: RecordingFacts) -> float | None:
    return None if pages is None else pages * facts.metadata.page_size_bytes


_VALUES: Final[Mapping[str, Callable[[Analysis, RecordingFacts], float | None]]] = {
    "cycles": lambda analysis, _: cycle_count(analysis.cycles),
    "conflicts": lambda analysis, _: len(analysis.conflicts),
    "loss": lambda analysis, _: analysis.accounting.lost_total,
    "kills": lambda analysis, _: sum(row.kills for row in analysis.tiers),
    "waste": lambda analysis, facts: _bytes(analysis.balloon.wasted_pages, facts),
    "stall": lambda analysis, _: sum(stall.stall_s for stall in waits(analysis)),
    "wait": lambda analysis, _: max((stall.max_ns for stall in waits(analysis)), default=0) / 1e9,
    "refault": lambda analysis, facts: _bytes(refault_pages(analysis), facts),
}
_JUDGED_AS: Final = {"cycles": "cycle", "conflicts": "conflict", "kills": "oom_kill", "waste": "cycle"}
"""A kind of finding that needs the same to have been traced."""
_UNKNOWN: Final = {"waste": "the balloon's pages were not counted", "refault": "refaults were not sampled"}
