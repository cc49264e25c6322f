"""What a ticket or a mail about a recording says, before it is laid out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from ... import __version__
from ...analyze.model import Analysis, Finding
from ...recording_facts import RecordingFacts
from ...wording.numbers import offset, plural
from ...wording.verdict import unjudged_words
from ..cards import Card
from ..environment import Fact
from ..explanations import Prose
from ..header import Header, header
from ..quality import completeness, inferred_words
from ..section import Source
from .moments import Moments
from .typical import Stretch

MOST_FINDINGS: Final = 12


@dataclass(frozen=True)
class Letter:
    """Plain text throughout, of any length and with whatever somebody chose as a name: to be escaped when laid out.

    `remarks` are a name and a paragraph. `findings` are (severity, time, sentence), the worst first; `more` says how
    many are not among them.
    """

    title: str
    level: str
    verdict: str
    remarks: Sequence[tuple[str, Prose]]
    environment: Sequence[Fact]
    totals: Sequence[Card]
    stretch: Stretch | None
    moments: Moments
    findings: Sequence[tuple[str, str, str]]
    more: str
    quality: str
    made_by: str


def letter(analysis: Analysis, facts: RecordingFacts, moments: Moments | None, *, title: str = "") -> Letter:
    """The text's parts. `moments` are those of the typical stretch, None where there is none."""
    from .typical import typical_stretch

    source = Source(analysis, facts, title)
    head = header(source)
    shown = analysis.findings[:MOST_FINDINGS]
    return Letter(
        title=head.host,
        level=head.level_words,
        verdict=head.verdict.sentence,
        remarks=_remarks(head, source),
        environment=head.environment,
        totals=head.cards,
        stretch=typical_stretch(analysis, head.verdict, source.page_bytes),
        moments=moments or Moments([]),
        findings=[_finding(each) for each in shown],
        more=plural(hidden, "more finding") if (hidden := len(analysis.findings) - len(shown)) else "",
        quality=f"{completeness(analysis, facts)} {inferred_words(analysis, source.page_bytes)}",
        made_by=f"reclaim-tracer {__version__}",
    )


def _remarks(head: Header, source: Source) -> list[tuple[str, Prose]]:
    unjudged = unjudged_words(source.analysis.not_judged)
    told: tuple[tuple[str, Prose], ...] = (
        ("But", [head.verdict.qualifier]),
        ("Who waited", [head.waited]),
        ("Try first", head.advice),
        ("Not judged", [unjudged]),
    )
    return [(name, pieces) for name, pieces in told if any(pieces)]


def _finding(finding: Finding) -> tuple[str, str, str]:
    return finding.severity.value, offset(finding.start_s), finding.text
