"""What the analysis saw of the stream and what it did not, as numbers."""

from __future__ import annotations

from dataclasses import dataclass, field


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

    @property
    def lost_total(self) -> int:
        """Events lost, all kinds."""
        return sum(self.lost.values())

    @property
    def incomplete_spans(self) -> int:
        """Begins without an end and ends without a begin."""
        return self.begins_without_end + self.ends_without_begin
