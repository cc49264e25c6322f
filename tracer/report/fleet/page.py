"""Puts the page of a fleet together."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from ... import __version__
from ...fleet.results import Results
from ...fleet.words import counted, sentence
from ..frame import document, filled
from ..section import Section
from . import arms, groups, guests, kinds, outliers, unread
from .source import FleetSource

SECTIONS: Final = (
    Section("arms", "Arms", arms.content, style=True),
    Section("guests", "Guests by cost", guests.content, style=True),
    Section("kinds", "Findings by kind over time", kinds.content, style=True),
    Section("outliers", "Outliers", outliers.content),
    Section("groups", "By kernel, policy and label", groups.content, style=True),
    Section("unread", "What could not be read", unread.content),
)


@dataclass(frozen=True)
class Head:
    """What the page begins with."""

    title: str
    sentence: str
    counted: str
    level: str


def render(results: Results, reports: Mapping[str, str], title: str = "") -> str:
    """The whole page as one HTML document. `reports` are links to recordings' own reports, by their keys."""
    head = Head(title or "Fleet", sentence(results), counted(results), _level(results))
    context: dict[str, object] = {
        "title": f"{head.title}: reclaim-tracer fleet",
        "head": head,
        "tool_version": __version__,
    }
    return document("fleet.html", filled(SECTIONS, FleetSource(results, reports)), {"duration": 0.0}, context)


def _level(results: Results) -> str:
    """Green only where all was read, and nothing was found."""
    worst = {severity for guest in results.guests for severity, number in guest.findings.items() if number}
    found = next((severity for severity in ("critical", "warning") if severity in worst), "")
    undecided = any(each.facts["undecided"] is not None for each in results.fleet.recordings)
    unknown = results.fleet.unread or results.unseen or undecided or not results.guests
    return found or ("unknown" if unknown else "info")
