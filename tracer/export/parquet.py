"""Parquet files."""

from __future__ import annotations

from typing import Any, BinaryIO, Final

from ..tables.library import library
from .source import Folder, Source
from .table_files import TablesWriter

SUFFIX = ".parquet"
_ALL_DIFFER: Final = frozenset({"time_s", "time_ns", "id", "begin_s", "end_s", "duration_ns"})
"""Columns of which a dictionary would be as long as they are."""


class _ParquetFile:
    def __init__(self, file: BinaryIO, schema: Any) -> None:  # noqa: ANN401
        few = [each.name for each in schema if each.name not in _ALL_DIFFER]
        self._writer = library("pyarrow.parquet").ParquetWriter(file, schema, compression="zstd", use_dictionary=few)

    def write(self, batches: list[Any]) -> None:
        self._writer.write_table(library("pyarrow").Table.from_batches(batches))

    def close(self) -> None:
        self._writer.close()


class ParquetWriter(TablesWriter):
    """A Parquet file a table: dictionaries where they pay, zstd."""

    def __init__(self, source: Source, folder: Folder) -> None:
        super().__init__(source, folder, SUFFIX, _ParquetFile)
