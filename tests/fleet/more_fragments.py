"""A fleet of `many_fragments` many times over: `python -m tests.fleet.more_fragments FROM TO --times 10`.

Guests, recordings and their ids are others in each copy. A copy's fragments are further names (hard links) of the files
in FROM, so their content tells the first one's ids; a run with nothing new does not open them. `tables/` are made from
FROM's, where a run, or `many_fragments --joined`, left them, with each copy's own ids.
"""

from __future__ import annotations

import argparse
import json
import os
from pathlib import Path
from typing import Final

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from tests.fleet.many_fragments import SETTLED_S
from tracer.analyze import Options
from tracer.fleet.fragments import SUFFIX, Fragments
from tracer.fleet.identity import stamps_of
from tracer.fleet.joined import marked, path_of
from tracer.fleet.places import place
from tracer.fleet.tables import KEPT, RECORDINGS, fragments_name
from tracer.jobs.fleet.running import TABLES

_RENAMED: Final = {"recording_id": 0, "key": 9, "boot_id": 0, "host": 6}
"""Where in a text the letter of its copy stands."""


def letter(copy: int) -> str:
    """What tells a copy: no hexadecimal digit."""
    return chr(ord("g") + copy)


def _renamed(rows: pa.Table, copy: int) -> pa.Table:
    for name, at in _RENAMED.items():
        column = rows.schema.get_field_index(name)
        if column >= 0:
            words = pc.binary_replace_slice(rows.column(column).cast(pa.binary()), at, at + 1, letter(copy).encode())
            rows = rows.set_column(column, rows.schema.field(column), words.cast(pa.string()))
    return rows


def write_tables(source: Path, output: Path, times: int) -> list[str]:
    """Tables of all copies, one after the other; the keys of all recordings in this order."""
    known = pq.read_table(path_of(source, RECORDINGS), columns=["key"]).column("key").to_pylist()
    keys = [f"{key[:9]}{letter(copy)}{key[10:]}" for copy in range(times) for key in known]
    fragments = Fragments(place(str(output.parent)), fragments_name(Options()))
    for table in KEPT:
        rows = pq.read_table(path_of(source, table))
        schema = marked(rows.schema, fragments, keys)
        with pq.ParquetWriter(path_of(output, table), schema, compression="zstd") as writer:
            for copy in range(times):
                writer.write_table(_renamed(rows, copy).replace_schema_metadata(schema.metadata))
    return keys


def write_names(source: Path, output: Path, times: int) -> None:
    """Names of fragments, in one folder for each copy and digit."""
    name = fragments_name(Options())
    for at, folders, files in os.walk(source / name):
        for copy in range(times) if not folders else ():
            below = output / name / f"{letter(copy)}{Path(at).name[1]}"
            below.mkdir(parents=True, exist_ok=True)
            for file in files:
                if file.endswith(SUFFIX):
                    os.link(f"{at}/{file}", f"{below}/{file[:9]}{letter(copy)}{file[10:]}")


def write_recordings(source: Path, folder: Path, times: int, keys: list[str]) -> None:
    """Empty recordings with what was seen of them."""
    seen, waiting = {}, iter(keys)
    guests = sorted((source / "recordings").iterdir())
    for copy in range(times):
        for guest in guests:
            own = folder / "recordings" / letter(copy) / guest.name
            own.mkdir(parents=True)
            for hour in sorted(each.name for each in guest.iterdir()):
                path = own / hour
                path.touch()
                os.utime(path, (SETTLED_S, SETTLED_S))
                seen[str(path)] = [[list(stamp) for stamp in stamps_of([path])], next(waiting)]
    (folder / "out" / fragments_name(Options()) / "seen.json").write_text(json.dumps(seen))


def main() -> None:
    """Make them."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("source", type=Path)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--times", type=int, default=10, choices=range(1, 17))
    asked = parser.parse_args()
    output = asked.folder / "out" / TABLES
    output.mkdir(parents=True)
    keys = write_tables(asked.source / "out" / TABLES, output, asked.times)
    write_names(asked.source / "out", asked.folder / "out", asked.times)
    write_recordings(asked.source, asked.folder, asked.times, keys)
    print(f"{len(keys):,} recordings")


if __name__ == "__main__":
    main()
