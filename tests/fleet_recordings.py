"""A fleet of recordings for tests and measurements: real ones, cut, shifted in time and scaled, each of which says so.

What is made is no measurement of anything: every file has the labels `made=cut-shifted-scaled` and `source`, the trace
that it was made from. Guests differ in name, kernel, policy and date. Some files are damaged, each in another way.
"""

from __future__ import annotations

import os
import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path
from typing import Final

import numpy as np

from tests.event_records import records_of
from tests.golden.cases import all_cases
from tracer.batch import Batch, LostStretch, Samples
from tracer.store import Recording, Writer

SOURCES: Final = (
    *("run-stock", "run-shrinker", "run-stock-oom", "B-unreachable", "E-memcg", "F-kswapd-stream"),
    *("guest-host-reasserts", "guest-out-of-reach", "guest-no-deflate", "guest-lru-gen", "memcg-kill", "drop-slab"),
)
KERNELS: Final = ("5.10.0-33-amd64", "6.1.0-40-amd64", "6.12.48+deb13-amd64", "6.17.3-cloud")
POLICIES: Final = ("oom-only", "free-page-reporting", "static")
_DAY_NS: Final = 86_400_000_000_000
_START_UTC_NS: Final = 1_790_000_000_000_000_000
_SHORTEST_S: Final = 2.0

Part = np.ndarray | Samples | LostStretch
"""Records of events, readings, or a loss."""


@dataclass(frozen=True)
class Read:
    """A source, read once."""

    name: str
    recording: Recording
    items: list[Part]

    @property
    def start_ns(self) -> int:
        """Time zero."""
        return self.recording.metadata.start_ns

    @property
    def length_ns(self) -> int:
        """How long it is."""
        return max(self.recording.last_ns - self.start_ns, 1)


def read_sources(folder: Path, names: tuple[str, ...] = SOURCES) -> list[Read]:
    """The labelled traces of tests/golden."""
    cases = {case.name: case for case in all_cases()}
    found = []
    for name in names:
        recording = Recording.open(cases[name].recording(folder))
        items = [records_of(item) if isinstance(item, Batch) else item for item in recording.items()]
        found.append(Read(name, recording, items))
    return found


def write_fleet(folder: Path, sources: list[Read], count: int, damaged: int = 0, seed: int = 1) -> list[Path]:
    """So many recordings of half as many guests; the first of them damaged, each in another way."""
    chance = random.Random(seed)
    ways = list(islice(DAMAGES.items(), damaged))
    paths = []
    for number in range(count):
        path = folder / f"guest-{number % max(count // 2, 1):05d}-{number:05d}.rtrace"
        _write(path, sources[number % len(sources)], number, count, chance)
        if number < len(ways):
            ways[number][1](path)
        paths.append(path)
    return paths


def _write(path: Path, source: Read, number: int, count: int, chance: random.Random) -> None:
    guest = number % max(count // 2, 1)
    scale = chance.choice((0.5, 1.0, 1.5, 2.0))
    keep = min(1.0, max(chance.uniform(0.25, 1.0), _SHORTEST_S * 1e9 / source.length_ns))
    first_ns = source.start_ns + int(source.length_ns * chance.uniform(0.0, 1.0 - keep))
    last_ns = first_ns + int(source.length_ns * keep)
    start_ns = 10**12 + chance.randrange(_DAY_NS)
    told = source.recording.metadata
    metadata = replace(
        told,
        host=f"guest-{guest:05d}",
        boot_id=f"{guest:08x}-0000-4000-8000-{number:012x}",
        kernel_release=KERNELS[guest % len(KERNELS)],
        start_ns=start_ns,
        start_utc_ns=_START_UTC_NS + chance.randrange(_DAY_NS),
        labels={
            "made": "cut-shifted-scaled",
            "source": source.name,
            "policy": POLICIES[guest % len(POLICIES)],
        },
    )
    writer = Writer(path, metadata)
    writer.write_symbols(source.recording.symbols)
    writer.write_cgroups(source.recording.cgroups)
    for item in _cut(source.items, first_ns, last_ns):
        _moved(writer, item, lambda times: start_ns + ((times - first_ns) * scale).astype(np.int64))
    writer.close()


def _cut(items: list[Part], first_ns: int, last_ns: int) -> Iterator[Part]:
    for item in items:
        if isinstance(item, LostStretch):
            if first_ns <= item.start_ns and item.end_ns <= last_ns:
                yield item
            continue
        times = item.time_ns if isinstance(item, Samples) else item["time_ns"]
        inside = (times >= first_ns) & (times <= last_ns)
        if isinstance(item, Samples):
            yield replace(item, time_ns=item.time_ns[inside], values=item.values[inside])
        elif inside.any():
            yield item[inside]


def _moved(writer: Writer, item: Part, moved: Callable[[np.ndarray], np.ndarray]) -> None:
    if isinstance(item, Samples):
        writer.write_samples(replace(item, time_ns=moved(item.time_ns)))
    elif isinstance(item, LostStretch):
        start_ns, end_ns = (int(each) for each in moved(np.array([item.start_ns, item.end_ns])))
        writer.write_lost(replace(item, start_ns=start_ns, end_ns=end_ns))
    else:
        records = item.copy()
        records["time_ns"] = moved(records["time_ns"].astype(np.int64)).astype(np.uint64)
        writer.write_events(records)


def _cut_to(share: float) -> Callable[[Path], None]:
    def damage(path: Path) -> None:
        os.truncate(path, int(path.stat().st_size * share))

    return damage


def _cut_at(size: int) -> Callable[[Path], None]:
    return lambda path: os.truncate(path, size)


def _overwritten(share: float, data: bytes) -> Callable[[Path], None]:
    """`data` put over what is there; a share of 0 is the file's beginning."""

    def damage(path: Path) -> None:
        whole = bytearray(path.read_bytes())
        at = int(len(whole) * share)
        whole[at : at + len(data)] = data
        path.write_bytes(whole)

    return damage


def _appended(path: Path) -> None:
    with path.open("ab") as file:
        file.write(b"left behind by another program\n" * 40)


def _text(path: Path) -> None:
    path.write_text("# tracer: nop\n kswapd0-57 [000] ..... 1.0: mm_vmscan_kswapd_wake: nid=0 order=0\n")


def _folder(path: Path) -> None:
    path.unlink()
    path.mkdir()


def _nowhere(path: Path) -> None:
    path.unlink()
    path.symlink_to("gone.rtrace")


def _without_middle(path: Path) -> None:
    whole = path.read_bytes()
    third = len(whole) // 3
    path.write_bytes(whole[:third] + whole[2 * third :])


def _twice(path: Path) -> None:
    path.write_bytes(path.read_bytes() * 2)


def _crlf(path: Path) -> None:
    path.write_bytes(path.read_bytes().replace(b"\n", b"\r\n"))


DAMAGES: Final[dict[str, Callable[[Path], None]]] = {
    "empty": _cut_at(0),
    "cut inside the file's head": _cut_at(10),
    "cut inside the first block's header": _cut_at(40),
    "cut inside the description": _cut_at(300),
    "half of it": _cut_to(0.5),
    "without its last tenth": _cut_to(0.9),
    "without its last byte": lambda path: os.truncate(path, path.stat().st_size - 1),
    "another magic": _overwritten(0.0, b"\x89PNG"),
    "a transfer as text": _crlf,
    "a newer major version": lambda path: _at(path, 8, b"\x63\x00"),
    "another file id": lambda path: _at(path, 12, b"\xff\xff\xff\xff"),
    "a bit of the description": lambda path: _at(path, 120, b"\x00"),
    "zeros in the middle": _overwritten(0.5, bytes(4096)),
    "noise in the middle": _overwritten(0.4, bytes(range(256)) * 8),
    "zeros over its last quarter": _overwritten(0.75, bytes(1 << 20)),
    "something behind its end": _appended,
    "a text": _text,
    "a folder": _folder,
    "a link to nowhere": _nowhere,
    "without its middle third": _without_middle,
    "twice in one file": _twice,
}
"""What befalls files on disks and on their way."""


def _at(path: Path, offset: int, data: bytes) -> None:
    with path.open("r+b") as file:
        file.seek(offset)
        file.write(data)
