"""Who paid, by cgroup, as text for a terminal."""

from __future__ import annotations

from collections import Counter
from typing import Final

from ..analyze.cgroup_rows import CgroupRow, CgroupTier
from ..analyze.model import Analysis
from ..analyze.naming import scope_label
from ..analyze.terms import Quality
from ..errors import printable
from ..metadata import Metadata
from ..recording_facts import RecordingFacts
from ..wording.cgroups import NOT_TOLD, cgroup_label, paid
from ..wording.numbers import DASH, count, duration, mib, plural, seconds
from .cells import shorten
from .paper import Paper

_MOST: Final = 32
"""Cgroups listed; `--json` has them all."""
_MOST_NAMED: Final = 3
_NAME_SHARE: Final = 5 / 12
"""Of the table's width that a path may have."""
_NAME_LEAST: Final = 24
_HEADS: Final = ("cgroup", "waited", "times", "longest", "file", "anon", "LRU", "own limit", "kills")


def longest_waits(analysis: Analysis, paper: Paper) -> list[str]:
    """One line with the cgroups that waited longest; nothing where fewer than two are told apart."""
    waited = [row for row in analysis.cgroups or () if row.stall_s]
    if len(waited) < 2:
        return []
    named = ", ".join(f"{cgroup_label(row)} {seconds(row.stall_s)}" for row in waited[:_MOST_NAMED])
    more = len(waited) - _MOST_NAMED
    rest = f" and {plural(more, 'more cgroup', 'more cgroups')}" if more > 0 else ""
    return paper.paragraph(f"{named}{rest} (--by cgroup)", "Waited, by cgroup: ")


def cgroup_lines(analysis: Analysis, facts: RecordingFacts, paper: Paper) -> list[str]:
    """A table of all cgroups that paid, each tier of theirs in a row."""
    if analysis.cgroups is None:
        return paper.paragraph(f"{NOT_TOLD}.", "Cgroups: ")
    shown = paid(analysis.cgroups)
    if not shown:
        return paper.paragraph("no task of these waited for memory, reclaimed any or was killed.", "Cgroups: ")
    page = facts.metadata.page_size_bytes
    names = _names(shown[:_MOST], max(_NAME_LEAST, round(paper.width * _NAME_SHARE)))
    rows = [
        line
        for row, name in zip(shown, names, strict=False)
        for line in ((name, *_whole(row, page)), *_tiers(row, page))
    ]
    title = f"Cgroups: how long their tasks waited and what they had to reclaim{_hierarchy(facts.metadata)}"
    return [*paper.paragraph(title, ""), *paper.table(_HEADS, rows, fold_at={4}), *_notes(shown, paper)]


def _names(rows: list[CgroupRow], width: int) -> list[str]:
    """Each one's name; a path is shortened where it is wider and no other one then looks the same."""
    whole = [printable(cgroup_label(row)) for row in rows]
    short = [shorten(name, width) if name.startswith("/") else name for name in whole]
    alike = Counter(short)
    return [less if alike[less] == 1 else name for name, less in zip(whole, short, strict=True)]


def _notes(shown: list[CgroupRow], paper: Paper) -> list[str]:
    notes = []
    if len(shown) > _MOST:
        notes.append(f"and {plural(len(shown) - _MOST, 'cgroup')} more (--json)")
    if any(row.quality is Quality.LOWER_BOUND for row in shown):
        notes.append("pages are lower bounds: events were lost, or the kernel counted more")
    return [line for note in notes for line in paper.paragraph(note)]


def _hierarchy(metadata: Metadata) -> str:
    return " (memory controller, v1)" if metadata.cgroup_hierarchy == "memory" else ""


def _whole(row: CgroupRow, page: int) -> tuple[str, ...]:
    kills = DASH if row.kills is None else count(row.kills) if row.kills else ""
    return (*_numbers(row, page), _limit(row), kills)


def _limit(row: CgroupRow) -> str:
    """How long tasks reclaimed because this cgroup was at its limit."""
    return "" if not row.limit_spans else seconds(row.limit_s or 0.0)


def _tiers(row: CgroupRow, page: int) -> list[tuple[str, ...]]:
    """Nothing where one tier is all there is."""
    if len(row.tiers) < 2:
        return []
    return [
        (f"  {int(tier.tier)} {scope_label(tier.tier, tier.scope)}", *_numbers(tier, page), "", "")
        for tier in row.tiers
    ]


def _numbers(row: CgroupRow | CgroupTier, page: int) -> tuple[str, ...]:
    waits = (seconds(row.stall_s), count(row.spans), duration(row.max_ns)) if row.spans else ("", "", "")
    pages = (row.file_pages, row.anon_pages, row.lru_pages)
    return (*waits, *(DASH if each is None else mib(each, page) if each else "" for each in pages))
