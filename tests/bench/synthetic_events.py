"""Synthetic events that look like a guest under pressure: for benchmarks and tests, recorded nowhere.

Four fifths are slab begin/end pairs, the rest direct reclaim pairs and LRU rows, on a few CPUs at once. Shape and
values follow what kernels 6.1 and 6.12 print under a memory hog: some forty shrinkers, mostly small caches, priority 12
down, a pair every few microseconds.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from tracer.schema import EVENT_DTYPE, KIND_BY_NAME

_POINTER = 0xFFFF_8880_0000_0000
_TEXT = 0xFFFF_FFFF_8100_0000
_COMMS = [b"kswapd0", b"hog", b"cat", b"postgres", b"kworker/0:0", b"systemd-journal", b"python3", b"kdamond.0"]


def synthetic_events(count: int, seed: int = 1, cpus: int = 4, start_ns: int = 10**12) -> npt.NDArray[np.void]:
    """About `count` records (never more) in order of arrival."""
    random = np.random.default_rng(seed)
    streams = [_cpu_stream(max(count // cpus, 2), cpu, random, start_ns) for cpu in range(cpus)]
    records = np.concatenate(streams)[:count]
    # The kernel's ring is shared: events arrive almost in time order, a neighbour now and then first.
    arrival = records["time_ns"] + random.integers(0, 2_000, len(records)).astype(np.uint64)
    return records[np.argsort(arrival, kind="stable")]


def _cpu_stream(count: int, cpu: int, random: np.random.Generator, start_ns: int) -> npt.NDArray[np.void]:
    records = np.zeros(count, EVENT_DTYPE)
    records["cpu"] = cpu
    thread = np.repeat(random.integers(0, 24, count // 200 + 1), 200)[:count]
    records["tid"] = 300 + thread * 7
    records["tgid"] = 300 + thread * 7 // 14 * 14
    records["comm"] = np.array(_COMMS, "S16")[thread % len(_COMMS)]
    pairs = count // 2
    draw = random.random(pairs)
    is_slab, is_reclaim = draw < 0.8, (draw >= 0.8) & (draw < 0.84)
    begin, end = np.arange(pairs) * 2, np.arange(pairs) * 2 + 1
    gaps = random.lognormal(7.3, 0.8, count)
    gaps[begin] = random.lognormal(8.5, 1.2, len(begin))
    records["time_ns"] = start_ns + np.cumsum(gaps.astype(np.uint64))
    _slab(records, begin[is_slab], end[is_slab], random)
    _direct(records, begin[is_reclaim], end[is_reclaim], random)
    rest = np.concatenate([begin[~is_slab & ~is_reclaim], end[~is_slab & ~is_reclaim]])
    _lru(records, rest, random)
    if count % 2:
        _lru(records, np.array([count - 1]), random)
    return records


def _fill(records: npt.NDArray[np.void], rows: npt.NDArray[np.intp], kind: str, **values: object) -> None:
    typed = np.zeros(len(rows), KIND_BY_NAME[kind].record_dtype)
    base = records[rows]
    for name in ("time_ns", "tid", "tgid", "comm", "cpu"):
        typed[name] = base[name]
    typed["kind"] = KIND_BY_NAME[kind].number
    for name, value in values.items():
        typed[name] = value
    records[rows] = typed.view(EVENT_DTYPE)


def _slab(
    records: npt.NDArray[np.void], begin: npt.NDArray[np.intp], end: npt.NDArray[np.intp], random: np.random.Generator
) -> None:
    count = len(begin)
    shrinker = np.arange(count) % 40
    callbacks = _TEXT + random.integers(0, 1 << 22, 6).astype(np.uint64) * np.uint64(16)
    shr = _POINTER + random.integers(0, 1 << 28, 40).astype(np.uint64) * np.uint64(64)
    cache = (random.lognormal(4.0, 2.5, 40)[shrinker] * random.uniform(0.95, 1.05, count)).astype(np.uint64)
    priority = 12 - np.minimum(random.geometric(0.4, count // 40 + 1) - 1, 12)
    priority = np.repeat(priority, 40)[:count]
    delta = (cache * np.uint64(2)) >> priority.astype(np.uint64)
    memcg = np.repeat(random.integers(1, 60, count // 40 + 1), 40)[:count]
    deferred = random.integers(0, 64, count) * (random.random(count) < 0.3)
    total = delta.astype(np.int64) + deferred
    scanned = np.where(total >= 128, total // 128 * 128, 0)
    common = {"shrink": callbacks[shrinker % 6], "shr": shr[shrinker], "memcg_id": memcg, "nid": 0}
    _fill(
        records, begin, "shrink_slab_start", **common, nr_objects_to_shrink=deferred, cache_items=cache, delta=delta,
        total_scan=total, gfp_flags=np.where(random.random(count) < 0.7, 0x140CCA, 0x400DC0), priority=priority,
    )  # fmt: skip
    _fill(
        records, end, "shrink_slab_end", **common, unused_scan=deferred, new_scan=total - scanned,
        total_scan=total - scanned, retval=(scanned * random.random(count)).astype(np.int32),
    )  # fmt: skip


def _direct(
    records: npt.NDArray[np.void], begin: npt.NDArray[np.intp], end: npt.NDArray[np.intp], random: np.random.Generator
) -> None:
    order = random.choice([0, 0, 0, 3, 9], len(begin))
    _fill(records, begin, "direct_reclaim_begin", order=order, gfp_flags=0x140CCA, memcg_id=0)
    _fill(records, end, "direct_reclaim_end", nr_reclaimed=random.integers(0, 120, len(end)), memcg_id=0)


def _lru(records: npt.NDArray[np.void], rows: npt.NDArray[np.intp], random: np.random.Generator) -> None:
    scanned = random.integers(1, 33, len(rows))
    reclaimed = (scanned * random.beta(5, 1, len(rows))).astype(np.uint64)
    _fill(
        records, rows, "lru_shrink_inactive", nr_scanned=scanned, nr_reclaimed=reclaimed, nr_dirty=0,
        nr_activate1=scanned - reclaimed, nr_ref_keep=random.integers(0, 3, len(rows)), reclaim_flags=0x2,
        nid=0, priority=random.integers(4, 13, len(rows)),
    )  # fmt: skip
