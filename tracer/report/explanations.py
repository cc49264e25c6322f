"""What the kinds of findings in a report mean, each folded up until somebody asks."""

from __future__ import annotations

import re
from typing import Final

from ..analyze.findings.kind import Kind, Listed, Part
from ..analyze.findings.registry import KIND_BY_NAME
from ..analyze.model import Analysis
from .markup import text

_CODE: Final = re.compile(r"`([^`]+)`")
_LIST: Final = {Listed.UNORDERED: "ul", Listed.ORDERED: "ol"}


def explanations(analysis: Analysis) -> str:
    """One for each kind that was found, in the order of the findings."""
    found = dict.fromkeys(finding.kind for finding in analysis.findings)
    return "".join(_explanation(KIND_BY_NAME[name]) for name in found if name in KIND_BY_NAME)


def explained(kind: str) -> str:
    """A kind's name that leads to its explanation."""
    return f'<a href="#explain-{text(kind)}">{text(kind)}</a>' if kind in KIND_BY_NAME else text(kind)


def _explanation(kind: Kind) -> str:
    parts = "".join(_part(part) for part in kind.parts())
    head = f"<summary>{text(kind.title)} (<code>{text(kind.name)}</code>): what to try</summary>"
    return f'<details class="explanation" id="explain-{text(kind.name)}">{head}{parts}</details>'


def _part(part: Part) -> str:
    if tag := _LIST.get(part.listed):
        body = f"<{tag}>{''.join(f'<li>{_prose(each)}</li>' for each in part.paragraphs)}</{tag}>"
    else:
        body = "".join(f"<p>{_prose(each)}</p>" for each in part.paragraphs)
    return f"<h3>{text(part.title)}</h3>{body}"


def _prose(paragraph: str) -> str:
    return _CODE.sub(r"<code>\1</code>", text(paragraph))
