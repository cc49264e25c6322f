"""Many fragments for measurements: those of a few real traces, copied with other guests, hours and ids, which say so.

`python -m tests.fleet.many_fragments FOLDER --guests 5000 --hours 24` makes `FOLDER/out` as a run would have left it
(fragments, `seen.json`) and `FOLDER/recordings`, where each recording is an empty file of its own: enough for a run
with nothing new, which looks at names, sizes and times alone. With `--joined` also `FOLDER/out/tables`, by the tool's
own joining, from rows in memory. Copies differ from their trace in the recording's id, guest, boot id, policy and
start. They measure what a fleet costs, and nothing of any guest.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import shutil
import tempfile
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

import pyarrow as pa
import pyarrow.parquet as pq

from tests.fleet_recordings import POLICIES, Read, read_sources
from tracer.analyze import Options
from tracer.fleet.fragments import Fragments, name_of, parquet_bytes
from tracer.fleet.identity import stamps_of
from tracer.fleet.joined import write_joined
from tracer.fleet.places import place
from tracer.fleet.tables import KEPT, RECORDINGS, fragments_name
from tracer.jobs.fleet.running import TABLES
from tracer.jobs.fleet.work import rows
from tracer.store import Writer

SOURCES: Final = ("memcg-kill", "drop-slab", "guest-no-deflate", "run-stock-oom")
_START_UTC_NS: Final = 1_790_000_000_000_000_000
_HOUR_NS: Final = 3_600_000_000_000
SETTLED_S: Final = 1_000_000_000
_MADE: Final = "copied-fragment"


@dataclass(frozen=True)
class Copied:
    """What tells a copy from others: all texts of one length, so that they can be put in each other's place."""

    key: str
    recording_id: str
    host: str
    boot_id: str
    policy: str
    start_utc_ns: int

    @classmethod
    def of(cls, guest: int, hour: int) -> Copied:
        """Of a guest's hour."""
        chance = random.Random(f"{guest} {hour}")
        return cls(
            f"{chance.getrandbits(32):08x}-{chance.getrandbits(96):024x}",
            f"{chance.getrandbits(64):016x}",
            f"guest-{guest:06d}",
            f"{guest:08x}-0000-4000-8000-{hour:012x}",
            f"policy-{guest % len(POLICIES)}",
            _START_UTC_NS + hour * _HOUR_NS,
        )

    def parts(self) -> tuple[bytes, ...]:
        """As they lie in a file."""
        words = (self.key, self.recording_id, self.host, self.boot_id, self.policy)
        return (*(word.encode() for word in words), self.start_utc_ns.to_bytes(8, "little"))


TEMPLATE: Final = Copied(
    f"{'f' * 8}-{'e' * 24}", "d" * 16, "guest-tttttt", f"{'c' * 8}-0000-4000-8000-{'b' * 12}", "policy-t", 1 << 62
)


def templates(folder: Path) -> list[dict[str, bytes]]:
    """The files of each trace's fragment by table, made by the tool's own analysis, with TEMPLATE's words."""
    return [_template(source, folder) for source in read_sources(folder, SOURCES)]


def _template(source: Read, folder: Path) -> dict[str, bytes]:
    path = folder / f"template-{source.name}.rtrace"
    told = replace(
        source.recording.metadata,
        host=TEMPLATE.host,
        boot_id=TEMPLATE.boot_id,
        start_utc_ns=TEMPLATE.start_utc_ns,
        labels={"made": _MADE, "source": source.name, "policy": TEMPLATE.policy},
    )
    writer = Writer(path, told)
    for item in source.items:
        write = getattr(writer, f"write_{_KIND.get(type(item).__name__, 'events')}")
        write(item)
    writer.close()
    tables = rows(path, Options(), TEMPLATE.key)
    (own_id,) = set(tables[RECORDINGS.name].column("recording_id").to_pylist())
    assert len(own_id) == len(TEMPLATE.recording_id)
    made = {name: parquet_bytes(batch) for name, batch in tables.items() if batch.num_rows}
    return {name: data.replace(own_id.encode(), TEMPLATE.recording_id.encode()) for name, data in made.items()}


_KIND: Final = {"Samples": "samples", "LostStretch": "lost"}


def write_copies(folder: Path, guests: int, hours: int, *, joined: bool) -> int:
    """So many fragments, and their recordings' names; their size in bytes."""
    with tempfile.TemporaryDirectory(dir=folder) as scratch:
        known = templates(Path(scratch))
    top = folder / "out" / fragments_name(Options())
    for first in range(256):
        (top / f"{first:02x}").mkdir(parents=True, exist_ok=True)
    chance, seen, written = random.Random(guests), {}, 0
    chosen: dict[str, tuple[int, Copied]] = {}
    for guest in range(guests):
        own = folder / "recordings" / f"guest-{guest:06d}"
        own.mkdir(parents=True)
        for hour in range(hours):
            copied = Copied.of(guest, hour)
            number = chance.randrange(len(known))
            chosen[copied.key] = number, copied
            written += _write(top, known[number], copied)
            path = own / f"{hour:02d}.rtrace"
            path.touch()
            os.utime(path, (SETTLED_S, SETTLED_S))
            seen[str(path)] = [[list(stamp) for stamp in stamps_of([path])], copied.key]
    (top / "seen.json").write_text(json.dumps(seen))
    if joined:
        (folder / "out" / TABLES).mkdir()
        for table in KEPT:
            write_joined(folder / "out" / TABLES, table, Copies(folder, known, chosen), [*chosen])
    return written


class Copies(Fragments):
    """The fragments of `write_copies` as they would be read, made in memory."""

    def __init__(self, folder: Path, known: list[dict[str, bytes]], chosen: dict[str, tuple[int, Copied]]) -> None:
        super().__init__(place(str(folder / "out")), fragments_name(Options()))
        read = pq.ParquetFile
        self._known = [{name: read(pa.BufferReader(data)).read() for name, data in each.items()} for each in known]
        self._chosen = chosen

    def batches(self, keys: Iterable[str], table: str) -> Iterator[pa.Table]:
        """Rows of each copy."""
        for key in keys:
            number, copied = self._chosen[key]
            rows = self._known[number].get(table)
            if rows is not None:
                yield _renamed(rows, copied)


def _renamed(rows: pa.Table, copied: Copied) -> pa.Table:
    for name in ("recording_id", "key", "host", "boot_id", "start_utc_ns"):
        at = rows.schema.get_field_index(name)
        if at >= 0:
            field = rows.schema.field(at)
            rows = rows.set_column(at, field, pa.repeat(pa.scalar(getattr(copied, name), field.type), len(rows)))
    at = rows.schema.get_field_index("labels")
    if at >= 0:
        labels = [each.replace(TEMPLATE.policy, copied.policy) for each in rows.column(at)[0].as_py()]
        rows = rows.set_column(at, rows.schema.field(at), pa.array([labels], rows.schema.field(at).type))
    return rows


def _write(top: Path, template: dict[str, bytes], copied: Copied) -> int:
    pairs = [*zip(TEMPLATE.parts(), copied.parts(), strict=True)]
    written = 0
    for table in KEPT:
        if table.name in template:
            data = template[table.name]
            for before, after in pairs:
                data = data.replace(before, after)
            (top / name_of(copied.key, table.name)).write_bytes(data)
            written += len(data)
    return written


def main() -> None:
    """Make them."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--guests", type=int, default=5000)
    parser.add_argument("--hours", type=int, default=24)
    parser.add_argument("--joined", action="store_true")
    asked = parser.parse_args()
    asked.folder.mkdir(parents=True)
    try:
        written = write_copies(asked.folder, asked.guests, asked.hours, joined=asked.joined)
    except BaseException:
        shutil.rmtree(asked.folder)
        raise
    print(f"{asked.guests * asked.hours:,} fragments, {written / 1e9:.2f} GB")


if __name__ == "__main__":
    main()
