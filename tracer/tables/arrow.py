"""Tables as Arrow: schemas with units and meanings in their fields' metadata, and rows as record batches."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from functools import cache, lru_cache
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from ..analyze.terms import Tier
from .registry import RECORDING_ID, VERSION
from .table import Column, Table

TIER_LABELS: Final = tuple(tier.label for tier in Tier)
_TIER_TYPE: Final = pa.dictionary(pa.int8(), pa.string(), ordered=True)
_TYPES: Final[Mapping[str, pa.DataType]] = {
    "int64": pa.int64(),
    "Int64": pa.int64(),
    "UInt64": pa.uint64(),
    "float64": pa.float64(),
    "Float64": pa.float64(),
    "bool": pa.bool_(),
    "string": pa.string(),
    "category": _TIER_TYPE,
    "numbers": pa.map_(pa.string(), pa.float64()),
    "ids": pa.list_(pa.field("element", pa.int64())),
    "words": pa.list_(pa.field("element", pa.string())),
}
_NUMPY: Final[Mapping[str, npt.DTypeLike]] = {
    "int64": np.int64,
    "Int64": np.int64,
    "UInt64": np.uint64,
    "float64": np.float64,
    "Float64": np.float64,
}
_ID_DOC: Final = "the same for all copies of one recording"
_MOST_SCHEMAS: Final = 128
"""Kept: all tables of a few recordings."""
PREFIX: Final = "reclaim-tracer."
"""Of keys in a schema's metadata."""


@lru_cache(_MOST_SCHEMAS)
def schema_of(table: Table, recording_id: str) -> pa.Schema:
    """A table's schema: `recording_id`, then its columns. Fields' metadata has `unit` and `doc`, the schema's what it
    is a table of and the VERSION of all tables."""
    told = {"table": table.name, "doc": table.doc, "version": str(VERSION), RECORDING_ID: recording_id}
    return pa.schema(fields_of(table), {f"{PREFIX}{key}": value for key, value in told.items()})


def batch_of(table: Table, rows: Sequence[Mapping[str, Any]], recording_id: str) -> pa.RecordBatch:
    """Rows with at least the table's columns as keys; None, and NaN, is null."""
    columns = [array([row[column.name] for row in rows], column) for column in table.columns]
    return batch_from(table, columns, len(rows), recording_id)


def batch_from(table: Table, columns: Iterable[pa.Array[Any]], count: int, recording_id: str) -> pa.RecordBatch:
    """Columns as the table has them, behind the recording's id."""
    ids = pa.repeat(recording_id, count)
    return pa.RecordBatch.from_arrays([ids, *columns], schema=schema_of(table, recording_id))


def array(values: list[Any], column: Column) -> pa.Array[Any]:
    """One column of plain values; None, and NaN, is null."""
    if column.dtype == "category":
        codes = [None if value is None else TIER_LABELS.index(value) for value in values]
        return tiers(pa.array(codes, pa.int8()))
    if column.dtype == "numbers":
        values = [None if value is None else list(value.items()) for value in values]
    if column.dtype in {"float64", "Float64"}:
        values = [None if value is None or math.isnan(value) else value for value in values]
    return pa.array(values, _TYPES[column.dtype])


def tiers(codes: pa.Array[Any]) -> pa.Array[Any]:
    """Places in Tier as an ordered dictionary."""
    return pa.DictionaryArray.from_arrays(codes, pa.array(TIER_LABELS), ordered=True)


def numbers(values: npt.NDArray[Any], dtype: str, missing: npt.NDArray[np.bool_] | None = None) -> pa.Array[Any]:
    """A column of numbers; null where `missing`."""
    # numpy converts, if need be: Arrow then takes the values as they lie, and its own casts cost more than both.
    whole = pa.py_buffer(np.ascontiguousarray(values, _NUMPY[dtype]))
    return pa.Array.from_buffers(_TYPES[dtype], len(values), [_validity(missing), whole])


def _validity(missing: npt.NDArray[np.bool_] | None) -> pa.Buffer | None:
    """A bit for each value that is there; None where all are."""
    if missing is None or not missing.any():
        return None
    return pa.py_buffer(np.packbits(~missing, bitorder="little"))


def texts(column: npt.NDArray[np.bytes_]) -> pa.Array[Any]:
    """The kernel's strings of a fixed length; bytes that are no UTF-8 become U+FFFD, nothing else is changed."""
    raw = np.ascontiguousarray(column)
    cells = pa.Array.from_buffers(
        pa.binary(raw.dtype.itemsize), len(raw), [None, pa.py_buffer(raw.view(np.uint8).data)]
    )
    coded = cells.dictionary_encode()
    cells_present: list[Any] = coded.dictionary.to_pylist()
    words = [cell.rstrip(b"\0").decode("utf-8", "replace") for cell in cells_present]
    return pa.array(words, pa.string()).take(coded.indices)


def named(values: npt.NDArray[np.unsignedinteger[Any]], names: Mapping[int, str]) -> pa.Array[Any]:
    """The name of each number; null for those without one."""
    coded = pa.array(np.ascontiguousarray(values)).dictionary_encode()
    present: list[Any] = coded.dictionary.to_pylist()
    words = [names.get(number) for number in present]
    return pa.array(words, pa.string()).take(coded.indices)


def words_of(words: Sequence[str], codes: npt.NDArray[np.integer[Any]]) -> pa.Array[Any]:
    """Each row one of a few texts."""
    return pa.array(words, pa.string()).take(pa.array(codes))


@cache
def fields_of(table: Table) -> tuple[pa.Field[Any], ...]:
    """The fields of a table's schema, `recording_id` first."""
    first = pa.field(RECORDING_ID, pa.string(), metadata={"doc": _ID_DOC})
    return (first, *(pa.field(each.name, _TYPES[each.dtype], metadata=_told(each)) for each in table.columns))


def _told(column: Column) -> dict[str, str]:
    told = {"unit": column.measured_in, "doc": column.doc}
    return {key: value for key, value in told.items() if value}
