"""CSV files: UTF-8, a line with the columns' names first."""

from __future__ import annotations

import csv
import io
from typing import Any, BinaryIO

from ..csv_cells import cell
from .source import Folder, Source
from .table_files import TablesWriter

SUFFIX = ".csv"


class _CsvFile:
    def __init__(self, file: BinaryIO, schema: Any) -> None:  # noqa: ANN401
        self._file = file
        self._maps = {each.name for each in schema if str(each.type).startswith("map<")}
        self._put([schema.names])

    def write(self, batches: list[Any]) -> None:
        for batch in batches:
            columns = [self._cells(name, batch.column(name)) for name in batch.schema.names]
            self._put(zip(*columns, strict=True))

    def close(self) -> None:
        self._file.flush()

    def _cells(self, name: str, column: Any) -> list[str]:  # noqa: ANN401
        values = column.to_pylist()
        return [cell(dict(value) if name in self._maps else value) for value in values]

    def _put(self, rows: Any) -> None:  # noqa: ANN401
        text = io.StringIO(newline="")
        csv.writer(text, lineterminator="\n").writerows(rows)
        self._file.write(text.getvalue().encode())


class CsvWriter(TablesWriter):
    """A CSV file a table."""

    def __init__(self, source: Source, folder: Folder) -> None:
        super().__init__(source, folder, SUFFIX, _CsvFile)
