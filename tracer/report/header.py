"""The head of the page: the verdict, the numbers that matter most, and where they come from."""

from __future__ import annotations

import shlex
from dataclasses import dataclass
from typing import Final

from ..analyze.findings.needs import KILL_KINDS, WAIT_KINDS
from ..analyze.model import Analysis, known_sum
from ..analyze.terms import Cause, Severity, Tier
from ..metadata import Metadata
from ..recording_facts import RecordingFacts
from ..wording.balloon_size import size_words
from ..wording.evidence import no_balloon, nothing_seen, seen_of, unseen_part
from ..wording.free_pages import free_page_lines
from ..wording.length import length_of
from ..wording.numbers import NOT_KNOWN, bytes_, count, mib, plural, seconds, utc
from ..wording.verdict import QUIET, UNKNOWN, Verdict
from .section import Source

_LEVEL_WORDS: Final[dict[str, str]] = {
    Severity.CRITICAL: "Critical",
    Severity.WARNING: "Warning",
    Severity.INFO: "For information",
    QUIET: "No problem found",
    UNKNOWN: "Not known",
}


@dataclass(frozen=True)
class Card:
    """One number with its name and a remark."""

    name: str
    value: str
    remark: str


@dataclass(frozen=True)
class Fact:
    """One thing that is known of the recording."""

    name: str
    value: str


@dataclass(frozen=True)
class Header:
    """What stands above the sections."""

    host: str
    verdict: Verdict
    level_words: str
    cards: list[Card]
    facts: list[Fact]


def header(source: Source) -> Header:
    """The page's head for one recording."""
    judged, metadata = source.verdict, source.facts.metadata
    return Header(
        metadata.host or metadata.imported_from or source.facts.source,
        judged,
        _LEVEL_WORDS.get(judged.kind) or _LEVEL_WORDS[judged.level],
        _cards(source.analysis, source.facts),
        _facts(source.analysis, source.facts),
    )


def _facts(analysis: Analysis, facts: RecordingFacts) -> list[Fact]:
    metadata = facts.metadata
    imported = f" (imported from {metadata.imported_from})" if metadata.imported_from else ""
    return [
        Fact("Kernel", f"{_kernel(metadata)}, {plural(metadata.cpus, 'CPU')}"),
        Fact("Started", utc(metadata.start_utc_ns)),
        Fact("Duration", length_of(analysis, facts)),
        Fact("Events", f"{count(analysis.accounting.events)}, {count(facts.lost_total)} lost"),
        Fact("Memory", _memory(metadata)),
        Fact("Balloon", _balloon(analysis, facts)),
        Fact("Recording", f"{facts.source}{imported}"),
        Fact("Command", shlex.join(metadata.command) or "none"),
    ]


def _memory(metadata: Metadata) -> str:
    if not metadata.memory_total_bytes:
        return NOT_KNOWN
    return f"{bytes_(metadata.memory_total_bytes)}, {bytes_(metadata.page_size_bytes)} pages"


def _balloon(analysis: Analysis, facts: RecordingFacts) -> str:
    size, driver = analysis.balloon.size, facts.metadata.balloon.driver
    if driver is None and not (size and size.highest_bytes):
        return no_balloon(facts)
    held = f"; {size_words(size)}" if size else ""
    return f"{driver or 'unknown driver'}, reclaim path {analysis.balloon.reclaim_path}{held}"


def _kernel(metadata: Metadata) -> str:
    return " ".join(filter(None, (metadata.kernel_release, metadata.machine))) or NOT_KNOWN


def _no_leak(pages: int | None, facts: RecordingFacts) -> str:
    if pages is None:
        return "its pages were not counted"
    return "none seen leaving" if unseen_part(facts) else "no leaks"


def _puffs(puffs: int | None, facts: RecordingFacts) -> str:
    if puffs is None or (not puffs and unseen_part(facts)):
        return "not known whether it ran out of puff"
    return f"out of puff {plural(puffs, 'time')}" if puffs else "the balloon never ran out of puff"


def _free_card(analysis: Analysis, page_bytes: int) -> list[Card]:
    balloon = analysis.balloon
    if not balloon.reports and not balloon.hinted_pages:
        return []
    lines = free_page_lines(balloon, analysis.duration_s, page_bytes)
    hinted = f"at least {mib(balloon.hinted_pages, page_bytes)}"
    given = mib(balloon.reported_pages, page_bytes) if balloon.reports else hinted
    return [Card("Free pages reported or hinted", given, "; ".join(lines))]


def _reclaimed(analysis: Analysis, facts: RecordingFacts) -> int | None:
    reclaimed = known_sum(row.off_lru_pages for row in analysis.tiers) if analysis.tiers else None
    return 0 if reclaimed is None and not nothing_seen(analysis, facts) else reclaimed


def _cards(analysis: Analysis, facts: RecordingFacts) -> list[Card]:
    balloon, page_bytes = analysis.balloon, facts.metadata.page_size_bytes
    tiers = {row.tier: row for row in analysis.tiers}
    leaked = [f"{cause} {mib(pages, page_bytes)}" for cause in Cause if (pages := balloon.leaked_pages.get(cause, 0))]
    kills = tiers[Tier.OOM_KILL].kills if Tier.OOM_KILL in tiers else 0
    waited = sum(stall.stall_s for stall in analysis.stalls) if seen_of(analysis, facts, WAIT_KINDS) else None
    return [
        Card(
            "Moved for nothing",
            mib(balloon.wasted_pages, page_bytes),
            f"out and back in, counted both ways; net {mib(balloon.net_pages, page_bytes)} into the balloon",
        ),
        Card(
            "Left the balloon",
            mib(balloon.out_pages, page_bytes),
            ", ".join(leaked) or _no_leak(balloon.out_pages, facts),
        ),
        Card("Reclaimed", mib(_reclaimed(analysis, facts), page_bytes), "file and anonymous pages, every tier"),
        *_free_card(analysis, page_bytes),
        Card("Tasks waited", NOT_KNOWN if waited is None else seconds(waited), "for memory, all tasks together"),
        Card(
            "OOM kills",
            count(kills) if kills or seen_of(analysis, facts, KILL_KINDS) else NOT_KNOWN,
            _puffs(balloon.puffs, facts),
        ),
    ]
