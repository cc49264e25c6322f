"""Arrow files: the IPC format with random access, also called Feather version 2."""

from __future__ import annotations

from typing import Any, BinaryIO

from ..tables.library import library
from .source import Folder, Source
from .table_files import TablesWriter

SUFFIX = ".arrow"


class _ArrowFile:
    def __init__(self, file: BinaryIO, schema: Any) -> None:  # noqa: ANN401
        ipc = library("pyarrow.ipc")
        self._writer = ipc.new_file(file, schema, options=ipc.IpcWriteOptions(compression="zstd"))

    def write(self, batches: list[Any]) -> None:
        table = library("pyarrow").Table.from_batches(batches)
        self._writer.write_table(table.combine_chunks())

    def close(self) -> None:
        self._writer.close()


class ArrowWriter(TablesWriter):
    """An Arrow file a table, its buffers compressed by zstd."""

    def __init__(self, source: Source, folder: Folder) -> None:
        super().__init__(source, folder, SUFFIX, _ArrowFile)
