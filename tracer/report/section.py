"""A section of the page: from the results to what its template shows and its script draws."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Generic, TypeVar

from ..analyze.model import Analysis
from ..evidence.anatomy import Anatomy
from ..recording_facts import RecordingFacts
from ..wording.evidence import unseen_part
from ..wording.verdict import Verdict, verdict
from .table import Table


@dataclass(frozen=True)
class Source:
    """What a report is made from. `title` is what somebody calls it; `evidence` are tables of what findings stand on,
    by the finding's id, `anatomies` what happened span by span, the costliest first."""

    analysis: Analysis
    facts: RecordingFacts
    title: str = ""
    evidence: Mapping[int, Table] = field(default_factory=dict)
    anatomies: Sequence[Anatomy] = ()

    @property
    def page_bytes(self) -> int:
        """Size of the guest's pages in bytes."""
        return self.facts.metadata.page_size_bytes

    @cached_property
    def verdict(self) -> Verdict:
        """What it all comes to."""
        return verdict(self.analysis, self.facts)

    @cached_property
    def scenes(self) -> frozenset[str]:
        """The keys of the stretches that are shown span by span."""
        return frozenset(each.scene.key for each in self.anatomies)

    @property
    def moves_seen(self) -> bool:
        """Whether the balloon's moves would have been seen, so that none in the results means that there was none."""
        return self.analysis.balloon.inflated_pages is not None and not unseen_part(self.facts)


@dataclass(frozen=True)
class Content:
    """What a section has to show.

    `shown` is plain data, `own` in the section's template. `data` are JSON values and numpy arrays for its script
    (`data.section(id)`); `charts` are the kinds of plotly trace in it. `gist` says in a few words what is in it
    where it is folded.
    """

    shown: object
    data: Any = None
    charts: frozenset[str] = frozenset()
    gist: str = ""


Of = TypeVar("Of")


@dataclass(frozen=True)
class Section(Generic[Of]):
    """One section of a page about an `Of`: its template is `sections/ID.html`, its style and script, where it has
    them, `ID.css` and `ID.js`.

    `content` makes what it shows; None leaves the section out. A `folded` one is opened by the reader; its template
    has no heading.
    """

    id: str
    title: str
    content: Callable[[Of], Content | None]
    style: bool = False
    script: bool = False
    folded: bool = False
