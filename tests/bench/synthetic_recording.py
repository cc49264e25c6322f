"""A synthetic recording of a guest in a long fight for memory, of any length: for benchmarks, recorded nowhere.

Four hundred tasks on sixteen CPUs go in and out of direct and memcg reclaim, two kswapds run beside them; inside every
such span shrinkers are called (four fifths of all events) and LRU lists are shrunk. Counters are sampled four times a
second. For two seconds of every forty the OOM notifier takes pages from the balloon, and its worker inflates again and
reclaims. Made and written in chunks, so that making a long one takes no more memory than a short one.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import numpy.typing as npt

from tracer.batch import Samples
from tracer.metadata import BalloonInfo, Metadata
from tracer.schema import EVENT_DTYPE, KIND_BY_NAME
from tracer.store import Writer

Records = npt.NDArray[np.void]

EVENTS_PER_S = 100_000
CHUNK_EVENTS = 25_000
START_NS = 10**12
START_UTC_NS = 1_700_000_000 * 10**9

_CHUNK_NS = CHUNK_EVENTS * 1_000_000_000 // EVENTS_PER_S
_THREADS, _CPUS, _KSWAPDS = 400, 16, 2
_BALLOON_EVERY, _BALLOON_FOR = 160, 8
"""In chunks."""
_ROUND, _SLAB_OF_ROUND = 12, 10
_FIRST_TID = 1000
_COMMS = [b"postgres", b"java", b"python3", b"nginx: worker", b"systemd-journal", b"cat", b"hog", b"containerd-shim"]
_SHRINKERS = 40
_TEXT = 0xFFFF_FFFF_8100_0000
_SHR = 0xFFFF_8880_0000_0000
_CALLBACKS = _TEXT + np.arange(6).astype(np.uint64) * np.uint64(0x400)
_WORK, _NOTIFIER = _TEXT + 0x10000, _TEXT + 0x20000
_SYMBOLS = {
    **{int(address): f"scan_objects_{number}" for number, address in enumerate(_CALLBACKS)},
    _WORK: "update_balloon_size_func",
    _NOTIFIER: "virtio_balloon_oom_notify",
}
_NAMES = ("vmstat.balloon_inflate", "vmstat.balloon_deflate", "vmstat.workingset_refault_file", "meminfo.MemFree_bytes")


def write_recording(path: Path, events: int, seed: int = 1) -> int:
    """Write about `events` events; returns how many."""
    metadata = Metadata(
        start_ns=START_NS, start_utc_ns=START_UTC_NS, cpus=_CPUS, balloon=BalloonInfo("virtio_balloon", "virtio0")
    )
    writer = Writer(path, metadata)
    writer.write_symbols(_SYMBOLS)
    for records, samples in chunks(events, seed):
        writer.write_events(records)
        writer.write_samples(samples)
    writer.close()
    return writer.events_written


def chunks(events: int, seed: int = 1) -> Iterator[tuple[Records, Samples]]:
    """Records of a quarter of a second each in order of arrival, and the reading at its end."""
    random = np.random.default_rng(seed)
    for number in range(max(1, round(events / CHUNK_EVENTS))):
        begin_ns = START_NS + number * _CHUNK_NS
        records = _reclaim(CHUNK_EVENTS, begin_ns, random)
        if number % _BALLOON_EVERY < _BALLOON_FOR:
            records = np.concatenate((records, _balloon(begin_ns)))
        arrival = records["time_ns"] + random.integers(0, 5_000, len(records)).astype(np.uint64)
        yield records[np.argsort(arrival, kind="stable")], _sample(number, begin_ns)


def _sample(number: int, begin_ns: int) -> Samples:
    turns, since = divmod(number + 1, _BALLOON_EVERY)
    active = turns * _BALLOON_FOR + min(since, _BALLOON_FOR)
    values = np.array([[active * 300, active * 256, number * 5000, 2**28 + number % 7]])
    return Samples(np.array([begin_ns + _CHUNK_NS]), _NAMES, values)


def _reclaim(events: int, begin_ns: int, random: np.random.Generator) -> Records:
    """Reclaim spans, each of one to five rounds of five shrinker calls and two shrunk LRU lists, by thread."""
    rounds = random.integers(1, 6, events // (3 * _ROUND + 2))
    thread = np.sort(random.integers(0, _THREADS, len(rounds)))
    sizes = rounds * _ROUND + 2
    count = int(sizes.sum())
    place = np.arange(count) - np.repeat(np.cumsum(sizes) - sizes, sizes)
    last = np.repeat(sizes, sizes) - 1
    records = _threads(np.repeat(thread, sizes), begin_ns, random)
    memcg = np.repeat(random.random(len(rounds)) < 0.2, sizes)
    kswapd = np.repeat(thread < _KSWAPDS, sizes)
    _edges(records, np.flatnonzero(place == 0), np.flatnonzero(place == last), kswapd, memcg)
    inside = (place > 0) & (place < last)
    turn = (place - 1) % _ROUND
    _slab(records, np.flatnonzero(inside & (turn < _SLAB_OF_ROUND) & (turn % 2 == 0)), random)
    _lru(records, np.flatnonzero(inside & (turn >= _SLAB_OF_ROUND)), random)
    return records


def _threads(thread: npt.NDArray[np.int64], begin_ns: int, random: np.random.Generator) -> Records:
    """Records of these (ascending) threads; each thread's fill the chunk's time."""
    records = np.zeros(len(thread), EVENT_DTYPE)
    gaps = random.lognormal(8.5, 1.2, len(thread))
    total = np.bincount(thread, gaps, _THREADS)
    before = np.cumsum(total) - total
    passed = (np.cumsum(gaps) - before[thread]) / total[thread]
    records["time_ns"] = begin_ns + (passed * (_CHUNK_NS - 1)).astype(np.int64)
    records["tid"] = records["tgid"] = _FIRST_TID + thread * 3
    records["cpu"] = thread % _CPUS
    comms = np.array(_COMMS, "S16")[np.arange(_THREADS) % len(_COMMS)]
    comms[:_KSWAPDS] = [b"kswapd0", b"kswapd1"]
    records["comm"] = comms[thread]
    return records


def _edges(
    records: Records,
    begin: npt.NDArray[np.int64],
    end: npt.NDArray[np.int64],
    kswapd: npt.NDArray[np.bool_],
    memcg: npt.NDArray[np.bool_],
) -> None:
    background, limited = kswapd[begin], memcg[begin] & ~kswapd[begin]
    for chosen, kind in ((~background & ~limited, "direct_reclaim"), (limited, "memcg_reclaim")):
        fill(records, begin[chosen], f"{kind}_begin", gfp_flags=0x140CCA)
        fill(records, end[chosen], f"{kind}_end", nr_reclaimed=32)
    fill(records, begin[background], "kswapd_wake", order=0)
    fill(records, end[background], "kswapd_sleep")


def _slab(records: Records, begin: npt.NDArray[np.int64], random: np.random.Generator) -> None:
    which = np.arange(len(begin)) % _SHRINKERS
    common = {
        "shrink": _CALLBACKS[which % len(_CALLBACKS)],
        "shr": np.uint64(_SHR) + which.astype(np.uint64) * np.uint64(64),
    }
    total = random.integers(0, 1024, len(begin))
    freed = (total * random.random(len(begin))).astype(np.int64)
    priority = 13 - np.minimum(random.geometric(0.4, len(begin)), 12)
    fill(
        records, begin, "shrink_slab_start", **common, cache_items=which * 1000 + total, delta=total, total_scan=total,
        gfp_flags=0x140CCA, priority=priority,
    )  # fmt: skip
    fill(records, begin + 1, "shrink_slab_end", **common, total_scan=total - freed, retval=freed)


def _lru(records: Records, rows: npt.NDArray[np.int64], random: np.random.Generator) -> None:
    scanned = random.integers(1, 33, len(rows))
    fill(
        records, rows, "lru_shrink_inactive", nr_scanned=scanned, nr_reclaimed=scanned // 2, priority=12,
        reclaim_flags=np.where(random.random(len(rows)) < 0.7, 2, 1),
    )  # fmt: skip


def _balloon(begin_ns: int) -> Records:
    """One run of the worker with reclaim inside it, one OOM notification, one waking of kswapd."""
    kinds = ("balloon_work_begin", "wakeup_kswapd", "direct_reclaim_begin", "direct_reclaim_end", "balloon_work_end")
    records = np.zeros(len(kinds) + 2, EVENT_DTYPE)
    records["time_ns"] = begin_ns + np.array([200, 201, 202, 210, 220, 100, 102]) * (_CHUNK_NS // 300)
    records["tid"] = records["tgid"] = [90] * len(kinds) + [91, 91]
    records["comm"] = [b"kworker/0:2"] * len(kinds) + [b"hog", b"hog"]
    for row, kind in enumerate(kinds):
        fill(records, np.array([row]), kind, **({"work": 1, "function": _WORK} if "work_" in kind else {}))
    fill(records, np.array([len(kinds)]), "oom_notifier_run", cb=_NOTIFIER)
    fill(records, np.array([len(kinds) + 1]), "reclaim_retry_zone", no_progress_loops=3)
    return records


def fill(records: Records, rows: npt.NDArray[np.int64], kind: str, **values: object) -> None:
    """Make these rows events of a kind with these arguments, their other header fields kept."""
    layout = KIND_BY_NAME[kind].record_dtype
    typed = records[rows].view(layout)
    typed["kind"] = KIND_BY_NAME[kind].number
    for name, value in values.items():
        typed[name] = value
    records[rows] = typed.view(EVENT_DTYPE)
