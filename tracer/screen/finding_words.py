"""Findings as rows, and all there is to one of them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from textual.content import Content

from ..analyze.findings.kind import Listed
from ..analyze.findings.registry import KINDS
from ..analyze.model import Finding
from ..analyze.terms import Quality, Severity
from ..errors import printable
from ..terminal.cells import pad, wrap
from ..wording.numbers import count, offset, seconds, several
from ..wording.scans import bounds
from .figures import moment, time
from .styled import BOLD, DIM, SEVERITY_STYLE, fitted, styled
from .tables import Order

_QUALITY: Final = {
    Quality.MEASURED: "counted from events",
    Quality.INFERRED: "inferred from counters or other numbers",
    Quality.LOWER_BOUND: "a lower bound: some of it was not seen",
    Quality.UNKNOWN: "not known",
}
_RANK: Final = {Severity.INFO: 0, Severity.WARNING: 1, Severity.CRITICAL: 2}
_MOST_SPANS: Final = 12
FINDING_ORDERS: Final = (
    Order("newest", lambda finding: (finding.open, finding.start_s)),
    Order("worst", lambda finding: (_RANK[finding.severity], finding.cost or 0.0)),
)


def finding_row(finding: Finding, width: int) -> Content:
    """Severity, whether it lasts, when it began, and its sentence as far as there is room."""
    severity = pad(finding.severity.value, 8)
    lasts = "open" if finding.open else "    "
    return fitted(
        width,
        (severity, SEVERITY_STYLE[finding.severity]),
        (f" {lasts} ", BOLD),
        (f"{moment(finding.start_s):>8}  ", DIM),
        finding.text,
    )


def detail(finding: Finding, width: int) -> list[Content]:
    """The sentence, the numbers, the evidence, and what `explain` says of the kind."""
    lines = [styled((f"{finding.severity.value}: {finding.kind}", SEVERITY_STYLE[finding.severity] or BOLD))]
    lasts = "still going on" if finding.open else f"ended at {offset(finding.end_s)}"
    lasted = seconds(max(0.0, finding.end_s - finding.start_s))
    lines.append(styled((f"began at {offset(finding.start_s)}, {lasts}, {lasted}", DIM)))
    lines += [Content(""), *map(styled, wrap(printable(finding.text), width)), Content("")]
    lines += [styled(line) for line in _numbers(finding, width)]
    for part in _explanation(finding.kind):
        lines += [Content(""), styled((part[0], BOLD))]
        lines += [styled(line) for paragraph in part[1] for line in _paragraph(paragraph, width)]
    return lines


def _numbers(finding: Finding, width: int) -> Iterator[str]:
    """As `name value`, several a line."""
    yield from wrap(f"how it was had: {_how(finding)}; cost {time(finding.cost)}", width)
    if finding.cgroup:
        yield from wrap(f"cgroup {printable(finding.cgroup)}", width)
    bound = bounds(finding)
    named = [
        f"{name} {bound.get(name, '')}{_number(value)}".replace(" ", "\xa0") for name, value in finding.numbers.items()
    ]
    if named:
        yield from (line.replace("\xa0", " ") for line in wrap(", ".join(named), width))
    if finding.spans:
        spans = several([str(span) for span in finding.spans], _MOST_SPANS)
        yield from wrap(f"evidence: spans {spans}", width)


def _how(finding: Finding) -> str:
    return "counted from events, in part as bounds" if bounds(finding) else _QUALITY[finding.quality]


def _number(value: float) -> str:
    return count(value) if value == round(value) else f"{value:,.6g}"


def _explanation(name: str) -> Iterator[tuple[str, list[str]]]:
    """Titles with paragraphs, numbered or listed where they are so."""
    kind = next((kind for kind in KINDS if kind.name == name), None)
    for part in kind.parts() if kind else ():
        marks = {Listed.ORDERED: "{}. ", Listed.UNORDERED: "- "}
        mark = marks.get(part.listed, "")
        yield part.title, [mark.format(number) + text for number, text in enumerate(part.paragraphs, 1)]


def _paragraph(text: str, width: int) -> Iterator[str]:
    first, *others = wrap(printable(text), max(10, width - 2))
    yield first
    yield from (f"  {line}" for line in others)
