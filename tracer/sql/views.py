"""The views that questions name: DuckDB scans each as an Arrow dataset, which reads what the scan wants."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Sequence
from typing import Any, Final

import pyarrow as pa
import pyarrow.dataset as ds

from ..schema import KIND_BY_NAME, KINDS
from ..tables.arrow import fields_of
from ..tables.recorded import EVENT_TABLES, EVENTS_BY_KIND, LOST, SAMPLES, SPANS
from ..tables.registry import RESULT_TABLES
from ..tables.streamed import samples_table
from ..tables.table import Table
from .limits import Limits
from .members import Member

Rows = Callable[[Member, Table, Collection[str], Limits], Iterator[pa.RecordBatch]]
"""A member's rows of a table: at least the columns that are wanted of at least the rows that the limits leave."""

TABLES: Final[dict[str, Table]] = {
    **{table.name: table for table in (*RESULT_TABLES, LOST, SPANS, SAMPLES, EVENTS_BY_KIND)},
    **{kind.name: EVENT_TABLES[kind.name] for kind in KINDS},
}
"""By the view's name: a kind's events under the kind's own."""


class Scans:
    """What goes wrong in a scan reaches the question as DuckDB's error: the cause is kept here."""

    def __init__(self) -> None:
        self.failure: BaseException | None = None

    def guarded(self, batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        """The same batches."""
        try:
            yield from batches
        except GeneratorExit:
            raise
        except BaseException as error:
            self.failure = self.failure or error
            raise


class View(ds.Dataset):  # type: ignore[misc]
    """One table of all members. DuckDB asks for some columns, and for the rows that pass a filter."""

    def __init__(self, name: str, members: Sequence[Member], limits: Limits, scans: Scans) -> None:
        self._table, self._rows = _table(name, members), _ROWS.get(name, _events_of)
        self._members, self._limits, self._scans = members, limits, scans
        self._schema = pa.schema(fields_of(self._table))

    @property
    def schema(self) -> pa.Schema:
        """`recording_id` and the table's columns."""
        return self._schema

    def scanner(self, columns: list[str] | None = None, filter: Any = None, **_: Any) -> Any:  # noqa: A002, ANN401
        """Arrow's scanner of these columns of the rows that pass."""
        wanted = [name for name in self._schema.names if columns is None or name in columns or name in str(filter)]
        wanted = wanted or self._schema.names[:1]
        part = pa.schema([self._schema.field(name) for name in wanted])
        batches = self._scans.guarded(self._batches(wanted))
        rows = (pa.RecordBatch.from_arrays([batch.column(name) for name in wanted], schema=part) for batch in batches)
        return ds.Scanner.from_batches(rows, schema=part, columns=columns, filter=filter, use_threads=False)

    def _batches(self, wanted: list[str]) -> Iterator[pa.RecordBatch]:
        for member in self._members:
            try:
                yield from self._rows(member, self._table, wanted, self._limits)
            finally:
                member.rest()


def _table(name: str, members: Sequence[Member]) -> Table:
    if name != SAMPLES.name:
        return TABLES[name]
    return samples_table(tuple(dict.fromkeys(counter for member in members for counter in member.counters)))


def _events_of(member: Member, table: Table, wanted: Collection[str], limits: Limits) -> Iterator[pa.RecordBatch]:
    return member.events_of(KIND_BY_NAME[table.name.rpartition("/")[2]], wanted, limits)


_ROWS: Final[dict[str, Rows]] = {
    **{table.name: lambda member, table, _wanted, _limits: member.results(table) for table in RESULT_TABLES},
    EVENTS_BY_KIND.name: lambda member, _, wanted, limits: member.events(wanted, limits),
    SAMPLES.name: lambda member, table, _, limits: member.samples(table, limits),
    LOST.name: lambda member, *_: member.losses(),
    SPANS.name: lambda member, *_: member.spans(),
}
