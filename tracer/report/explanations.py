"""What the kinds of findings in a report mean, each folded up until somebody asks."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from ..analyze.findings.kind import Kind, Listed
from ..analyze.findings.registry import KIND_BY_NAME
from ..analyze.model import Analysis, Finding

_CODE: Final = re.compile(r"`([^`]+)`")
_LIST: Final = {Listed.UNORDERED: "ul", Listed.ORDERED: "ol"}

Prose = Sequence[str]
"""A paragraph in pieces: every other one, from the second, is code."""


def prose(paragraph: str) -> Prose:
    """A paragraph of plain text with `code` in it, in pieces."""
    return _CODE.split(paragraph)


@dataclass(frozen=True)
class Passage:
    """One part of an explanation; `tag` is the list that its paragraphs are items of, or empty."""

    title: str
    tag: str
    paragraphs: Sequence[Prose]


@dataclass(frozen=True)
class Explanation:
    """A kind, explained."""

    kind: str
    title: str
    passages: Sequence[Passage]


def explanations(analysis: Analysis) -> list[Explanation]:
    """One for each kind that was found, in the order of the findings."""
    found = dict.fromkeys(finding.kind for finding in analysis.findings)
    return [_explanation(KIND_BY_NAME[name]) for name in found if name in KIND_BY_NAME]


def first_advice(finding: Finding | None) -> Prose:
    """What to try first against a finding, in pieces; empty without one and where none of its kind's advice fits."""
    kind = KIND_BY_NAME.get(finding.kind) if finding else None
    if finding is None or kind is None or finding.advice is None:
        return ()
    return prose(kind.explanation.advice[finding.advice])


def anchor(kind: str) -> str:
    """Where a kind is explained, as the fragment of a link; empty for kinds without an explanation."""
    return f"#explain-{kind}" if kind in KIND_BY_NAME else ""


def _explanation(kind: Kind) -> Explanation:
    passages = [
        Passage(part.title, _LIST.get(part.listed, ""), [prose(each) for each in part.paragraphs])
        for part in kind.parts()
    ]
    return Explanation(kind.name, kind.title, passages)
