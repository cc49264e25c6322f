"""Batches of the tables that grow with a recording: events by kind, spans, readings, losses."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
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


def event_batches(batch: Batch, origin: Origin) -> Iterator[pa.RecordBatch]:
    """Its events by kind, each kind's in the batch's order."""
    for name, rows in batch.rows.items():
        header = {column: values[rows] for column, values in batch.header.items()}
        arrays = [*_header(header, origin), *_arguments(KIND_BY_NAME[name], batch.args[name], len(rows), origin)]
        yield batch_from(EVENT_TABLES[name], arrays, len(rows), origin.recording_id)


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


def _header(header: dict[str, Any], origin: Origin) -> Iterator[pa.Array[Any]]:
    time_ns = np.ascontiguousarray(header["time_ns"]).astype(np.int64)
    yield numbers((time_ns - origin.start_ns) / 1e9, "float64")
    yield numbers(time_ns, "int64")
    yield numbers(header["tid"], "int64")
    yield numbers(header["tgid"], "int64")
    yield texts(header["comm"])
    yield numbers(header["cpu"], "int64")
    cgroups: npt.NDArray[np.uint32] = header["cgroup_id"]
    yield numbers(cgroups, "Int64", cgroups == 0)
    yield named(cgroups, origin.cgroups)


def _arguments(kind: Kind, args: Any, count: int, origin: Origin) -> Iterator[pa.Array[Any]]:  # noqa: ANN401
    for name, code in kind.fields:
        absent, is_function = origin.is_absent(kind.name, name), name in FUNCTION_FIELDS
        if code[0] == "S":
            yield pa.nulls(count, pa.string()) if absent else texts(args[name])
            continue
        dtype = "UInt64" if code == "u8" else "Int64"
        yield numbers(args[name], dtype, np.ones(count, np.bool_) if absent else None)
        if is_function:
            yield pa.nulls(count, pa.string()) if absent else named(args[name], origin.symbols)
