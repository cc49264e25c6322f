"""Small written event streams for tests; everything here is synthetic."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType

import numpy as np
import numpy.typing as npt

from tracer.analyze import Analysis, Engine, Options
from tracer.analyze.model import TierRow
from tracer.analyze.terms import Tier
from tracer.batch import Batch, LostStretch, Samples
from tracer.metadata import BalloonInfo, Metadata
from tracer.schema import EVENT_DTYPE, KIND_BY_NAME

Records = npt.NDArray[np.void]

MS = 1_000_000
SECOND = 1_000_000_000
TEXT = 0xFFFF_FFFF_8100_0000
SUPER_CACHE_SCAN, BALLOON_SHRINKER, BALLOON_OOM, BALLOON_WORK = TEXT + 0x10, TEXT + 0x20, TEXT + 0x30, TEXT + 0x40
SYMBOLS = {
    SUPER_CACHE_SCAN: "super_cache_scan",
    BALLOON_SHRINKER: "virtio_balloon_shrinker_scan",
    BALLOON_OOM: "virtio_balloon_oom_notify",
    BALLOON_WORK: "update_balloon_size_func",
}
METADATA = Metadata(
    start_ns=0,
    balloon=BalloonInfo("virtio_balloon", "virtio0", ("deflate_on_oom",), "oom_notifier"),
    page_size_bytes=4096,
)


def event(time_ns: int, kind: str, tid: int = 100, comm: str = "task", cpu: int = 0, **args: object) -> Records:
    """One record of EVENT_DTYPE, shape (1,)."""
    record = np.zeros(1, EVENT_DTYPE)
    typed = record.view(KIND_BY_NAME[kind].record_dtype)
    for name, value in {
        "time_ns": time_ns,
        "tid": tid,
        "tgid": tid,
        "comm": comm.encode("utf-8", "surrogateescape"),
        "cpu": cpu,
        **args,
    }.items():
        typed[name] = value
    record["kind"] = KIND_BY_NAME[kind].number
    return record


def records(*events: Records) -> Records:
    """Many records, in the order given."""
    return np.concatenate(events) if events else np.empty(0, EVENT_DTYPE)


def counters(rows: Sequence[tuple[int, int, int]], **others: Sequence[int]) -> Samples:
    """Balloon counters as (time_ns, balloon_inflate, balloon_deflate), other vmstat counters by name."""
    names = ("vmstat.balloon_inflate", "vmstat.balloon_deflate", *(f"vmstat.{name}" for name in others))
    values = np.asarray([[row[1], row[2], *(column[at] for column in others.values())] for at, row in enumerate(rows)])
    return Samples(np.asarray([row[0] for row in rows]), names, values.astype(np.int64))


def analyse(
    *items: Records | Samples | LostStretch,
    metadata: Metadata = METADATA,
    options: Options | None = None,
    end_ns: int | None = None,
    cgroups: Mapping[int, str] = MappingProxyType({}),
) -> Analysis:
    """Run the engine over records and samples in the order given."""
    engine = Engine(metadata, SYMBOLS, options or Options(), cgroups=cgroups)
    for item in items:
        engine.feed(Batch.from_records(item) if isinstance(item, np.ndarray) else item)
    return engine.finish(end_ns)


def slab(
    begin_ns: int, end_ns: int, tid: int = 100, shrink: int = SUPER_CACHE_SCAN, freed: int = 10, **more: object
) -> Records:
    """A shrinker call of 128 scanned objects."""
    start = event(begin_ns, "shrink_slab_start", tid, shrink=shrink, total_scan=128, cache_items=1000, **more)
    return records(start, event(end_ns, "shrink_slab_end", tid, shrink=shrink, retval=freed))


def work(begin_ns: int, end_ns: int, tid: int = 50) -> Records:
    """A run of the balloon's worker."""
    begin = event(begin_ns, "balloon_work_begin", tid, "kworker/0:1")
    return records(begin, event(end_ns, "balloon_work_end", tid, "kworker/0:1"))


def lru(time_ns: int, tid: int, pages: int, *, file: bool = True, priority: int = 12, comm: str = "task") -> Records:
    """A scan that took so many pages off a list."""
    flags = 2 if file else 1
    return event(time_ns, "lru_shrink_inactive", tid, comm, nr_reclaimed=pages, reclaim_flags=flags, priority=priority)


def row(analysis: Analysis, tier: Tier) -> TierRow:
    """What a tier supplied."""
    return next(row for row in analysis.tiers if row.tier is tier)
