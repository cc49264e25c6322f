"""A recording as a folder of tables: batches of rows as the recording is read, into files of a format."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final, Protocol

from ..analyze.model import Analysis
from ..analyze.stream.closed import leaving
from ..analyze.stream.stretch import Stretch
from ..batch import Batch, LostStretch, Samples
from ..recording_facts import RecordingFacts
from ..store.decoding import Item
from ..tables.library import library
from ..tables.origin import Origin, recording_id
from ..tables.registry import RESULT_TABLES, TABLES
from ..tables.results import result_rows
from ..tables.table import Table
from .source import Folder, Source

GROUP_ROWS: Final = 1 << 16
"""Rows of a table that are written at once."""
_MOST_HELD_BYTES: Final = 24 << 20
"""Rows of all tables that wait for others of theirs."""


class TableFile(Protocol):
    """One table's file in a format."""

    def write(self, batches: list[Any]) -> None:
        """Record batches of its schema."""

    def close(self) -> None:
        """Write what comes at its end."""


Opener = Callable[[Any, Any], TableFile]
"""Makes a TableFile of a file and a schema."""


class TablesWriter:
    """Holds batches of each table until there are enough of them for its file to be well compressed."""

    def __init__(self, source: Source, folder: Folder, suffix: str, opener: Opener) -> None:
        self._arrow = library("pyarrow")
        from ..tables import arrow, streamed

        # Freed pages go back to the system at once, so that the limit on memory is met by what is held.
        self._arrow.set_memory_pool(self._arrow.system_memory_pool())
        self._schema_of, self._batch_of, self._rows = arrow.schema_of, arrow.batch_of, streamed
        self._folder, self._suffix, self._opener = folder, suffix, opener
        of = source.part.recording
        self._origin = Origin(recording_id(of.metadata), source.metadata, source.symbols, source.cgroups)
        self._samples = streamed.samples_table(source.part.counters())
        self._files: dict[str, TableFile] = {}
        self._held: dict[str, list[Any]] = {}
        self._rows_held: dict[str, int] = {}
        self._held_bytes = 0

    def item(self, item: Item) -> None:
        """Events, readings and losses, as they were recorded."""
        if isinstance(item, Batch):
            for batch in self._rows.event_batches(item, self._origin):
                self._add(batch)
        elif isinstance(item, Samples):
            self._add(self._rows.sample_batch(item, self._samples, self._origin))
        elif isinstance(item, LostStretch):
            self._add(self._rows.lost_batch(item, self._origin))

    def stretch(self, stretch: Stretch) -> None:
        """The spans that end in it."""
        for spans in leaving(stretch):
            if len(spans):
                self._add(self._rows.span_batch(spans, self._origin))

    def finish(self, analysis: Analysis, facts: RecordingFacts) -> None:
        """What was found; every table that had no rows is a file without rows."""
        for table in RESULT_TABLES:
            rows = result_rows(table, analysis, facts)
            self._add(self._batch_of(table, rows, self._origin.recording_id))
        for name in [*self._held]:
            self._flush(name)
        for table in TABLES:
            self._file(self._samples if table.name == self._samples.name else table)
        for file in self._files.values():
            file.close()

    def _add(self, batch: Any) -> None:  # noqa: ANN401 - a record batch
        if not batch.num_rows:
            return
        name = self._name(batch.schema)
        self._held.setdefault(name, []).append(batch)
        rows = self._rows_held[name] = self._rows_held.get(name, 0) + batch.num_rows
        self._held_bytes += batch.nbytes
        if rows >= GROUP_ROWS:
            self._flush(name)
        elif self._held_bytes >= _MOST_HELD_BYTES:
            self._flush(max(self._rows_held, key=lambda each: self._rows_held[each]))

    def _flush(self, name: str) -> None:
        batches = self._held.pop(name)
        del self._rows_held[name]
        self._held_bytes -= sum(batch.nbytes for batch in batches)
        self._opened(name, batches[0].schema).write(batches)

    def _file(self, table: Table) -> None:
        self._opened(table.name, self._schema_of(table, self._origin.recording_id))

    def _opened(self, name: str, schema: Any) -> TableFile:  # noqa: ANN401 - a schema
        if name not in self._files:
            self._files[name] = self._opener(self._folder.create(f"{name}{self._suffix}"), schema)
        return self._files[name]

    @staticmethod
    def _name(schema: Any) -> str:  # noqa: ANN401 - a schema
        from ..tables.arrow import PREFIX

        told: bytes = schema.metadata[f"{PREFIX}table".encode()]
        return told.decode()
