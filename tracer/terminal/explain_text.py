"""What kinds of findings mean, for a terminal."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from ..analyze.findings.kind import Kind, Listed, Part
from .paper import Paper

_INDENT = "  "


def kinds_text(kinds: Sequence[Kind], paper: Paper) -> str:
    """All kinds with their titles, ending in a newline."""
    rows = paper.rows([(kind.name, kind.title) for kind in kinds])
    more = paper.paragraph("`reclaim-tracer explain KIND` says what one means and what to try.", "")
    return "\n".join(["Kinds of findings", *rows, "", *more]) + "\n"


def kind_text(kind: Kind, paper: Paper) -> str:
    """One kind with its whole explanation, ending in a newline."""
    lines = paper.paragraph(f"{kind.name}: {kind.title}", "")
    for part in kind.parts():
        lines += ["", *paper.paragraph(part.title, ""), *_lines(part, paper)]
    return "\n".join(lines) + "\n"


def _lines(part: Part, paper: Paper) -> Iterator[str]:
    for number, paragraph in enumerate(part.paragraphs, 1):
        mark = {Listed.ORDERED: f"{number}. ", Listed.UNORDERED: "- "}.get(part.listed, "")
        yield from paper.paragraph(paragraph, f"{_INDENT}{mark}")
