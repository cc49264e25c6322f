"""The head of the page: the verdict, who waited, what to try first, the numbers that matter most, the environment."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from ..analyze.cgroup_rows import short_name
from ..analyze.model import Analysis, Stall
from ..analyze.terms import Severity
from ..wording.numbers import seconds
from ..wording.verdict import QUIET, UNKNOWN, Verdict
from .cards import Card, cards, waited_s
from .environment import Fact, environment, more
from .explanations import Prose, first_advice
from .section import Source

_LEVEL_WORDS: Final[dict[str, str]] = {
    Severity.CRITICAL: "Critical",
    Severity.WARNING: "Warning",
    Severity.INFO: "For information",
    QUIET: "No problem found",
    UNKNOWN: "Not known",
}
_TASKS_NAMED: Final = 3
_CGROUPS_NAMED: Final = 2


@dataclass(frozen=True)
class Header:
    """What stands above the sections. `waited` says who waited, empty where nobody did or nothing tells; `advice` is
    what to try first, in pieces, empty where nothing is wrong or none of the advice fits."""

    host: str
    verdict: Verdict
    level_words: str
    waited: str
    advice: Prose
    cards: Sequence[Card]
    environment: Sequence[Fact]
    more: Sequence[Fact]


def header(source: Source) -> Header:
    """The page's head for one recording."""
    judged = source.verdict
    worst = next((finding for finding in source.analysis.findings if finding.id == judged.finding), None)
    return Header(
        source.title or source.facts.name,
        judged,
        _LEVEL_WORDS.get(judged.kind) or _LEVEL_WORDS[judged.level],
        who_waited(source.analysis),
        first_advice(worst),
        cards(source),
        environment(source.analysis, source.facts),
        more(source.analysis, source.facts),
    )


def who_waited(analysis: Analysis) -> str:
    """Tasks and cgroups that waited longest, with how long; empty where none did."""
    tasks: dict[tuple[str, int], list[Stall]] = defaultdict(list)
    for stall in analysis.stalls:
        tasks[stall.comm, stall.pid].append(stall)
    by_task = _longest({f"{comm} ({pid})": waited_s(stalls) for (comm, pid), stalls in tasks.items()}, _TASKS_NAMED)
    cgroups = {short_name(row.path): row.stall_s for row in analysis.cgroups or () if row.path and row.stall_s}
    by_cgroup = _longest(cgroups, _CGROUPS_NAMED)
    return "; ".join(filter(None, (by_task, f"by cgroup: {by_cgroup}" if by_cgroup else "")))


def _longest(waits: dict[str, float], most: int) -> str:
    ordered = sorted(((waited, name) for name, waited in waits.items() if waited), key=lambda each: (-each[0], each[1]))
    named = ", ".join(f"{name} {seconds(waited)}" for waited, name in ordered[:most])
    return f"{named} and {len(ordered) - most:,} more" if len(ordered) > most else named
