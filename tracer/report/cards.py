"""The numbers that matter most: what was moved or read in vain, who waited, who was killed, what the balloon holds."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np

from ..analyze.findings.needs import KILL_KINDS, WAIT_KINDS
from ..analyze.model import Analysis, Stall
from ..analyze.naming import scope_label
from ..analyze.terms import Cause, Quality, Tier
from ..recording_facts import RecordingFacts
from ..wording.balloon_size import size_words
from ..wording.evidence import NO_BALLOON, no_balloon, seen_of, unseen_part
from ..wording.free_pages import free_page_lines
from ..wording.numbers import NOT_KNOWN, count, duration, listing, mib, plural, seconds
from .section import Source

_REFAULTS: Final = "vmstat.workingset_refault_file"
_USER_KILL: Final = "user_kill"


@dataclass(frozen=True)
class Card:
    """One number with its name and a remark; `term` is its name in the glossary, `known` false where it is not."""

    name: str
    value: str
    remark: str
    term: str = ""

    @property
    def known(self) -> bool:
        """Whether the number could be had."""
        return self.value != NOT_KNOWN


def cards(source: Source) -> list[Card]:
    """All cards, in reading order."""
    analysis, facts = source.analysis, source.facts
    return [
        _wasted(analysis, facts),
        _read_again(analysis, source.page_bytes),
        _worst_wait(analysis, facts),
        _kills(analysis, facts),
        _held(analysis, facts),
        _lost(analysis, facts),
        *_free_pages(analysis, source.page_bytes),
    ]


def waited_s(stalls: list[Stall]) -> float:
    """What tasks waited, added up. Waits in tier `retry` lie inside others of their task, where it has others."""
    outer = {stall.pid for stall in stalls if stall.tier is not Tier.RETRY}
    return sum(stall.stall_s for stall in stalls if stall.tier is not Tier.RETRY or stall.pid not in outer)


def _with_pages(pages: int | None, page_bytes: int) -> str:
    return f"{plural(pages, 'page')} of {page_bytes // 1024} KiB; " if pages else ""


def _wasted(analysis: Analysis, facts: RecordingFacts) -> Card:
    balloon, page_bytes = analysis.balloon, facts.metadata.page_size_bytes
    remark = f"{_with_pages(balloon.wasted_pages, page_bytes)}{_left(analysis, facts)}"
    return Card("Moved for nothing", mib(balloon.wasted_pages, page_bytes), remark, "moved for nothing")


def _left(analysis: Analysis, facts: RecordingFacts) -> str:
    balloon, page_bytes = analysis.balloon, facts.metadata.page_size_bytes
    out = balloon.out_pages
    if out is None:
        return "what left the balloon was not counted"
    if not out:
        return "nothing was seen leaving the balloon" if unseen_part(facts) else "nothing left the balloon"
    causes = [f"{mib(pages, page_bytes)} {cause}" for cause in Cause if (pages := balloon.leaked_pages.get(cause, 0))]
    return f"{mib(out, page_bytes)} left the balloon ({', '.join(causes)})"


def _read_again(analysis: Analysis, page_bytes: int) -> Card:
    pages = _growth(analysis, _REFAULTS)
    remark = f"{_with_pages(pages, page_bytes)}evicted, then needed" if pages is not None else "refaults not sampled"
    return Card("Page cache read again", mib(pages, page_bytes), remark, "refault")


def _growth(analysis: Analysis, name: str) -> int | None:
    """How much a sampled counter grew; None where it was read less than twice."""
    if (quantity := analysis.samples.get(name)) is None:
        return None
    values = quantity.values[np.isfinite(quantity.values)]
    return int(values[-1] - values[0]) if len(values) > 1 else None


def _worst_wait(analysis: Analysis, facts: RecordingFacts) -> Card:
    if not analysis.stalls:
        seen = seen_of(analysis, facts, WAIT_KINDS)
        return Card("Worst wait", "none" if seen else NOT_KNOWN, "no task waited for memory" if seen else "not traced")
    longest = max(analysis.stalls, key=lambda stall: stall.max_ns)
    least = "at least " * bool(unseen_part(facts))
    remark = (
        f"{longest.comm} ({longest.pid}), {scope_label(longest.tier, longest.scope)}; all tasks together waited "
        f"{least}{seconds(waited_s(analysis.stalls))}"
    )
    return Card("Worst wait", f"{least}{duration(longest.max_ns)}", remark, "stall")


def _kills(analysis: Analysis, facts: RecordingFacts) -> Card:
    kills = next((row.kills for row in analysis.tiers if row.tier is Tier.OOM_KILL), 0)
    others = sum(finding.kind == _USER_KILL for finding in analysis.findings)
    remark = [_puffs(analysis.balloon.puffs, facts), *([f"{plural(others, 'kill')} from user space"] if others else [])]
    known = kills or seen_of(analysis, facts, KILL_KINDS)
    return Card("OOM kills", count(kills) if known else NOT_KNOWN, "; ".join(remark), "oom_kill")


def _puffs(puffs: int | None, facts: RecordingFacts) -> str:
    if puffs is None or (not puffs and unseen_part(facts)):
        return "not known whether the balloon ran out of puff"
    return f"the balloon was out of puff {plural(puffs, 'time')}" if puffs else "the balloon never ran out of puff"


def _held(analysis: Analysis, facts: RecordingFacts) -> Card:
    name, size, page_bytes = "Held by the balloon", analysis.balloon.size, facts.metadata.page_size_bytes
    if size is not None and (size.highest_bytes or facts.metadata.balloon.driver):
        about = "~" * (size.quality is Quality.INFERRED and size.end_bytes > 0)
        return Card(name, f"{about}{mib(size.end_bytes, 1)}", size_words(size), "size")
    net = analysis.balloon.net_pages
    if net is not None and net > 0:
        least = f"at least {mib(net, page_bytes)}"
        return Card(name, least, "pages in minus pages out; what it held at the start is not known", "size")
    if facts.metadata.balloon.driver is None and not analysis.balloon.inflated_pages:
        why = no_balloon(facts)
        return Card(name, "no balloon" if why == NO_BALLOON else NOT_KNOWN, why, "size")
    return Card(name, NOT_KNOWN, "its size was not sampled", "size")


def _lost(analysis: Analysis, facts: RecordingFacts) -> Card:
    missing, events = unseen_part(facts), count(analysis.accounting.events)
    if facts.lost_total:
        return Card("Events lost", count(facts.lost_total), f"{listing(missing)}; {events} recorded", "lost")
    if missing:
        return Card("Events lost", NOT_KNOWN, f"{listing(missing)}; {events} recorded", "lost")
    return Card("Events lost", "0", f"{events} recorded, to the end", "lost")


def _free_pages(analysis: Analysis, page_bytes: int) -> list[Card]:
    balloon = analysis.balloon
    if not balloon.reports and not balloon.hinted_pages:
        return []
    lines = free_page_lines(balloon, analysis.duration_s, page_bytes)
    hinted = f"at least {mib(balloon.hinted_pages, page_bytes)}"
    given = mib(balloon.reported_pages, page_bytes) if balloon.reports else hinted
    return [Card("Free pages reported or hinted", given, "; ".join(lines), "free page reporting")]
