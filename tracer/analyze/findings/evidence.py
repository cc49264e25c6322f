"""What findings are made from, and the form they take."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from ...metadata import Metadata
from ..balloon.tracker import BalloonTracker
from ..model import Analysis, Finding
from ..terms import Quality, Severity
from ..totals.hopeless import HopelessNode
from ..totals.kills import Kill
from ..totals.series import SampleSeries


@dataclass(frozen=True)
class Evidence:
    """The results so far, and the collected state that sentences need beyond them.

    `notifications`: for each episode the span ids of its first calls of the balloon's OOM callback.
    """

    analysis: Analysis
    metadata: Metadata
    kills: list[Kill]
    series: SampleSeries
    balloon: BalloonTracker
    notifications: Sequence[Sequence[int]]
    hopeless: Sequence[HopelessNode] = ()

    @property
    def balloon_seen(self) -> bool:
        """Whether there is a balloon, by its driver or by what it did."""
        balloon = self.analysis.balloon
        return bool(self.metadata.balloon.driver or balloon.work_spans or balloon.inflated_pages or balloon.out_pages)

    @property
    def no_balloon(self) -> str:
        """What is said where there is none."""
        return "no balloon was seen" if self.metadata.imported_from else "this machine has no balloon"

    def mib(self, pages: float) -> str:
        """Guest pages as text in MiB."""
        return mib(pages * self.metadata.page_size_bytes)

    def seconds(self, time_ns: int) -> float:
        """A time as seconds since the recording's start."""
        return (time_ns - self.metadata.start_ns) / 1e9


def mib(size_bytes: float) -> str:
    """Bytes as text in MiB."""
    size = size_bytes / 2**20
    return f"{size:,.0f} MiB" if size >= 10 else f"{size:.1f} MiB"


def finding(
    kind: str,
    severity: Severity,
    when: tuple[float, float],
    text: str,
    numbers: Mapping[str, float],
    quality: Quality = Quality.MEASURED,
    spans: Sequence[int] = (),
) -> Finding:
    """A finding; `find` numbers it."""
    return Finding(0, kind, severity, *when, text, quality, dict(numbers), list(spans))
