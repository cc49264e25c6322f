"""docs/findings.md, made from the registry of findings; `make findings` writes it."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Final

from tracer.analyze.findings.kind import COST_BYTES_S, Kind, Listed, Part
from tracer.analyze.findings.proven import proofs
from tracer.analyze.findings.registry import KINDS

PAGE: Final = Path(__file__).parents[1] / "docs/findings.md"
COMMAND: Final = "python -m tests.findings_page"
_HEAD: Final = f"""# Findings

What the summary, the report and the JSON can find, what each means and what to try. `reclaim-tracer explain KIND`
prints the same. This page is generated from the kinds (`{COMMAND}`). Terms are in
[glossary.md](glossary.md), keys in [json.md](json.md#findings).

Findings are listed worst first: by severity (critical, warning, info), then by cost. The cost is in seconds: the time
that somebody waited, plus 1 s for every {COST_BYTES_S >> 20} MiB moved for nothing or read again. The verdict is the
first one that is not about the recording itself, with the total of its kind and one clause on the next kind. Each
kind needs certain data; without it the kind is *not judged*, and its absence means nothing.
"""
_PROVEN: Final = """## Advice tried

Each problem in a real guest of the [lab](lab.md#proven-advice), and the same load after following the advice. Generated
by `python -m tests.guest.prove --write`, which keeps only rows whose cost falls as claimed.

| problem | advice followed | cost | before | after | kernel |
|---|---|---|---|---|---|"""
_MARK: Final = {Listed.NOT: "", Listed.UNORDERED: "- ", Listed.ORDERED: "1. "}


def page() -> str:
    """The page's text."""
    rows = "\n".join(f"| [`{kind.name}`](#{kind.name}) | {kind.title} |" for kind in KINDS)
    return "\n".join((_HEAD, "| kind | what it says |", "|---|---|", rows, "", *map(_section, KINDS), *_proven()))


def _proven() -> list[str]:
    rows = [
        f"| {proof.problem} | {proof.advice} | {paid.cost} | {paid.value(paid.before)} | {paid.value(paid.after)} "
        f"| {proof.kernel} |"
        for proof in proofs()
        for paid in proof.paid
    ]
    return [_PROVEN, *rows, ""] if rows else []


def _section(kind: Kind) -> str:
    needs = "; ".join(need.why for need in kind.needs)
    unjudged = [f"*Not judged where:* {needs}.", ""] if needs else []
    parts = [line for part in kind.parts() for line in _part(part)]
    return "\n".join([f"## {kind.name}", "", f"{kind.title}.", "", *unjudged, *parts])


def _part(part: Part) -> list[str]:

    return [f"**{part.title}**", "", "\n".join(f"{_MARK[part.listed]}{each}" for each in part.paragraphs), ""]


if __name__ == "__main__":
    PAGE.write_text(page())
    sys.stdout.write(f"{PAGE.name} written\n")
