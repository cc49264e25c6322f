"""What all recordings of a fleet tell together."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from .effects import Arms, arms_of
from .gathered import Fleet
from .groups import Grouping, groupings
from .guests import HOUR_S, Guest, guests_of
from .outliers import Outlier, outliers
from .over_time import OverTime, over_time


@dataclass(frozen=True)
class Results:
    """A fleet's answers, the worst first in each; `arms` is None where none were asked for."""

    fleet: Fleet
    guests: Sequence[Guest]
    groupings: Sequence[Grouping]
    over_time: OverTime
    outliers: Sequence[Outlier]
    arms: Arms | None = None

    @property
    def hours(self) -> float:
        """All recordings' lengths."""
        return sum(each.duration_s for each in self.fleet.recordings) / HOUR_S

    @property
    def unseen(self) -> int:
        """Recordings with a part missing: their numbers are lower bounds."""
        return sum(each.facts["unseen"] is not None for each in self.fleet.recordings)


def results_of(fleet: Fleet, arm: tuple[str, str] | None = None) -> Results:
    """From its recordings; `arm` is a label and its value in the control, empty for `control`. Raises UsageError."""
    guests = guests_of(fleet)
    arms = None if arm is None else arms_of(fleet, *arm)
    return Results(fleet, guests, groupings(fleet), over_time(fleet), outliers(guests), arms)
