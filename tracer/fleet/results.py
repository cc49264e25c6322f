"""What all recordings of a fleet tell together."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from .gathered import Fleet
from .groups import Grouping, groupings
from .guests import HOUR_S, Guest, guests_of
from .outliers import Outlier, outliers
from .over_time import OverTime, over_time


@dataclass(frozen=True)
class Results:
    """A fleet's answers, the worst first in each."""

    fleet: Fleet
    guests: Sequence[Guest]
    groupings: Sequence[Grouping]
    over_time: OverTime
    outliers: Sequence[Outlier]

    @property
    def hours(self) -> float:
        """All recordings' lengths."""
        return sum(each.duration_s for each in self.fleet.recordings) / HOUR_S

    @property
    def unseen(self) -> int:
        """Recordings with a part missing: their numbers are lower bounds."""
        return sum(each.facts["unseen"] is not None for each in self.fleet.recordings)


def results_of(fleet: Fleet) -> Results:
    """From its recordings."""
    guests = guests_of(fleet)
    return Results(fleet, guests, groupings(fleet), over_time(fleet), outliers(guests))
