"""What fuzzing feeds the analysis and its views: recordings with right checksums that say and hold anything.

Some are invented: few events of any kind with any numbers. The others begin with a window of a real recording, whose
events and readings are then dropped, doubled, moved, and given other kinds, threads and numbers.
"""

from __future__ import annotations

import json
import random
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from event_records import records_of
from recording_inputs import FileOfBlocks
from store_cases import METADATA

from tracer.batch import Batch, LostStretch, Samples
from tracer.schema import EVENT_DTYPE, KINDS, SAMPLE_NULL
from tracer.store import Recording
from tracer.store.contents import METADATA as SHAPE
from tracer.store.event_columns import EventEncoder
from tracer.store.format import MOST_NS, BlockType
from tracer.store.kinds import kind_table
from tracer.store.payloads import encode_samples, pack_lost, pack_names

Records = np.ndarray[Any, np.dtype[np.void]]
RECORDINGS = sorted((Path(__file__).parent.parent / "golden" / "data").glob("*.rtrace"))
MARKUP = "<x y>"
"""In names; nowhere in a page."""
NAMES = [kind.name for kind in KINDS]
KIND_NUMBERS = [kind.number for kind in KINDS]
COUNTERS = (
    "vmstat.balloon_inflate",
    "vmstat.balloon_deflate",
    "vmstat.pgscan_direct",
    "vmstat.pgsteal_kswapd",
    "vmstat.pgsteal_direct",
    "vmstat.pgsteal_file",
    "vmstat.oom_kill",
    "vmstat.allocstall_normal",
    "vmstat.workingset_refault_file",
    "meminfo.MemFree_bytes",
    "meminfo.Balloon_bytes",
    "psi.memory.some_total_us",
    "vmmemctl.current_pages",
)
EDGES = (0, 1, 2, 4096, 1 << 31, 1 << 53, MOST_NS, (1 << 63) - 1, 1 << 63, (1 << 64) - 1)
CELLS = (SAMPLE_NULL, (1 << 63) - 1, 1 << 53, -(1 << 53), 0, -1)
TEXTS = ("", "</script>", MARKUP, "a\x1b[31m", "\udcff", "x" * 200, "\0", "kswapd0", "\u202e", '"', "&lt;", "'", "\n")
DRIVERS = (None, "virtio_balloon", "hv_balloon", "vmw_balloon", "xen-balloon", MARKUP)
NOTES = ("end_ns", "clock_changes", "dropped_events", "dropped_samples", "program_cost", "part", "import", "x")


def number_of(choose: random.Random) -> int:
    """Small, large, extreme or any 64 bits."""
    return choose.choice([choose.randint(0, 300), choose.getrandbits(36), choose.choice(EDGES), choose.getrandbits(64)])


def time_of(choose: random.Random) -> int:
    """A time that a recording may have."""
    return choose.choice([choose.randint(0, 5000), choose.getrandbits(40), choose.randint(0, MOST_NS)])


def _json_value(choose: random.Random, depth: int = 0) -> Any:
    how = choose.randrange(8 if depth < 3 else 6)
    if how == 6:
        return [_json_value(choose, depth + 1) for _ in range(choose.randrange(4))]
    if how == 7:
        return {choose.choice(TEXTS): _json_value(choose, depth + 1) for _ in range(choose.randrange(4))}
    return choose.choice([None, choose.random() < 0.5, number_of(choose), -1, 1e300, choose.choice(TEXTS)])


def _plan_row(choose: random.Random) -> dict[str, str]:
    state = choose.choice(["used", "absent", "refused", "unused"])
    what, source, reason = choose.choice(NAMES), choose.choice(TEXTS), choose.choice(TEXTS)
    return {"what": what, "source": source, "state": state, "reason": reason}


def _absent(choose: random.Random) -> dict[str, list[str]]:
    return {
        choose.choice(NAMES): choose.sample(["nid", "nr_reclaimed", "retval"], choose.randrange(4))
        for _ in range(choose.randrange(4))
    }


def _clock_changes(choose: random.Random) -> list[list[Any]]:
    kinds = ("suspended", "set", "", "stepped")
    return [[time_of(choose), choose.choice(kinds), time_of(choose)] for _ in range(choose.randrange(3))]


SAID: dict[str, Callable[[random.Random], Any]] = {
    "plan": lambda choose: [_plan_row(choose) for _ in range(choose.randrange(7))],
    "balloon": lambda choose: {"driver": choose.choice(DRIVERS)},
    "cpus": lambda choose: choose.choice([0, 1, 64, 65536]),
    "page_size_bytes": lambda choose: choose.choice([512, 4096, 65536, 1 << 30]),
    "start_ns": lambda choose: time_of(choose) * choose.choice([1, -1]),
    "start_utc_ns": time_of,
    "memory_total_bytes": lambda choose: choose.choice([0, 1, 1 << 62]),
    "imported_from": lambda choose: choose.choice([None, *TEXTS]),
    "sample_interval_s": lambda choose: choose.choice([0, 0.25, 1e9]),
    "lru_gen_enabled": lambda choose: choose.choice([None, 0, 7]),
    "absent_fields": _absent,
    "host": lambda choose: choose.choice(TEXTS),
    "kernel_release": lambda choose: choose.choice(TEXTS),
    "command": lambda choose: choose.choices(TEXTS, k=choose.randrange(4)),
}


@dataclass(frozen=True)
class Content:
    """What a recording holds."""

    metadata: dict[str, Any]
    symbols: dict[int, str]
    records: Records
    samples: tuple[Samples, ...] = ()
    lost: tuple[LostStretch, ...] = ()
    cgroups: dict[int, str] = field(default_factory=dict)

    def file(self, choose: random.Random) -> bytes:
        """The recording: events in blocks of any size, readings and losses among them."""
        file = FileOfBlocks(json.dumps({"metadata": self.metadata, "kinds": kind_table()}).encode())
        file.add(BlockType.SYMBOLS, len(self.symbols), pack_names(self.symbols))
        if self.cgroups:
            file.add(BlockType.CGROUPS, len(self.cgroups), pack_names(self.cgroups))
        blocks: list[Callable[[], None]] = [lambda part=part: _add_events(file, part) for part in self._parts(choose)]
        for samples in self.samples:
            blocks.insert(
                choose.randint(0, len(blocks)),
                lambda samples=samples: file.add(BlockType.SAMPLES, len(samples), encode_samples(samples)),
            )
        if self.lost:
            blocks.insert(
                choose.randint(0, len(blocks)),
                lambda: file.add(BlockType.LOST, len(self.lost), pack_lost([*self.lost])),
            )
        for add in blocks:
            add()
        for _ in range(choose.choice([0, 0, 1, 2])):
            file.add(BlockType.NOTE, 1, json.dumps(_note(choose)).encode())
        return file.close()

    def _parts(self, choose: random.Random) -> list[Records]:
        cuts = sorted(choose.randint(0, len(self.records)) for _ in range(choose.randrange(4)))
        return [part for part in np.split(self.records, cuts) if len(part)]


def _add_events(file: FileOfBlocks, records: Records) -> None:
    file.add(BlockType.EVENTS, len(records), bytes(EventEncoder(len(records)).encode(np.ascontiguousarray(records))))


def _note(choose: random.Random) -> dict[str, Any]:
    key = choose.choice(NOTES)
    likely = {
        "end_ns": time_of,
        "clock_changes": _clock_changes,
        "part": lambda choose: choose.randrange(3),
        "dropped_events": lambda choose: {choose.choice(NAMES): choose.getrandbits(53)},
        "dropped_samples": lambda choose: choose.getrandbits(53),
        "program_cost": lambda choose: {choose.choice(TEXTS): {"runs": choose.getrandbits(40), "run_time_ns": 1}},
    }.get(key, _json_value)
    return {"key": key, "value": choose.choice([likely, _json_value])(choose)}


def _said(choose: random.Random, metadata: dict[str, Any]) -> dict[str, Any]:
    said = metadata | {name: SAID[name](choose) for name in choose.sample([*SAID], choose.choice([0, 0, 1, 3]))}
    if choose.random() < 0.1:
        said[choose.choice([*SHAPE.shapes])] = _json_value(choose)
    return said


def invented(choose: random.Random) -> Content:
    """Few events of few kinds, threads and times, with arguments small, extreme or random."""
    records = np.concatenate([_invented_records(choose) for _ in range(choose.choice([1, 1, 2, 4]))])
    samples = tuple(_invented_samples(choose) for _ in range(choose.randrange(3)))
    symbols = {number_of(choose): choose.choice(TEXTS) for _ in range(choose.randrange(3))}
    return Content(_said(choose, METADATA.to_json()), symbols, records, samples, _lost(choose))


def _lost(choose: random.Random) -> tuple[LostStretch, ...]:
    stretches = []
    for _ in range(choose.choice([0, 0, 1, 3])):
        start, end = sorted((time_of(choose), time_of(choose)))
        counts = {choose.choice([*NAMES, *TEXTS, "unknown"]): choose.choice([0, 1, 1 << 53])}
        stretches.append(LostStretch(start, end, counts))
    return tuple(stretches)


def _invented_records(choose: random.Random) -> Records:
    count, numbers = choose.randint(1, 40), np.random.default_rng(choose.getrandbits(64))
    records = np.zeros(count, EVENT_DTYPE)
    records["kind"] = numbers.choice(choose.choices(KIND_NUMBERS, k=choose.randint(1, 5)), count)
    start, step = time_of(choose), choose.choice([0, 1, 1000, 10**6, 10**9, 10**13])
    records["time_ns"] = np.minimum(start + np.arange(count, dtype=np.uint64) * np.uint64(step), MOST_NS)
    records["tid"] = numbers.integers(0, choose.choice([1, 2, 5]), count)
    records["tgid"], records["cpu"] = records["tid"], numbers.integers(0, 3, count)
    records["comm"] = choose.choice([b"kswapd0", b"java", b"</script>", MARKUP.encode(), b"\xff\xfe", b"\x1b[2J"])
    style = choose.choice(["zero", "small", "small", "large", "edges", "random"])
    octets = {
        "zero": np.zeros(count * 64, np.uint8),
        "small": numbers.integers(0, 9, count * 8, dtype=np.uint64).view(np.uint8),
        "large": numbers.integers(0, 1 << 36, count * 8, dtype=np.uint64).view(np.uint8),
        "edges": numbers.choice(np.array(EDGES, np.uint64), count * 8).view(np.uint8),
        "random": numbers.integers(0, 256, count * 64, np.uint8),
    }[style]
    records["args"] = octets.view(records["args"].dtype)
    return records


def _invented_samples(choose: random.Random) -> Samples:
    count = choose.randint(1, 6)
    names = tuple({choose.choice([*COUNTERS, *COUNTERS, *TEXTS]): None for _ in range(choose.randint(1, 5))})
    values = [[choose.choice([choose.randint(-3, 5000), choose.choice(CELLS)]) for _ in names] for _ in range(count)]
    times = [time_of(choose) for _ in range(count)]
    if choose.random() < 0.7:
        times.sort()
    return Samples(np.array(times, np.int64), names, np.array(values, np.int64))


@cache
def _real(path: Path) -> Content:
    recording = Recording.open(path)
    items = [*recording.items()]
    batch = Batch.concat(item for item in items if isinstance(item, Batch))
    samples = tuple(item for item in items if isinstance(item, Samples))
    lost = tuple(item for item in items if isinstance(item, LostStretch))
    return Content(recording.metadata.to_json(), {**recording.symbols}, records_of(batch), samples, lost)


def lifelike(choose: random.Random) -> Content:
    """A window of a real recording after some changes."""
    real = _real(choose.choice(RECORDINGS))
    count = choose.choice([30, 300, 1500])
    start = choose.randint(0, max(0, len(real.records) - count))
    records = real.records[start : start + count].copy()
    for _ in range(choose.choice([1, 2, 4])):
        records = choose.choice(CHANGES)(choose, records)
    samples = tuple(
        _changed_samples(choose, part) if choose.random() < 0.5 else part
        for part in choose.sample(real.samples, min(len(real.samples), 3))
    )
    lost = real.lost if choose.random() < 0.8 else _lost(choose)
    symbols = real.symbols if choose.random() < 0.8 else {key: choose.choice(TEXTS) for key in real.symbols}
    return Content(_said(choose, real.metadata), symbols, records, samples, lost)


def _some(choose: random.Random, records: Records) -> np.ndarray[Any, np.dtype[np.int64]]:
    numbers = np.random.default_rng(choose.getrandbits(64))
    return np.flatnonzero(numbers.random(len(records)) < choose.choice([0.01, 0.1, 0.5]))


def _dropped(choose: random.Random, records: Records) -> Records:
    kept = np.delete(records, _some(choose, records))
    return kept if len(kept) else records


def _doubled(choose: random.Random, records: Records) -> Records:
    rows = _some(choose, records)
    return np.insert(records, rows, records[rows])


def _of_other_kinds(choose: random.Random, records: Records) -> Records:
    rows = _some(choose, records)
    records["kind"][rows] = np.random.default_rng(choose.getrandbits(64)).choice(KIND_NUMBERS, len(rows))
    return records


def _of_other_threads(choose: random.Random, records: Records) -> Records:
    rows = _some(choose, records)
    field = choose.choice(["tid", "tgid", "cpu"])
    records[field][rows] = choose.choice([0, 1, int(records[field][0]), np.iinfo(records.dtype[field]).max])
    return records


def _renamed(choose: random.Random, records: Records) -> Records:
    names = [MARKUP.encode(), b"\xff" * 15, b"</script>", b"kswapd0", b"kworker/0:1", b"", b"\x1b[2J\n"]
    records["comm"][_some(choose, records)] = choose.choice(names)
    return records


def _with_other_numbers(choose: random.Random, records: Records) -> Records:
    rows = _some(choose, records)
    words = records.view(np.uint64).reshape(len(records), -1)
    columns = [choose.randrange(5, words.shape[1])] if choose.random() < 0.7 else [*range(5, words.shape[1])]
    words[np.ix_(rows, columns)] = np.uint64(number_of(choose))
    return records


def _at_other_times(choose: random.Random, records: Records) -> Records:
    times = records["time_ns"].astype(np.int64)
    how = choose.randrange(4)
    if how == 0:
        times[_some(choose, records)] = time_of(choose)
    elif how == 1:
        times = times[0] + (times - times[0]) * choose.choice([0, 10, 1000, 100_000])
    elif how == 2:
        times += np.random.default_rng(choose.getrandbits(64)).integers(-(10**8), 10**8, len(times))
    else:
        times = times[::-1].copy()
    records["time_ns"] = np.clip(times, 0, MOST_NS)
    return records


CHANGES: tuple[Callable[[random.Random, Records], Records], ...] = (
    *(_dropped, _doubled, _of_other_kinds, _of_other_threads, _renamed),
    *(_with_other_numbers, _with_other_numbers, _at_other_times),
)


def _changed_samples(choose: random.Random, samples: Samples) -> Samples:
    values, times = samples.values.copy(), samples.time_ns.copy()
    for _ in range(choose.choice([1, 3, 30])):
        row, column = choose.randrange(values.shape[0]), choose.randrange(values.shape[1])
        rows = choose.choice([slice(row, row + 1), slice(row, None)])
        values[rows, column] = choose.choice([choose.randint(-3, 5000), choose.choice(CELLS)])
    if choose.random() < 0.2:
        times[choose.randrange(len(times))] = time_of(choose)
    return replace(samples, time_ns=times, values=values)


def _in_cgroups(choose: random.Random, content: Content) -> Content:
    """The same, half of the time with tasks in cgroups of any path."""
    if choose.random() < 0.5:
        return content
    ids = [0, 1, 4711, (1 << 32) - 1]
    records = content.records.copy()
    for cgroup_id in ids:
        records["cgroup_id"][_some(choose, records)] = cgroup_id
    said = {"cgroup_hierarchy": choose.choice(["memory", "unified", *TEXTS])}
    pod = f"/kubepods/pod{'0' * 32}/{'f' * 64}"
    paths = {number: choose.choice(["/", pod, f"/{choose.choice(TEXTS)}.service", *TEXTS]) for number in ids[1:]}
    return replace(content, metadata=content.metadata | said, records=records, cgroups=paths)


def case_of(number: int) -> bytes:
    """The recording with that number."""
    choose = random.Random(f"views {number}")
    content = choose.choice([invented, lifelike])(choose)
    return _in_cgroups(random.Random(f"cgroups {number}"), content).file(choose)
