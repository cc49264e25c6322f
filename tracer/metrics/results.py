"""What metrics are made of: the results at one moment."""

from __future__ import annotations

from dataclasses import dataclass

from ..analyze.model import Analysis
from ..live.looks import Look, look_at
from ..live.model import BalloonNow, Snapshot, State
from ..live.now import balloon_now
from ..recording_facts import RecordingFacts


@dataclass(frozen=True)
class Results:
    """The results so far, or of a recording that is over: `goes_on` says which.

    `state` and `lag_s` are of a recording that goes on, None where unknown.
    """

    analysis: Analysis
    facts: RecordingFacts
    look: Look
    balloon: BalloonNow
    goes_on: bool
    state: State | None = None
    lag_s: float | None = None

    @property
    def page_bytes(self) -> int:
        """The size of a guest page."""
        return self.facts.metadata.page_size_bytes

    def bytes(self, pages: int | None) -> int | None:
        """Guest pages in bytes."""
        return None if pages is None else pages * self.page_bytes


def results_of(analysis: Analysis, facts: RecordingFacts, snapshot: Snapshot | None = None) -> Results:
    """The results of a recording that is over, or with its snapshot of one that may go on."""
    return Results(
        analysis=analysis,
        facts=facts,
        look=look_at(analysis, facts.metadata),
        balloon=balloon_now(analysis, facts.metadata),
        goes_on=snapshot is not None and snapshot.ended is None,
        state=snapshot.standing.state if snapshot and snapshot.ended is None else None,
        lag_s=snapshot.flow.lag_s if snapshot else None,
    )
