"""What findings are made from, and the form they take."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from ..metadata import Metadata
from .balloon import BalloonTracker
from .constraint import ConstrainedOoms
from .kills import Kill
from .model import Analysis, Finding, Quality, Severity
from .series import SampleSeries


@dataclass(frozen=True)
class Evidence:
    """The results so far, and the collected state that sentences need beyond them."""

    analysis: Analysis
    metadata: Metadata
    kills: list[Kill]
    series: SampleSeries
    balloon: BalloonTracker
    constrained: ConstrainedOoms

    def mib(self, pages: float) -> str:
        """Guest pages as text in MiB."""
        return mib(pages * self.metadata.page_size_bytes)

    def seconds(self, time_ns: int) -> float:
        """A time as seconds since the recording's start."""
        return (time_ns - self.metadata.start_ns) / 1e9

    def balloon_pages_at(self, time_s: float) -> int | None:
        """The balloon's size by the counters since boot, else what was seen to enter it; None where neither tells."""
        start_ns = self.metadata.start_ns
        inflated = self.series.before("vmstat.balloon_inflate", time_s, start_ns)
        leaked = self.series.before("vmstat.balloon_deflate", time_s, start_ns)
        if inflated is not None and leaked is not None:
            return max(0, int(inflated - leaked))
        net = sum(step.pages for step in self.balloon.steps if self.seconds(step.end_ns) <= time_s)
        return net if net > 0 else None


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
