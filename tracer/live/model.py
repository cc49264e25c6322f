"""The state of a traced machine at one moment, as plain data: what the screen, lines and `live --json` all show.

Units are in the names; `_s` are seconds since the recording's start. What could not be had is None, never 0.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final

from ..analyze.cgroup_rows import CgroupRow
from ..analyze.model import Episode, Finding, NotJudged
from ..analyze.terms import Quality

LEFT: Final = "left"
"""`Snapshot.ended` where the view ended first: the recording may go on."""


class State(StrEnum):
    """What is going on, the worst first. BLIND: nothing can be said, as nothing was seen yet or events were lost."""

    BLIND = "blind"
    KILLING = "killing"
    STALLED = "stalled"
    STARVED = "starved"
    FIGHTING = "fighting"
    RECLAIMING = "reclaiming"
    OK = "ok"


@dataclass(frozen=True, slots=True)
class Standing:
    """The first line: the state now, since when, and what it has cost so far.

    `where` says whose reclaim it is: `global`, or a memory cgroup's path; None for other states. `why` is one
    sentence. `waited_s` is what tasks waited since then, `moved_bytes` what the balloon moved for nothing,
    `read_again_bytes` page cache evicted and read again. `finding` is the id of the finding behind it.
    """

    state: State
    since_s: float
    why: str
    where: str | None = None
    waited_s: float | None = None
    moved_bytes: int | None = None
    read_again_bytes: int | None = None
    finding: int | None = None


@dataclass(frozen=True, slots=True)
class Source:
    """Where events come from. `reclaim_path` is how the driver gives pages back, `way` how it is traced, in words;
    `page_size_bytes` is of the guest's pages, which an episode counts."""

    name: str
    host: str
    kernel_release: str
    start_utc_ns: int
    balloon_driver: str | None
    balloon_features: Sequence[str]
    reclaim_path: str
    way: str
    page_size_bytes: int


@dataclass(frozen=True, slots=True)
class Flow:
    """How the stream fares. `lag_s` is how far what is shown lies behind now; None where nobody can know (a finished
    recording, another machine's clock). CPU is a share of one CPU over the last 10 s. `lost_unknown`: some were lost of
    which it is not known what they were."""

    events: int
    events_per_s: float | None
    lost_events: int
    lost_unknown: bool
    lag_s: float | None
    recorder_cpu_share: float | None
    recorder_memory_bytes: int | None
    view_cpu_share: float | None
    view_memory_bytes: int | None


@dataclass(frozen=True, slots=True)
class TierWindow:
    """One tier in one window: bytes by where they came from, the share of the window in which it worked, and what tasks
    waited in it, as a share of the window (more than 1 where several waited).

    `label` is `background`, `direct (memcg)`, ...: direct reclaim is told by whose limit it worked against, as soon as
    there was any. Windows have the same tiers in the same order.
    """

    label: str
    file_bytes: int | None
    anon_bytes: int | None
    lru_bytes: int | None
    slab_bytes: int | None
    balloon_bytes: int | None
    busy_share: float | None
    waiting_share: float | None
    spans: int
    quality: Quality

    @property
    def supplied_bytes(self) -> int | None:
        """All that it gave, as far as it is known."""
        known = [
            each
            for each in (self.file_bytes, self.anon_bytes, self.lru_bytes, self.slab_bytes, self.balloon_bytes)
            if each is not None
        ]
        return sum(known) if known else None


@dataclass(frozen=True, slots=True)
class BalloonWindow:
    """The balloon in one window: what went in, what came out by cause, cycles, and what moved for nothing. What is not
    counted is None."""

    inflated_bytes: int | None
    leaked_bytes: Mapping[str, int | None]
    reported_bytes: int | None
    cycles: int | None
    wasted_bytes: int | None
    quality: Quality


@dataclass(frozen=True, slots=True)
class Window:
    """The last second, the last ten, or everything: `length_s` is what it covers: looks are some time apart, and there
    may be less to cover.

    `psi_some` and `psi_full` are shares of the window (/proc/pressure/memory), `refault_bytes` page cache read again.
    `waiting_share` is what all tasks waited, `kills` tasks killed for want of memory, None where kills were not traced.
    """

    name: str
    length_s: float
    tiers: Sequence[TierWindow]
    balloon: BalloonWindow
    refault_bytes: int | None
    psi_some: float | None
    psi_full: float | None
    waiting_share: float | None
    kills: int | None


@dataclass(frozen=True, slots=True)
class MemoryNow:
    """Memory as last sampled. Watermarks are summed over zones, as they were when the recording began;
    `above_low_bytes` is free memory above the low one, below which kswapd wakes: negative where it is below."""

    total_bytes: int | None
    available_bytes: int | None
    free_bytes: int | None
    min_bytes: int | None
    low_bytes: int | None
    high_bytes: int | None
    above_low_bytes: int | None


@dataclass(frozen=True, slots=True)
class BalloonNow:
    """The balloon's size as last read, and the host's target, where anything tells it."""

    size_bytes: int | None
    target_bytes: int | None
    full_bytes: int | None
    quality: Quality
    source: str | None


@dataclass(frozen=True, slots=True)
class Waiting:
    """One task, or one cgroup (`pid` None), and what it waited: in the last 10 s as a share of them, and in all."""

    name: str
    pid: int | None
    cgroup: str | None
    tier: str | None
    share_10s: float | None
    total_s: float
    longest_s: float | None
    is_recorder: bool = False


@dataclass(frozen=True, slots=True)
class Shrinking:
    """One shrinker: work as a share of the last 10 s, objects freed in them, and in all."""

    name: str
    share_10s: float | None
    freed_10s: int | None
    total_s: float
    freed: int | None
    scanned: int | None
    efficiency: float | None


@dataclass(frozen=True, slots=True)
class History:
    """What sparklines draw: points `step_s` apart, the newest last, at most 240; None where nothing was seen.

    Names: `available_bytes`, `balloon_bytes`, `refault_bytes_per_s`, `psi_some`, `waiting_share` (of the time, in which
    some task waited in direct reclaim), `inflated_bytes_per_s`, `leaked_bytes_per_s`, and for each tier that takes
    pages off the LRU lists `proactive.bytes_per_s`, `background.bytes_per_s`, `direct.bytes_per_s`.
    """

    step_s: float
    series: Mapping[str, Sequence[float | None]]


@dataclass(frozen=True, slots=True)
class Snapshot:
    """Everything at one moment. `ended` says how the stream ended (`closed`, `cut`, `left`), None while it goes on.

    `windows` are keyed `1s`, `10s`, `total`. `episode` is the current or the last one, `episode_open` whether it lasts.
    `history` is of all that was recorded, `recent` of the last minute. `findings` are those that last, then the newest
    first, `findings_left_out` how many more there are, `findings_by_kind` how many of each
    kind there were in all. `marks` are times and words.
    """

    now_s: float
    ended: str | None
    standing: Standing
    source: Source
    flow: Flow
    memory: MemoryNow
    balloon: BalloonNow
    windows: Mapping[str, Window]
    episode: Episode | None
    episode_open: bool
    waiting: Sequence[Waiting]
    waiting_cgroups: Sequence[Waiting]
    shrinkers: Sequence[Shrinking]
    history: History
    recent: History
    findings: Sequence[Finding]
    findings_left_out: int = 0
    findings_by_kind: Mapping[str, int] = field(default_factory=dict)
    not_judged: Sequence[NotJudged] = ()
    marks: Sequence[tuple[float, str]] = ()
    cgroups: Sequence[CgroupRow] = field(default=())
