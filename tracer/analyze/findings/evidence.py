"""What findings are made from."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from ...balloon_counters import HOSTS_ACTUAL
from ...metadata import Metadata
from ...schema import KIND_BY_NAME
from ..balloon.lag import Lag, lag_of
from ..balloon.size import balloon_pages
from ..balloon.tracker import BalloonTracker
from ..contention.cache_drops import CacheDrop
from ..contention.found_oscillations import Oscillation
from ..contention.headroom import Headroom
from ..contention.shortages import STILL_LEAST_NS, WAITING_SHARE, Shortage
from ..contention.user_kills import UserKill
from ..model import Analysis
from ..options import Options
from ..sizes import mib
from ..totals.hopeless import HopelessNode
from ..totals.kills import Kill, KillReason, reason_for
from ..totals.long_stalls import LongStall
from ..totals.series import SampleSeries
from .needs import nothing_recorded


@dataclass(frozen=True)
class Evidence:
    """The results so far, and the collected state that sentences need beyond them.

    `notifications`: for each episode the span ids of its first calls of the balloon's OOM callback. `long_stalls` come
    with the time in shrinkers by name, in ns.
    """

    analysis: Analysis
    metadata: Metadata
    kills: list[Kill]
    user_kills: Sequence[UserKill]
    cgroup_paths: Mapping[int, str]
    series: SampleSeries
    balloon: BalloonTracker
    oscillations: Sequence[Oscillation]
    notifications: Sequence[Sequence[int]]
    hopeless: Sequence[HopelessNode]
    shortages: Sequence[Shortage]
    headroom: Headroom
    cache_drops: Sequence[CacheDrop]
    long_stalls: Sequence[tuple[LongStall, dict[str, int]]]
    options: Options

    @property
    def is_empty(self) -> bool:
        """Whether no time was recorded, or nothing came of which nobody says that it was looked for."""
        return nothing_recorded(self.analysis, self.metadata)

    @property
    def balloon_seen(self) -> bool:
        """Whether there is a balloon, by its driver or by what it did."""
        balloon = self.analysis.balloon
        return bool(self.metadata.balloon.driver or balloon.work_spans or balloon.inflated_pages or balloon.out_pages)

    @property
    def sized_by_host(self) -> bool:
        """Whether it is the host's log that tells the balloon's size."""
        size = self.analysis.balloon.size
        return size is not None and size.source == HOSTS_ACTUAL

    @property
    def surely_no_balloon(self) -> bool:
        """Whether the machine was looked at and has none."""
        return bool(self.metadata.plan) and not self.metadata.imported_from and not self.balloon_seen

    @property
    def no_balloon(self) -> str:
        """What is said where there is none."""
        return "this machine has no balloon" if self.surely_no_balloon else "no balloon was seen"

    @property
    def kinds_seen(self) -> frozenset[str]:
        """Event kinds that were traced, or came."""
        return self.metadata.kinds_traced | self.analysis.accounting.events_by_kind.keys()

    def may_tell(self, kind: str) -> bool:
        """Whether events of this kind would have come, had there been any. An older recording names no sources."""
        return not self.metadata.plan or kind in self.kinds_seen

    def lasts(self, end_s: float, pause_s: float) -> bool:
        """Whether what was seen last at `end_s` and may pause for so long was still under way at the end."""
        return self.analysis.duration_s - end_s <= pause_s

    def shortage_lasts(self, shortage: Shortage) -> bool:
        """Whether a shortage of memory was still going on at the end."""
        return self.lasts(self.seconds(shortage.end_ns), STILL_LEAST_NS / 1e9)

    @staticmethod
    def tasks_wait(shortage: Shortage) -> bool:
        """Whether some task waited for a good part of the time."""
        return (shortage.waiting_share or 0.0) >= WAITING_SHARE

    def may_have_missed(self, start_s: float, end_s: float, kinds: frozenset[str]) -> bool:
        """Whether events of these kinds may have been lost in that time, so that a begin and an end may not belong
        together."""
        lost = self.analysis.accounting.lost
        touched = any(kind in kinds or kind not in KIND_BY_NAME for kind in lost)
        stretches = self.analysis.accounting.lost_stretches if touched else []
        return any(start <= end_s and start_s <= end for start, end, _ in stretches)

    def held_pages(self, at_s: float) -> int | None:
        """What the balloon held at a time, in guest pages; None where nothing tells."""
        return balloon_pages(self.analysis, self.metadata.page_size_bytes, at_s)

    @property
    def held_bytes(self) -> int | None:
        """What the balloon holds at the end; None where there surely is none, or nothing tells."""
        pages = self.held_pages(self.analysis.duration_s)
        return None if pages is None or not (pages or self.balloon_seen) else pages * self.metadata.page_size_bytes

    def kill_reason(self, kill: Kill) -> KillReason:
        """Why the balloon did not prevent a kill."""
        return reason_for(kill, self.metadata)

    def lag(self) -> Lag | None:
        """How far the guest was off the host's target; None without the host's view."""
        return lag_of(self.analysis.samples)

    def in_bytes(self, pages: float | None) -> float | None:
        """Guest pages in bytes."""
        return None if pages is None else pages * self.metadata.page_size_bytes

    def mib(self, pages: float) -> str:
        """Guest pages as text in MiB."""
        return mib(pages * self.metadata.page_size_bytes)

    def seconds(self, time_ns: int) -> float:
        """A time as seconds since the recording's start."""
        return (time_ns - self.metadata.start_ns) / 1e9
