"""Parquet files."""

from __future__ import annotations

from typing import Any, BinaryIO, Final

from ..tables.library import library
from .source import Folder, Source
from .table_files import TablesWriter

SUFFIX = ".parquet"
_ALL_DIFFER: Final = frozenset({"time_s", "begin_s", "end_s"})
"""Columns of which a dictionary would be as long as they are."""
_INTEGERS: Final = ("int64", "uint64")
_NEAR: Final = frozenset({"time_ns", "id", "parent", "duration_ns", "retval"})
"""Integers of which the same holds, but the steps from row to row are small; so it is of every count of objects."""


class _ParquetFile:
    def __init__(self, file: BinaryIO, schema: Any) -> None:  # noqa: ANN401
        near = {each.name for each in schema if _is_near(each)}
        few = [each.name for each in schema if each.name not in _ALL_DIFFER | near]
        self._writer = library("pyarrow.parquet").ParquetWriter(
            file,
            schema,
            compression="zstd",
            use_dictionary=few,
            column_encoding=dict.fromkeys(near, "DELTA_BINARY_PACKED"),
        )

    def write(self, batches: list[Any]) -> None:
        self._writer.write_table(library("pyarrow").Table.from_batches(batches))

    def close(self) -> None:
        self._writer.close()


def _is_near(field: Any) -> bool:  # noqa: ANN401 - a schema's field
    told = field.metadata or {}
    of_objects = told.get(b"unit") == b"objects"
    return str(field.type) in _INTEGERS and (field.name in _NEAR or of_objects)


class ParquetWriter(TablesWriter):
    """A Parquet file a table: dictionaries where they pay, zstd."""

    def __init__(self, source: Source, folder: Folder) -> None:
        super().__init__(source, folder, SUFFIX, _ParquetFile)
