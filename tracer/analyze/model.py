"""The results of the analysis as plain data; units are in the names, `_s` are seconds since the recording's start."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Final

from .accounting import NOTHING_FORGOTTEN, Accounting, Forgotten
from .balloon_result import BalloonResult, BalloonStep
from .cgroup_rows import CgroupRow
from .curves import Quantity, Timeline
from .terms import CycleClass, Quality, Scope, Severity, TapVerdict, Tier
from .wait_lengths import WaitHistogram

EVIDENCE_SPANS: Final = 32
"""So many ids of spans are kept as evidence for one thing found."""


@dataclass(slots=True)
class Reclaimer:
    """Who reclaimed in a tier: a kernel thread by its name (`kswapd0`, `kdamond.0`, `khugepaged`, `kcompactd0`), or
    `tasks` for all others together. `nid` is a kernel thread's own NUMA node, None for threads without one; `pages` are
    LRU pages, `busy_s` time in its spans, `nr_scanned`, `efficiency` and `silent_scans` as a tier's, None
    where unknown."""

    name: str
    nid: int | None
    spans: int
    busy_s: float | None
    pages: int | None
    nr_scanned: int | None = None
    efficiency: float | None = None
    silent_scans: int | None = None


@dataclass(slots=True)
class TierRow:
    """One rung of a ladder: what one tier supplied. A count of pages that could not be had is None, never 0.

    `lru_pages` are pages off the LRU that the event does not split into file and anon. `slab_pages` is inferred: what
    global direct reclaim, and kswapd where balance_pgdat_end tells, got beyond their LRU pages. `slab_objects` maps
    shrinker name to objects freed (never added up across shrinkers). `busy_s` is the union over time of the tier's
    spans, for tier 3, whose events have no begin, the sum of the throttled waits; None where single events alone tell
    of a tier. `spans` counts its spans and events.
    `node_pages` splits file and anon pages by NUMA node. Of `balloon_pages`, those `_at_def_priority` were taken when
    reclaim had only begun. `reported_pages` were free, and the driver reported them to the host (tier 0 alone).

    `missed_pages` are in the kernel's counters and in no event, `extra_pages` in events and not in the counters; None
    where the two were not compared. `scopes` splits tier `direct`; its rows have no scopes of their own.
    `nr_scanned` are pages of the LRU lists that scans looked at, `efficiency` the share of them that the scans freed.
    Of `silent_scans` the kernel does not say what they looked at: `nr_scanned` is a lower bound unless these are 0.
    `of_machine`: whether any of it was not inside a memory cgroup's own reclaim, as far as spans tell.
    """

    tier: Tier
    first_s: float
    busy_s: float | None = 0.0
    spans: int = 0
    tasks: int = 0
    min_priority: int | None = None
    file_pages: int | None = 0
    anon_pages: int | None = 0
    lru_pages: int | None = 0
    slab_pages: int | None = 0
    slab_objects: dict[str, int | None] = field(default_factory=dict)
    balloon_pages: int | None = 0
    balloon_pages_at_def_priority: int = 0
    reported_pages: int | None = 0
    kills: int = 0
    node_pages: dict[int, int] = field(default_factory=dict)
    quality: Quality = Quality.MEASURED
    missed_pages: int | None = None
    extra_pages: int | None = None
    scopes: dict[Scope, TierRow] = field(default_factory=dict)
    reclaimers: list[Reclaimer] = field(default_factory=list)
    of_machine: bool = True
    nr_scanned: int | None = None
    efficiency: float | None = None
    silent_scans: int | None = None

    @property
    def off_lru_pages(self) -> int | None:
        """File, anonymous and unsplit pages together, as far as they are known; None where none is."""
        return known_sum((self.file_pages, self.anon_pages, self.lru_pages))

    @property
    def off_lru_quality(self) -> Quality:
        """How these were had: `quality` is that of all numbers of the row."""
        if self.off_lru_pages is None:
            return Quality.UNKNOWN
        return Quality.INFERRED if self.missed_pages or self.extra_pages else Quality.MEASURED


def known_sum(counts: Iterable[int | None]) -> int | None:
    """The sum of those that are known; None where none is."""
    known = [count for count in counts if count is not None]
    return sum(known) if known else None


def efficiency(freed: int, scanned: int) -> float | None:
    """The share of what was scanned that was freed; None where nothing was."""
    return freed / scanned if scanned else None


@dataclass(slots=True)
class Heroics:
    """What an episode's tasks went through before its first OOM notification: direct reclaim (`stall_s` summed over
    tasks), allocation retries, and the reclaim priority reached."""

    before_s: float
    stall_s: float
    stalls: int
    retries: int
    min_priority: int | None


@dataclass(slots=True)
class Waits:
    """Tasks' waiting in direct reclaim of one scope, summed over them, and the lowest priority they came to."""

    stall_s: float
    stalls: int
    min_priority: int | None


@dataclass(slots=True)
class Tap:
    """When an episode tapped the balloon, the pages taken then (None where unknown), and why it is unknown."""

    verdict: TapVerdict
    pages: int | None
    unknown_why: str = ""


@dataclass(slots=True)
class Episode:
    """Spans of tier >= 1 that follow each other with gaps no longer than the option `gap_s`; what tasks waited for the
    machine's memory, and at memory cgroups' own limits, None where none did. `tap` is None where no balloon is."""

    id: int
    start_s: float
    end_s: float
    tiers: list[TierRow] = field(default_factory=list)
    before_notifier: Heroics | None = None
    global_waits: Waits | None = None
    memcg_waits: Waits | None = None
    tap: Tap | None = None


@dataclass(slots=True)
class Conflict:
    """Inflation and reclaim at the same time; overlap in seconds by who reclaimed. Uncounted pages are None."""

    id: int
    start_s: float
    end_s: float
    overlap_s: dict[str, float]
    reclaimed_pages: int | None
    inflated_pages: int | None
    spans: list[int] = field(default_factory=list)


@dataclass(slots=True)
class Cycle:
    """A leak burst followed by an inflate burst that regained pages.

    It runs from the burst's last leak before pages came back (for `host-reinflate` from the host's word) to the last
    page regained before the next burst; the burst itself began at `leak_start_s`. Its cost in that time: the balloon's
    worker (`worker_s`), time in which somebody reclaimed (`reclaim_s`), tasks' waiting in direct reclaim added up
    (`stall_s`), and pages read again after eviction (None where not sampled).
    """

    id: int
    cycle_class: CycleClass
    start_s: float
    end_s: float
    leaked_pages: int
    reinflated_pages: int
    wasted_pages: int
    worker_s: float
    storm: int | None = None
    leak_start_s: float = 0.0
    reclaim_s: float = 0.0
    stall_s: float = 0.0
    refault_pages: int | None = None
    spans: list[int] = field(default_factory=list)


@dataclass(slots=True)
class CycleRow(Cycle):
    """So many `cycles` of one storm in a row, as one with their sums."""

    cycles: int = 1


def cycle_count(cycles: Iterable[Cycle]) -> int:
    """How many they are, with those that were joined."""
    return sum(cycle.cycles if isinstance(cycle, CycleRow) else 1 for cycle in cycles)


@dataclass(slots=True)
class Storm:
    """Three or more cycles of one class in a row."""

    id: int
    cycle_class: CycleClass
    start_s: float
    end_s: float
    cycles: int
    wasted_pages: int


@dataclass(slots=True)
class Finding:
    """One flagged thing, with one plain sentence (`text`) and the numbers behind it.

    `id` stays the same however long the recording goes on. `cost` ranks findings of one severity: seconds that somebody
    waited, and bytes moved or read again, in seconds (`findings/kind.py`); None where it is not known. `open`: it still
    lasted when the recording ended. `cgroup` is the path of the one cgroup that it is about, where there is one.
    `advice` is the position, in its kind's advice, of the first that is true for it; None where none is.
    """

    id: int
    kind: str
    severity: Severity
    start_s: float
    end_s: float
    text: str
    quality: Quality
    numbers: dict[str, float] = field(default_factory=dict)
    spans: list[int] = field(default_factory=list)
    cost: float | None = None
    open: bool = False
    cgroup: str | None = None
    advice: int | None = 0


def killed_from_user_space(findings: Iterable[Finding]) -> int:
    """Processes of which findings say that something other than the kernel killed them, probably for their memory."""
    return sum(
        round(finding.numbers.get("processes", 1))
        for finding in findings
        if finding.kind == "user_kill" and finding.severity is not Severity.INFO
    )


@dataclass(frozen=True, slots=True)
class NotJudged:
    """A kind of finding of which nothing would have been seen; `why` is a clause."""

    kind: str
    why: str


@dataclass
class ShrinkerStat:
    """What one shrinker cost and gave. Shares are of all shrinkers' scanned objects and of their cache items: the most
    that was seen of each instance (superblock, ...) on each node, added up. `efficiency` is freed by scanned objects.
    What no event tells is None."""

    name: str
    calls: int
    scanned: int | None
    freed_objects: int | None
    busy_s: float
    p50_ns: int
    p99_ns: int
    max_ns: int
    scan_share: float | None
    size_share: float | None
    efficiency: float | None = None


@dataclass(slots=True)
class Stall:
    """How long one task waited in one tier (2 and up), in tier `direct` in one `scope`, None in others, in one cgroup
    (path and number, None where unknown); `is_recorder`: it is one of the recorder's own threads. `lengths` counts its
    waits by how long they were (`wait_lengths.py`)."""

    comm: str
    pid: int
    tier: Tier
    spans: int
    stall_s: float
    max_ns: int
    is_recorder: bool = False
    scope: Scope | None = None
    cgroup: str | None = None
    cgroup_id: int | None = None
    lengths: dict[int, int] = field(default_factory=dict)


@dataclass(slots=True)
class RecorderReclaim:
    """The recorder's own direct reclaim, which is in all other numbers too: pages (slab's included in global reclaim),
    the time it waited, and how often."""

    pages: int
    stall_s: float
    spans: int


@dataclass
class Analysis:
    """Everything the engine found.

    `counters_include_memcg`: whether the kernel's `pgsteal_kswapd`, `_direct`, ... include memory cgroups' own reclaim;
    None where no such reclaim shows it, or no counters were sampled. `recorder` is None where the recording does not
    say which process recorded it (imports, older recordings), `cgroups` where it does not tell tasks' cgroups.
    `settled_s`: of results so far, before when pages are counted; of all results, None.
    """

    duration_s: float
    accounting: Accounting
    balloon: BalloonResult
    tiers: list[TierRow]
    episodes: list[Episode]
    conflicts: list[Conflict]
    cycles: list[Cycle]
    storms: list[Storm]
    findings: list[Finding]
    shrinkers: list[ShrinkerStat]
    stalls: list[Stall]
    steps: list[BalloonStep]
    timeline: Timeline
    samples: Mapping[str, Quantity]
    counters_include_memcg: bool | None = None
    recorder: RecorderReclaim | None = None
    not_judged: list[NotJudged] = field(default_factory=list)
    cgroups: list[CgroupRow] | None = None
    waits: list[WaitHistogram] = field(default_factory=list)
    forgotten: Forgotten = NOTHING_FORGOTTEN
    settled_s: float | None = field(default=None, compare=False)
