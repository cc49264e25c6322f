"""Written recordings of a guest that is short of memory, a reading a second."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from streams import METADATA, MS, SECOND, Records, event, records

from tracer.batch import Samples
from tracer.metadata import Metadata

MIB_PAGES = 256
GUEST = replace(METADATA, memory_total_bytes=1 << 30)


def guest(*, deflate_on_oom: bool) -> Metadata:
    """A guest whose MemTotal is 1 GiB."""
    features = ("deflate_on_oom",) if deflate_on_oom else ("stats_vq",)
    return replace(GUEST, balloon=replace(GUEST.balloon, features=features))


def readings(
    seconds: int,
    held_mib: float = 0,
    evicted_mib: float = 0,
    again_mib: float = 0,
    *,
    gave_mib: Sequence[tuple[int, int]] = (),
    from_s: int = 0,
    until_s: int | None = None,
    **others: Sequence[int],
) -> Samples:
    """`evicted_mib` and `again_mib` a second for a time; `gave_mib`: at which second how much left the balloon."""
    at = np.arange(seconds + 1)
    going = np.clip(at, from_s, seconds if until_s is None else until_s) - from_s
    left = sum((np.where(at >= second, mib, 0) for second, mib in gave_mib), np.zeros(len(at)))
    columns = {
        "vmstat.balloon_inflate": np.full(len(at), held_mib),
        "vmstat.balloon_deflate": left,
        "vmstat.pgsteal_file": going * evicted_mib,
        "vmstat.pgsteal_anon": at * 0,
        "vmstat.pgsteal_kswapd": going * evicted_mib,
        "vmstat.pgsteal_direct": at * 0,
        "vmstat.workingset_refault_file": going * again_mib,
    }
    pages = {name: np.rint(column * MIB_PAGES).astype(np.int64) for name, column in columns.items()}
    pages |= {name: np.asarray(column, np.int64) for name, column in others.items()}
    return Samples(at * SECOND, tuple(pages), np.column_stack(list(pages.values())))


def sized(
    available_mib: float, cache_mib: float, held_mib: float = 100, again_mib: float = 0, seconds: int = 20, **more: Any
) -> Samples:
    """Readings of a guest with so much memory available, of which so much is page cache and slab."""
    mib = np.full(seconds + 1, 1 << 20)
    columns = {
        "meminfo.MemAvailable_bytes": mib * available_mib,
        "meminfo.SReclaimable_bytes": mib * cache_mib / 2,
        "vmstat.nr_active_file": mib * 0,
        "vmstat.nr_inactive_file": mib * cache_mib / 2 / 4096,
    }
    return readings(seconds, held_mib, 0, again_mib, **(columns | more))


def dropping(dropped_mib: float, grown_mib: float, *, after_s: int = 50, seconds: int = 100) -> Samples:
    """drop_caches at 10 s, and page cache that grows again so much later."""
    at = np.arange(seconds + 1)
    cache = np.where(at >= 10, 500 - dropped_mib, 500) + np.where(at >= 10 + after_s, grown_mib, 0)
    file_pages = {"vmstat.nr_active_file": cache * MIB_PAGES, "vmstat.nr_inactive_file": at * 0}
    return readings(seconds, 0, **file_pages, **{"vmstat.drop_pagecache": at >= 10})


def waits(seconds: int, each_ms: int, kind: str = "direct_reclaim", tasks: int = 1) -> Records:
    """A wait of so long in each second, by each of some tasks at once."""
    stream = [
        records(event(at * SECOND, f"{kind}_begin", tid), event(at * SECOND + each_ms * MS, f"{kind}_end", tid))
        for at in range(seconds)
        for tid in range(100, 100 + tasks)
    ]
    merged = records(*stream)
    merged.sort(order="time_ns", kind="stable")
    return merged
