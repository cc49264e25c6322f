"""Fragments: the tables of one recording as Parquet files, one a table, under a key that its bytes make.

`KEY.TABLE.parquet` in a folder of the key's first two digits. Tables without rows have no file. That of `recordings`
is written last: who finds it finds all.
"""

from __future__ import annotations

import io
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any, Final

from ..tables.library import library
from .places import Place
from .tables import KEPT, RECORDINGS

if TYPE_CHECKING:
    import pyarrow as pa

SUFFIX: Final = ".parquet"
_LAST: Final = f".{RECORDINGS.name}{SUFFIX}"


def name_of(key: str, table: str) -> str:
    """A fragment's file of a table, below the fragments' folder."""
    return f"{key[9:11]}/{key}.{table}{SUFFIX}"


class Fragments:
    """Those of one version and one set of options, in a folder of a place."""

    def __init__(self, place: Place, folder: str) -> None:
        self._place, self._folder = place, folder

    def holds(self, key: str) -> bool:
        """Whether a fragment is there, whole."""
        return self._place.holds(f"{self._folder}/{name_of(key, RECORDINGS.name)}")

    def keys(self) -> set[str]:
        """Of all that are there, whole."""
        names = (name.rpartition("/")[2] for name in self._place.names(self._folder))
        return {name.removesuffix(_LAST) for name in names if name.endswith(_LAST)}

    def write(self, key: str, tables: Mapping[str, pa.RecordBatch]) -> int:
        """All tables of a recording; their size in bytes. Raises TracerError."""
        written = 0
        for table in KEPT:
            batch = tables.get(table.name)
            if batch is not None and batch.num_rows:
                data = parquet_bytes(batch)
                self._place.write(f"{self._folder}/{name_of(key, table.name)}", data)
                written += len(data)
        return written

    def read(self, key: str, table: str) -> pa.Table | None:
        """A table of a recording; None where it has no rows. Raises OSError."""
        name = f"{self._folder}/{name_of(key, table)}"
        try:
            data = self._place.read(name)
        except FileNotFoundError:
            return None
        # Not read_table(): it makes a dataset of the one file, which takes ten times as long. Threads cost more than
        # they bring for so few rows.
        file = library("pyarrow.parquet").ParquetFile(library("pyarrow").BufferReader(data))
        read: Any = file.read(use_threads=False)
        return read

    def batches(self, keys: list[str], table: str) -> Iterator[tuple[str, pa.Table]]:
        """A table of each recording that has rows of it, with the recording's key, in the order of `keys`."""
        for key in keys:
            rows = self.read(key, table)
            if rows is not None:
                yield key, rows


def parquet_bytes(batch: pa.RecordBatch) -> bytes:
    """A batch as a Parquet file: the same bytes for the same rows."""
    written = io.BytesIO()
    table = library("pyarrow").Table.from_batches([batch])
    library("pyarrow.parquet").write_table(table, written, compression="zstd")
    return written.getvalue()
