"""What a kind of finding declares: when it can be judged, its rule, and what a person needs to know of it.

Nothing here or in `kinds` imports numpy when it is loaded: `explain` prints the texts and starts at once.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING, Final, NamedTuple

from ..model import EVIDENCE_SPANS, Analysis, Finding
from ..terms import Quality, Severity
from .proven import told

if TYPE_CHECKING:
    from .evidence import Evidence

COST_BYTES_S: Final = 512 << 20
"""Bytes moved or read again that cost as much as a second of waiting: about what a SATA disk of flash reads in one, so
that evicted page cache weighs what reading it again takes. It only ranks findings of one severity."""
PROVEN_TITLE: Final = "What the advice did in the guest lab (before -> after)"
KINDS_MOST: Final = 100
"""A finding's id is the millisecond in which it began times this, plus its kind's number."""


class Listed(Enum):
    """Whether paragraphs stand alone, or are a list, numbered or not."""

    NOT = "not"
    UNORDERED = "unordered"
    ORDERED = "ordered"


class Part(NamedTuple):
    """One part of an explanation: its title, its paragraphs, and how they are set."""

    title: str
    paragraphs: tuple[str, ...]
    listed: Listed


@dataclass(frozen=True)
class Explanation:
    """What `explain`, docs/findings.md and the report say of a kind, in paragraphs of plain text.

    `advice` is in the order in which to try it. `references` are kernel files, functions and commits, or documents.
    """

    meaning: str
    computed: str
    causes: tuple[str, ...]
    advice: tuple[str, ...]
    helped: str
    references: tuple[str, ...]

    def parts(self) -> tuple[Part, ...]:
        """All of it, in the order in which it is read."""
        return (
            Part("What it means", (self.meaning,), Listed.NOT),
            Part("How it is computed", (self.computed,), Listed.NOT),
            Part("Usual causes", self.causes, Listed.UNORDERED),
            Part("What to try, in this order", self.advice, Listed.ORDERED),
            Part("How to see whether it helped", (self.helped,), Listed.NOT),
            Part("References", self.references, Listed.UNORDERED),
        )


@dataclass(frozen=True)
class Need:
    """Something that must have been seen to judge a kind. `why` completes "not judged: "."""

    why: str
    is_met: Callable[[Evidence], bool]


class Decisive(Enum):
    """Where nothing can be called quiet as long as a kind was not judged."""

    NEVER = "never"
    WITH_BALLOON = "with a balloon"
    ALWAYS = "always"


@dataclass(frozen=True)
class Kind:
    """One kind of finding.

    `number` is its own for good, below KINDS_MOST: ids are made of it. `clause` says in a verdict's second half that
    there is such a finding. `of_recording`: it limits what can be said of the machine and says nothing of the machine,
    so that no verdict begins with it. `estimate`: it is told wherever it can be made, so that no verdict speaks of it.
    `told_open`: a replay tells it while it lasts, not only when it is over.
    `together` says in a clause what all findings of the kind come to, given the guest's page size in bytes, empty where
    the worst one has said it: its totals are those of tiles and tables. `rule` gives the findings without id and kind,
    by time.
    """

    name: str
    number: int
    title: str
    clause: str
    needs: tuple[Need, ...]
    rule: Callable[[Evidence], Iterator[Finding]]
    explanation: Explanation
    together: Callable[[Analysis, Sequence[Finding], int], str] | None = None
    decisive: Decisive = Decisive.NEVER
    of_recording: bool = False
    estimate: bool = False
    told_open: bool = False

    def parts(self) -> tuple[Part, ...]:
        """Its explanation, and what its advice did in the guest lab where that was tried."""
        proven = told(self.name)
        return (*self.explanation.parts(), *([Part(PROVEN_TITLE, proven, Listed.UNORDERED)] if proven else []))

    def unmet(self, evidence: Evidence) -> str:
        """Why it can't be judged; empty where it can."""
        if self.needs and evidence.is_empty:
            return "nothing was recorded"
        return next((need.why for need in self.needs if not need.is_met(evidence)), "")

    def findings(self, evidence: Evidence) -> Iterator[Finding]:
        """What the rule finds. An id is the millisecond in which the finding began (the next free one where that is
        taken) and the kind's number: the same however long the recording goes on."""
        next_free: dict[int, int] = {}
        for finding in self.rule(evidence):
            began = moment = max(0, int(finding.start_s * 1e3))
            while moment in next_free:
                moment = next_free[moment]
            next_free[began] = next_free[moment] = moment + 1
            finding.id, finding.kind = moment * KINDS_MOST + self.number, self.name
            yield finding


def found(
    severity: Severity,
    when: tuple[float, float],
    text: str,
    numbers: Mapping[str, float],
    *,
    cost: float | None,
    is_open: bool = False,
    quality: Quality = Quality.MEASURED,
    spans: Sequence[int] = (),
    cgroup: str | None = None,
    advice: int | None = 0,
) -> Finding:
    """A finding of a kind's rule, which gives it its kind and id."""
    return Finding(
        id=0,
        kind="",
        severity=severity,
        start_s=when[0],
        end_s=when[1],
        text=text,
        quality=quality,
        numbers=dict(numbers),
        spans=list(spans)[:EVIDENCE_SPANS],
        cost=cost,
        open=is_open,
        cgroup=cgroup,
        advice=advice,
    )


def cost_of(waited_s: float | None, size_bytes: float | None = None) -> float | None:
    """Time that somebody waited and bytes moved or read again, as seconds; None where neither is known."""
    if waited_s is None and size_bytes is None:
        return None
    return (waited_s or 0.0) + (size_bytes or 0.0) / COST_BYTES_S
