"""Batches of the tables that grow with a recording: events by kind, spans, readings, losses."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from functools import partial
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from ..analyze.stream.closed import NO_SPAN, NO_TIME, SPAN_STATES, ClosedSpans
from ..analyze.stream.lane import SPAN_KINDS
from ..batch import UNKNOWN_KIND, Batch, LostStretch, Samples
from ..schema import FUNCTION_FIELDS, KIND_BY_NAME, SAMPLE_NULL, Kind
from .arrow import batch_from, batch_of, named, numbers, texts, tiers, words_of
from .origin import Origin
from .recorded import EVENT_TABLES, LOST, SAMPLES, SPANS
from .table import Column, Table

_NO_TIER = -1


Cells = dict[str, Callable[[], "pa.Array[Any]"]]
"""A table's columns, each made when it is asked for."""


def event_batches(batch: Batch, origin: Origin) -> Iterator[pa.RecordBatch]:
    """Its events by kind, each kind's in the batch's order."""
    for name, rows in batch.rows.items():
        arrays = [make() for make in kind_cells(batch, KIND_BY_NAME[name], origin).values()]
        yield batch_from(EVENT_TABLES[name], arrays, len(rows), origin.recording_id)


def kind_cells(batch: Batch, kind: Kind, origin: Origin) -> Cells:
    """The events of a kind that the batch has, as `EVENT_TABLES`. Arguments that were left out can't be asked for."""
    rows = batch.rows[kind.name]
    header = {column: values[rows] for column, values in batch.header.items()}
    return _header(header, origin) | _arguments(kind, batch.args[kind.name], len(rows), origin)


def any_kind_cells(batch: Batch, origin: Origin) -> Cells:
    """All events of the batch, as `recorded.EVENTS_BY_KIND`."""
    names, codes = list(batch.rows), np.full(len(batch), -1, np.int32)
    for code, rows in enumerate(batch.rows.values()):
        codes[rows] = code
    kind = partial(_words_or_null, names, codes)
    return {"kind": kind, **_header(dict(batch.header), origin)}


def span_batch(spans: ClosedSpans, origin: Origin) -> pa.RecordBatch:
    """Spans in the order in which they leave the analysis: that of their ends."""
    begun, ended = spans.begin_ns != NO_TIME, spans.end_ns != NO_TIME
    tier = pa.array(np.maximum(spans.tier, 0).astype(np.int8), mask=spans.tier == _NO_TIER)
    arrays = [
        numbers(spans.id, "Int64", spans.id == NO_SPAN),
        numbers(spans.parent, "Int64", spans.parent == NO_SPAN),
        words_of([kind.value for kind in SPAN_KINDS], spans.code),
        tiers(tier),
        numbers((spans.begin_ns - origin.start_ns) / 1e9, "Float64", ~begun),
        numbers((spans.end_ns - origin.start_ns) / 1e9, "Float64", ~ended),
        numbers(spans.end_ns - spans.begin_ns, "Int64", ~(begun & ended)),
        numbers(spans.tid, "int64"),
        texts(spans.comm.astype("S16")),
        words_of([state.value for state in SPAN_STATES], spans.state),
    ]
    return batch_from(SPANS, arrays, len(spans), origin.recording_id)


def samples_table(counters: tuple[str, ...]) -> Table:
    """The table of a recording's readings, with a column for each of its counters."""
    return SAMPLES.with_columns(tuple(Column(name, "Int64") for name in counters))


def sample_batch(samples: Samples, table: Table, origin: Origin) -> pa.RecordBatch:
    """Readings in a `samples_table`; null where a counter could not be read, or was not."""
    time_s = (samples.time_ns - origin.start_ns) / 1e9
    arrays = [numbers(time_s, "float64"), numbers(samples.time_ns, "int64")]
    for column in table.columns[len(SAMPLES.columns) :]:
        values = samples.column(column.name)
        arrays.append(
            pa.nulls(len(samples), pa.int64()) if values is None else numbers(values, "Int64", values == SAMPLE_NULL)
        )
    return batch_from(table, arrays, len(samples), origin.recording_id)


def lost_batch(lost: LostStretch, origin: Origin) -> pa.RecordBatch:
    """A row for each kind that lost something in a stretch; one without a number where nobody could count."""
    counts: Mapping[str, int | None] = lost.counts or {UNKNOWN_KIND: None}
    time_s = {f"{end}_s": (at - origin.start_ns) / 1e9 for end, at in (("start", lost.start_ns), ("end", lost.end_ns))}
    rows = [{**time_s, "kind": kind, "events": count} for kind, count in counts.items()]
    return batch_of(LOST, rows, origin.recording_id)


def _header(header: dict[str, Any], origin: Origin) -> Cells:
    time_ns = np.ascontiguousarray(header["time_ns"]).astype(np.int64)
    cgroups: npt.NDArray[np.uint32] = header["cgroup_id"]
    return {
        "time_s": lambda: numbers((time_ns - origin.start_ns) / 1e9, "float64"),
        "time_ns": lambda: numbers(time_ns, "int64"),
        "tid": lambda: numbers(header["tid"], "int64"),
        "tgid": lambda: numbers(header["tgid"], "int64"),
        "comm": lambda: texts(header["comm"]),
        "cpu": lambda: numbers(header["cpu"], "int64"),
        "cgroup_id": lambda: numbers(cgroups, "Int64", cgroups == 0),
        "cgroup": lambda: named(cgroups, origin.cgroups),
    }


def _arguments(kind: Kind, args: Mapping[str, Any], count: int, origin: Origin) -> Cells:
    cells: Cells = {}
    for name, code in kind.fields:
        absent = origin.is_absent(kind.name, name)
        cells[name] = partial(_argument, args, name, code, count if absent else None)
        if name in FUNCTION_FIELDS:
            cells[f"{name}_name"] = partial(_function, args, name, origin, count if absent else None)
    return cells


def _argument(args: Mapping[str, Any], name: str, code: str, absent: int | None) -> pa.Array[Any]:
    """One field; as many nulls as are `absent` where the kernel does not have it."""
    if absent is not None:
        return pa.nulls(absent, pa.string() if code[0] == "S" else pa.uint64() if code == "u8" else pa.int64())
    if code[0] == "S":
        return texts(args[name])
    return numbers(args[name], "UInt64" if code == "u8" else "Int64")


def _function(args: Mapping[str, Any], name: str, origin: Origin, absent: int | None) -> pa.Array[Any]:
    return pa.nulls(absent, pa.string()) if absent is not None else named(args[name], origin.symbols)


def _words_or_null(words: list[str], codes: npt.NDArray[np.int32]) -> pa.Array[Any]:
    return pa.array(words, pa.string()).take(pa.array(codes, mask=codes < 0))
