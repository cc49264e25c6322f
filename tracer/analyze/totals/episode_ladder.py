"""One episode's ladder."""

from __future__ import annotations

from dataclasses import dataclass, field

from ..balloon.runs import Runs
from ..model import EVIDENCE_SPANS
from .rung import Rung, by_tier
from .waits import Prelude, ScopeWaits


@dataclass(slots=True)
class EpisodeLadder:
    """One episode, or the tier 0 of the whole recording. `rungs` are by their numbers (`rung_of`); `direct` is the time
    and the tasks of direct reclaim's scopes together.

    `notifications`: begin and span id of the first calls of the balloon's OOM callback in it, at most EVIDENCE_SPANS.
    """

    start_ns: int
    end_ns: int
    rungs: dict[int, Rung] = field(default_factory=dict)
    direct: Rung = field(default_factory=lambda: Rung(0))
    prelude: Prelude = field(default_factory=Prelude)
    waits: ScopeWaits = field(default_factory=ScopeWaits)
    memcg_waits: ScopeWaits = field(default_factory=ScopeWaits)
    notifications: list[tuple[int, int]] = field(default_factory=list)

    def rung(self, number: int, time_ns: int) -> Rung:
        """The rung of that number, entered no later than `time_ns`."""
        rung = self.rungs.setdefault(number, Rung(first_ns=time_ns))
        rung.first_ns = min(rung.first_ns, time_ns)
        return rung

    def notified(self, calls: Runs) -> None:
        """Take calls of the balloon's OOM callback, those inside it."""
        inside = (calls.begin_ns >= self.start_ns) & (calls.begin_ns <= self.end_ns)
        new = zip(calls.begin_ns[inside].tolist(), calls.id[inside].tolist(), strict=True)
        self.notifications = sorted([*self.notifications, *new])[:EVIDENCE_SPANS]

    def by_tier(self) -> dict[int, Rung]:
        """Its rungs by tier."""
        return by_tier(self.rungs, self.direct)

    def add(self, other: EpisodeLadder) -> None:
        """Add another one's rungs; its times stay."""
        self.direct.add(other.direct)
        for number, rung in other.rungs.items():
            self.rungs.setdefault(number, Rung(first_ns=rung.first_ns)).add(rung)
