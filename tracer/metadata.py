"""What a recording knows about itself: machine, clock, balloon, probe plan."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from enum import StrEnum
from typing import Any, Final, Self

LOCKED: Final = "locked"
"""`Metadata.memory_lock` where it was kept."""


class SourceState(StrEnum):
    """How one way of seeing an event kind fared on this machine."""

    USED = "used"
    ABSENT = "absent"
    REFUSED = "refused"
    UNUSED = "unused"


class ClockChangeKind(StrEnum):
    """The machine slept, or somebody set the wall clock."""

    SUSPENDED = "suspended"
    SET = "set"


@dataclass(frozen=True)
class ClockChange:
    """Something that happened to the clocks, seen at `at_ns` (CLOCK_MONOTONIC, which stops in suspend).

    `by_ns` is how long the machine slept, or how far the wall clock was set, negative for back.
    """

    at_ns: int
    kind: ClockChangeKind
    by_ns: int


@dataclass(frozen=True)
class Mark:
    """What somebody who watched wrote into the recording, at `at_ns` (CLOCK_MONOTONIC)."""

    at_ns: int
    words: str


@dataclass(frozen=True)
class HostCommand:
    """By the host's own log: at `at_ns` (CLOCK_MONOTONIC of the guest) it asked that the guest have `target_bytes`."""

    at_ns: int
    target_bytes: int
    comment: str = ""


@dataclass(frozen=True)
class RecordingFiles:
    """In how many files a recording was found: `removed` earlier ones are gone, `missing` are numbers in between.

    `skipped` are numbers that none of them ever had, because something else had the name: nothing is lost by it.
    `part` is the number of a single file that is one of several, else 0.
    """

    count: int = 1
    removed: int = 0
    missing: tuple[int, ...] = ()
    part: int = 0
    skipped: tuple[int, ...] = ()


ONE_FILE: Final = RecordingFiles()


@dataclass(frozen=True)
class PlanRow:
    """One source of one event kind and how it fared: `what` is an event kind's name or a sampled quantity."""

    what: str
    source: str
    state: SourceState
    reason: str = ""


@dataclass(frozen=True)
class BalloonInfo:
    """The balloon as the driver and the device negotiated it; `driver` is None where there is none."""

    driver: str | None = None
    device: str | None = None
    features: tuple[str, ...] = ()
    reclaim_path: str = "none"


@dataclass(frozen=True)
class Metadata:
    """The recording's first block. Times are CLOCK_MONOTONIC ns unless named otherwise.

    `cpus` are those that were online, None where unknown. `memory_lock` is LOCKED where the recorder's memory was kept
    from reclaim, else why not; empty where it is unknown.
    `buffer_bytes` is the kernel's memory for events, `queue_bytes` the recorder's for those not yet written,
    `memory_available_bytes` what could be had when they were chosen; None where unknown.
    `lru_gen_enabled` is the bit mask of the multi-gen LRU, 0 where it is off; it and `lru_gen_min_ttl_ms` are None
    where the kernel has none, or nobody looked. Watermarks are those of free memory when the recording began, summed
    over zones. `recorder_pid` is the recorder's `tgid` in events, None where unknown. `cgroup_hierarchy` is the one
    that events' cgroups are of (`memory`: the memory controller's, v1; `unified`: v2's), empty where they tell none.
    `boottime_ahead_ns` is by how much CLOCK_BOOTTIME was ahead of CLOCK_MONOTONIC when the recording began, None where
    unknown. `programs` is how the BPF programs came: `compiled`, from the `cache` or a `file`; empty where unknown.
    `labels` are what somebody calls this machine, or how it is set.
    """

    tool_version: str = ""
    kernel_release: str = ""
    kernel_version: str = ""
    machine: str = ""
    host: str = ""
    boot_id: str = ""
    start_ns: int = 0
    start_utc_ns: int = 0
    boottime_ahead_ns: int | None = None
    page_size_bytes: int = 4096
    cpus: int | None = None
    numa_nodes: tuple[int, ...] = (0,)
    memory_total_bytes: int = 0
    balloon: BalloonInfo = field(default_factory=BalloonInfo)
    plan: tuple[PlanRow, ...] = ()
    absent_fields: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    command: tuple[str, ...] = ()
    transport: str = "ring"
    transport_reason: str = ""
    programs: str = ""
    cgroup_hierarchy: str = ""
    cgroup_hierarchy_reason: str = ""
    buffer_bytes: int = 0
    queue_bytes: int | None = None
    memory_available_bytes: int | None = None
    memory_lock: str = ""
    sample_interval_s: float = 0.25
    lru_detail: str = "each"
    lru_gen_enabled: int | None = None
    lru_gen_min_ttl_ms: int | None = None
    watermark_min_pages: int | None = None
    watermark_low_pages: int | None = None
    watermark_high_pages: int | None = None
    recorder_pid: int | None = None
    imported_from: str | None = None
    labels: Mapping[str, str] = field(default_factory=dict)

    @property
    def kinds_traced(self) -> frozenset[str]:
        """Event kinds (and sampled quantities) that have a source in this recording."""
        return frozenset(row.what for row in self.plan if row.state is SourceState.USED)

    def tells(self, kind: str, field: str) -> bool:
        """Whether events of a kind, where there are any, have the value of this field."""
        return field not in self.absent_fields.get(kind, ())

    @property
    def ends_made_up(self) -> frozenset[str]:
        """Kinds of ends that an import put where its source has none."""
        rows = self.plan if self.imported_from else ()
        return frozenset(row.what for row in rows if row.state is SourceState.USED and row.reason)

    def to_json(self) -> dict[str, Any]:
        """As plain JSON values."""
        return asdict(self)

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Self:
        """From `to_json`'s values; unknown keys are ignored."""
        known = {name: data[name] for name in cls.__dataclass_fields__ if name in data}
        balloon = dict(known.get("balloon", {}))
        balloon["features"] = tuple(balloon.get("features", ()))
        known["balloon"] = BalloonInfo(**{k: v for k, v in balloon.items() if k in BalloonInfo.__dataclass_fields__})
        known["plan"] = tuple(
            PlanRow(row["what"], row["source"], SourceState(row["state"]), row.get("reason", ""))
            for row in known.get("plan", ())
        )
        known["absent_fields"] = {kind: tuple(names) for kind, names in known.get("absent_fields", {}).items()}
        for name in ("numa_nodes", "command"):
            known[name] = tuple(known.get(name, ()))
        return cls(**known)
