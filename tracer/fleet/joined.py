"""Tables over all recordings of a fleet: one Parquet file each, which says what it was joined from."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from ..outputs import NewFile
from ..tables.library import library
from ..tables.table import Table
from .fragments import SUFFIX, Fragments

if TYPE_CHECKING:
    import pyarrow as pa

_MARK: Final = b"reclaim-tracer.joined"
_ROWS: Final = 1 << 16
"""Written at once."""


def path_of(folder: Path, table: Table) -> Path:
    """A table's file in the folder of all."""
    return folder / f"{table.name}{SUFFIX}"


def mark_of(fragments: Fragments, keys: Sequence[str]) -> str:
    """What a table joined from these fragments, in this order, is marked with."""
    checksum = hashlib.blake2b("\n".join(keys).encode(), digest_size=16).hexdigest()
    return f"{fragments.folder} {checksum}"


def marked(schema: pa.Schema, fragments: Fragments, keys: Sequence[str]) -> pa.Schema:
    """A joined table's schema."""
    return schema.with_metadata({_MARK: mark_of(fragments, keys).encode()})


def mark_in(folder: Path, table: Table, fragments: str) -> str:
    """A table's mark; empty where it has none, can't be read, or is of other fragments than those of that folder."""
    try:
        schema = library("pyarrow.parquet").read_schema(path_of(folder, table))
    except (OSError, ValueError):
        return ""
    mark = (schema.metadata or {}).get(_MARK, b"").decode("utf-8", "replace")
    return mark if mark.startswith(f"{fragments} ") else ""


def write_joined(folder: Path, table: Table, fragments: Fragments, keys: Sequence[str]) -> bool:
    """Join a table's rows of all recordings, in the order of their keys, read and written one after the other; False
    where it is there as it would be written. Raises OSError, TracerError."""
    parquet: Any = library("pyarrow.parquet")
    from ..tables.arrow import schema_of

    mark = mark_of(fragments, keys)
    if mark_in(folder, table, fragments.folder) == mark:
        return False
    schema = marked(schema_of(table, ""), fragments, keys)
    with NewFile(path_of(folder, table), force=True, what="a table") as file:
        with (
            os.fdopen(os.dup(file.descriptor), "wb") as stream,
            parquet.ParquetWriter(stream, schema, compression="zstd") as writer,
        ):
            for rows in _groups(fragments, keys, table.name):
                writer.write_table(rows.cast(schema))
        file.publish()
    return True


def _groups(fragments: Fragments, keys: Sequence[str], table: str) -> Iterator[pa.Table]:
    """Fragments' rows, many at once."""
    arrow = library("pyarrow")
    held: list[pa.Table] = []
    count = 0
    for rows in fragments.batches(keys, table):
        held.append(rows.replace_schema_metadata(None))
        count += rows.num_rows
        if count >= _ROWS:
            yield arrow.concat_tables(held)
            held, count = [], 0
    if held:
        yield arrow.concat_tables(held)
