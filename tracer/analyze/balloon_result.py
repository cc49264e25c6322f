"""What the analysis says of the balloon, as plain data; `_s` are seconds since the recording's start."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from .terms import Cause, Quality


@dataclass(slots=True)
class BalloonStep:
    """Pages that entered (`pages` > 0) or left (< 0) the balloon in one step; `cause` is None for an inflation."""

    start_s: float
    end_s: float
    pages: int
    cause: Cause | None
    quality: Quality


@dataclass(slots=True)
class BalloonSize:
    """What the balloon held when it was read first and last, and the least and the most of all readings.

    `source` is the sample's name. `target_bytes` is the host's, where the driver tells it (VMware's).
    """

    start_bytes: int
    end_bytes: int
    lowest_bytes: int
    highest_bytes: int
    target_bytes: int | None
    source: str
    quality: Quality


@dataclass
class BalloonResult:
    """The balloon over the whole recording, in guest pages; what nothing in the recording counts is None, never 0.

    `missed_pages`, into it and out, are in the kernel's counters and in nothing else here: numbers are lower bounds.
    `extra_pages` are in the other numbers and not in the kernel's counters: numbers are upper bounds. None where the
    two were not compared.
    `config_changes` are `target_changes` and commands for hinting. Reported and hinted pages were free and went to the
    host without the balloon's work; `hinted_pages` is a lower bound.
    """

    inflated_pages: int | None = 0
    leaked_pages: Mapping[Cause, int | None] = field(default_factory=lambda: dict.fromkeys(Cause, 0))
    missed_pages: int | None = 0
    extra_pages: int | None = 0
    wasted_pages: int | None = 0
    migrated_pages: int | None = 0
    config_changes: int | None = None
    target_changes: int | None = 0
    reports: int | None = None
    reported_pages: int | None = None
    hinted_pages: int | None = None
    puffs: int | None = 0
    work_spans: int | None = 0
    worker_s: float | None = 0.0
    reclaim_path: str = "none"
    quality: Quality = Quality.INFERRED
    size: BalloonSize | None = None

    @property
    def out_pages(self) -> int | None:
        """Leaked, by whatever cause."""
        known = [pages for pages in self.leaked_pages.values() if pages is not None]
        return sum(known) if known else None

    @property
    def net_pages(self) -> int | None:
        """Inflated minus leaked."""
        leaked = self.out_pages
        return None if self.inflated_pages is None or leaked is None else self.inflated_pages - leaked
