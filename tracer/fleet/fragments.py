"""Fragments: the tables of one recording as Parquet files, one a table, under a key that its bytes make.

`KEY.TABLE.parquet` in a folder of the key's first two digits. Tables without rows have no file. That of `recordings`
is written last: who finds it finds all.
"""

from __future__ import annotations

import io
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final

from ..tables.library import library
from .places import Place
from .tables import KEPT, RECORDINGS

if TYPE_CHECKING:
    import pyarrow as pa

SUFFIX: Final = ".parquet"
_LAST: Final = f".{RECORDINGS.name}{SUFFIX}"
_COMPRESSED_BYTES: Final = 1 << 16
"""Of rows, from which on they are compressed."""


def name_of(key: str, table: str) -> str:
    """A fragment's file of a table, below the fragments' folder."""
    return f"{key[9:11]}/{key}.{table}{SUFFIX}"


class Fragments:
    """Those of one version and one set of options, in a `folder` of a place."""

    def __init__(self, place: Place, folder: str) -> None:
        self._place, self.folder = place, folder

    def holds(self, key: str) -> bool:
        """Whether a fragment is there, whole."""
        return self._place.holds(f"{self.folder}/{name_of(key, RECORDINGS.name)}")

    def keys(self) -> set[str]:
        """Of all that are there, whole."""
        names = (name.rpartition("/")[2] for name in self._place.names(self.folder))
        return {name.removesuffix(_LAST) for name in names if name.endswith(_LAST)}

    def write(self, key: str, tables: Mapping[str, pa.RecordBatch]) -> int:
        """All tables of a recording; their size in bytes. Raises TracerError."""
        written = 0
        for table in KEPT:
            batch = tables.get(table.name)
            if batch is not None and batch.num_rows:
                data = parquet_bytes(batch)
                self._place.write(f"{self.folder}/{name_of(key, table.name)}", data)
                written += len(data)
        return written

    def read(self, key: str, table: str, columns: Sequence[str] | None = None) -> pa.Table | None:
        """A table of a recording, or some of its columns; None where it has no rows. Raises OSError."""
        name = f"{self.folder}/{name_of(key, table)}"
        try:
            data = self._place.read(name)
        except FileNotFoundError:
            return None
        # Not read_table(): it makes a dataset of the one file, which takes ten times as long. Threads cost more than
        # they bring for so few rows.
        file = library("pyarrow.parquet").ParquetFile(library("pyarrow").BufferReader(data))
        read: Any = file.read(columns, use_threads=False)
        return read

    def batches(self, keys: Iterable[str], table: str) -> Iterator[pa.Table]:
        """A table of each recording that has rows of it, in the order of `keys`. Raises OSError."""
        for key in keys:
            rows = self.read(key, table)
            if rows is not None:
                yield rows


def parquet_bytes(batch: pa.RecordBatch) -> bytes:
    """A batch as a Parquet file: the same bytes for the same rows.

    Without units, docs, statistics, dictionaries and, where it is small, compression: they take more room and time than
    a few rows.
    """
    written = io.BytesIO()
    arrow = library("pyarrow")
    schema = arrow.schema([column.remove_metadata() for column in batch.schema])
    table = arrow.Table.from_arrays(batch.columns, schema=schema)
    compression = "none" if table.nbytes < _COMPRESSED_BYTES else "zstd"
    library("pyarrow.parquet").write_table(
        table, written, compression=compression, use_dictionary=False, write_statistics=False
    )
    return written.getvalue()
