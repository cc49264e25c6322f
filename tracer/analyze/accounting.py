"""What the analysis saw of the stream and what it did not, as numbers."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ..batch import LostStretch

_MOST_LOST_STRETCHES: Final = 1 << 14
"""With more of them the last one goes on to the next, and what lies between counts as lossy, too."""


@dataclass
class Accounting:
    """What the analysis saw of the stream and what it did not.

    `lost` maps kind name to events lost; `lost_stretches` are start and end in seconds and the number lost, those that
    follow each other without a pause joined. `untold_calls` are shrinker calls whose reclaim was not seen, so that
    their tier is not known, `untold_s` the time in them.
    """

    events: int = 0
    events_by_kind: dict[str, int] = field(default_factory=dict)
    lost: dict[str, int] = field(default_factory=dict)
    lost_stretches: list[tuple[float, float, int]] = field(default_factory=list)
    spans: int = 0
    begins_without_end: int = 0
    ends_without_begin: int = 0
    late_events: int = 0
    untold_calls: int = 0
    untold_s: float = 0.0

    def lose(self, stretch: LostStretch, origin_ns: int) -> None:
        """Take a stretch in which events were lost."""
        for name, count in stretch.counts.items():
            self.lost[name] = self.lost.get(name, 0) + count
        start_s, end_s = max((stretch.start_ns - origin_ns) / 1e9, 0.0), (stretch.end_ns - origin_ns) / 1e9
        total, stretches = stretch.total, self.lost_stretches
        beside = stretches and stretches[-1][0] <= start_s <= stretches[-1][1]
        if beside or len(stretches) >= _MOST_LOST_STRETCHES:
            before_s, until_s, before = stretches.pop()
            start_s, end_s, total = min(before_s, start_s), max(until_s, end_s), before + total
        stretches.append((start_s, end_s, total))

    @property
    def lost_total(self) -> int:
        """Events lost, all kinds."""
        return sum(self.lost.values())

    @property
    def incomplete_spans(self) -> int:
        """Begins without an end and ends without a begin."""
        return self.begins_without_end + self.ends_without_begin


@dataclass(frozen=True, slots=True)
class Forgotten:
    """How many earlier ones there were than those told: only their sums are kept, in a view that goes on for days.

    `user_killed` are the processes of which a forgotten finding says that memory was probably why they were killed,
    `conflict_overlap_s` the forgotten conflicts' overlaps by who reclaimed, added up.
    """

    episodes: int = 0
    conflicts: int = 0
    cycles: int = 0
    findings_by_kind: Mapping[str, int] = field(default_factory=dict)
    user_killed: int = 0
    conflict_overlap_s: Mapping[str, float] = field(default_factory=dict)

    @property
    def findings(self) -> int:
        """Findings of all kinds."""
        return sum(self.findings_by_kind.values())


NOTHING_FORGOTTEN: Final = Forgotten()
