"""Kills: each victim, and why nothing spared it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from ..analyze.findings.needs import KILL_KINDS
from ..analyze.model import Finding
from ..wording.evidence import seen_of
from ..wording.numbers import count
from .section import Content, Source
from .table import Cell, Column, Table, first, none_seen, pages, quality, times, unknown, word

_KINDS: Final = ("oom_kill", "user_kill", "constrained_oom")
_COLUMNS: Final = (
    Column("When", True),
    Column("Kind"),
    Column("Verdict"),
    Column("In the balloon then", True, term="balloon"),
    Column("Missing", True, "What the zones lacked up to their min watermarks"),
    Column("Verdict is"),
)


@dataclass(frozen=True)
class Kills:
    """The table, or why there is none."""

    table: Table | None
    absent: str = ""


def content(source: Source) -> Content:
    """In the order of time."""
    found = sorted((each for each in source.analysis.findings if each.kind in _KINDS), key=lambda each: each.start_s)
    if not found:
        seen = seen_of(source.analysis, source.facts, KILL_KINDS)
        none = none_seen("Nothing was killed.", "No kill was seen", seen=seen)
        return Content(Kills(None, none), gist=none)
    of_kinds = Counter(finding.kind for finding in found)
    gist = ", ".join(f"{kind} {count(of_kinds[kind])}" for kind in _KINDS if kind in of_kinds)
    return Content(Kills(_table(found, source.page_bytes)), gist=gist)


def _table(found: Sequence[Finding], page_bytes: int) -> Table:
    shown, note = first(found, "kill", "the first")
    return Table("Kills", _COLUMNS, [_row(each, page_bytes) for each in shown], css="prose kills", note=note)


def _row(kill: Finding, page_bytes: int) -> list[Cell]:
    return [
        times(kill.start_s, kill.end_s),
        Cell(kill.kind, link=f"#finding={kill.id}"),
        word(kill.text),
        _pages(kill, "balloon_pages", page_bytes),
        _pages(kill, "missing_pages", page_bytes),
        quality(kill.quality),
    ]


def _pages(kill: Finding, name: str, page_bytes: int) -> Cell:
    return pages(int(kill.numbers[name]), page_bytes) if name in kill.numbers else unknown()
