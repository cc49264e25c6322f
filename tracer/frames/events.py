"""Events of one kind and samples as frames: what was recorded, unjudged."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from ..batch import HEADER_COLUMNS, Batch, LostStretch, Samples
from ..errors import UsageError
from ..metadata import Metadata
from ..record import ADDRESS_FIELDS
from ..schema import FUNCTION_FIELDS, HEADER_DTYPE, KIND_BY_NAME, SAMPLE_NULL, Kind
from .columns import EVENTS, SAMPLES, Extension, nullable, texts, words

Item = Batch | Samples | LostStretch


def kind_of(name: str) -> Kind:
    """The event kind of that name. Raises UsageError."""
    if name not in KIND_BY_NAME:
        raise UsageError(f"there is no event kind {name!r}; the kinds are {', '.join(KIND_BY_NAME)}")
    return KIND_BY_NAME[name]


def event_columns(kind: Kind) -> dict[str, str]:
    """Names and dtypes of a kind's frame, in order."""
    columns = dict(EVENTS)
    for name, code in kind.fields:
        columns[name] = "string" if code[0] == "S" else "UInt64" if name in ADDRESS_FIELDS else "Int64"
        if name in FUNCTION_FIELDS:
            columns[f"{name}_name"] = "string"
    return columns


def events_frame(
    items: Iterable[Item], kind: Kind, metadata: Metadata, symbols: Mapping[int, str], cgroups: Mapping[int, str]
) -> pd.DataFrame:
    """Every event of a kind in order of time."""
    header, args = _columns_of(items, kind)
    order = np.argsort(header["time_ns"], kind="stable")
    time_ns = header["time_ns"][order].astype(np.int64)
    columns: dict[str, Any] = {"time_s": (time_ns - metadata.start_ns) / 1e9, "time_ns": time_ns}
    columns |= {name: header[name][order].astype(np.int64) for name in ("tid", "tgid")}
    columns |= {"comm": texts(header["comm"][order]), "cpu": header["cpu"][order].astype(np.int64)}
    columns |= _cgroup(header["cgroup_id"][order], cgroups)
    absent = metadata.absent_fields.get(kind.name, ())
    for name, _ in kind.fields:
        columns |= _field(name, args[name][order], symbols, name in absent)
    return pd.DataFrame(columns)


def samples_frame(items: Iterable[Item], metadata: Metadata) -> pd.DataFrame:
    """Every reading of the sampled counters in order of time, one column a counter."""
    parts = [item for item in items if isinstance(item, Samples) and len(item)]
    names = list(dict.fromkeys(name for part in parts for name in part.names))
    time_ns = np.concatenate([part.time_ns for part in parts]) if parts else np.empty(0, np.int64)
    order = np.argsort(time_ns, kind="stable")
    columns: dict[str, Any] = dict.fromkeys(SAMPLES)
    columns |= {"time_s": (time_ns[order] - metadata.start_ns) / 1e9, "time_ns": time_ns[order]}
    for name in names:
        values = np.concatenate([_readings(part, name) for part in parts])[order]
        columns[name] = nullable(values, values == SAMPLE_NULL)
    # As Python has them: pyarrow, where it is installed, takes no name that is not UTF-8.
    named = pd.Index(list(columns), dtype=object)
    return pd.DataFrame(dict(enumerate(columns.values()))).set_axis(named, axis=1)


def _readings(part: Samples, name: str) -> npt.NDArray[np.int64]:
    column = part.column(name)
    return np.full(len(part), SAMPLE_NULL) if column is None else column


def _columns_of(items: Iterable[Item], kind: Kind) -> tuple[dict[str, Any], dict[str, Any]]:
    """A kind's header and argument columns, in order of arrival."""
    parts = list(_parts(items, kind.name))
    header = {name: _joined([part[0][name] for part in parts], HEADER_DTYPE[name]) for name in HEADER_COLUMNS}
    args = {name: _joined([part[1][name] for part in parts], np.dtype(code)) for name, code in kind.fields}
    return header, args


def _parts(items: Iterable[Item], kind: str) -> Iterator[tuple[Mapping[str, Any], Mapping[str, Any]]]:
    for item in items:
        if isinstance(item, Batch) and kind in item.rows:
            rows = item.rows[kind]
            yield {name: column[rows] for name, column in item.header.items()}, item.args[kind]


def _joined(columns: list[npt.NDArray[Any]], dtype: np.dtype[Any]) -> npt.NDArray[Any]:
    return np.concatenate(columns) if columns else np.empty(0, dtype)


def _field(name: str, values: npt.NDArray[Any], symbols: Mapping[int, str], absent: bool) -> dict[str, Any]:
    missing = np.full(len(values), absent)
    if values.dtype.kind == "S":
        return {name: _text(values, absent)}
    if name not in ADDRESS_FIELDS:
        return {name: nullable(values, missing)}
    addresses = values.astype(np.uint64)
    column = {name: pd.arrays.IntegerArray(addresses, missing)}
    return column | {f"{name}_name": _named(addresses, symbols)} if name in FUNCTION_FIELDS else column


def _cgroup(ids: npt.NDArray[np.uint32], paths: Mapping[int, str]) -> dict[str, Any]:
    return {"cgroup_id": nullable(ids, ids == 0), "cgroup": _named(ids, paths)}


def _text(values: npt.NDArray[np.bytes_], absent: bool) -> Extension:
    return words([pd.NA], np.zeros(len(values), np.int64)) if absent else texts(values)


def _named(numbers: npt.NDArray[np.uint64] | npt.NDArray[np.uint32], known: Mapping[int, str]) -> Extension:
    codes, present = pd.factorize(numbers)
    names: list[Any] = [known.get(int(number), pd.NA) for number in present]
    return words(names, codes)
