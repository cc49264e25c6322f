"""Events that were read become records, some ten thousand at a time."""

from __future__ import annotations

from typing import Final

import numpy as np
import numpy.typing as npt

from ..page_counts import MOST_PAGES, PAGE_COUNTS
from ..schema import COMM_BYTES, EVENT_DTYPE, KIND_BY_NAME
from .layouts import Layout
from .table import DEFAULTS

Row = tuple[int, int, int, bytes, Layout, int]
"""One event's time in ns, thread, process, task's name, layout and CPU; its texts are in the layout's rows."""

_NUMBERS: Final = {0: "time_ns", 1: "tid", 2: "tgid", 5: "cpu"}


def records_of(rows: list[Row]) -> npt.NDArray[np.void]:
    """Rows as records of EVENT_DTYPE; the rows of their layouts are taken along."""
    records: npt.NDArray[np.void] = np.zeros(len(rows), EVENT_DTYPE)
    if not rows:
        return records
    columns = tuple(zip(*rows, strict=True))
    for at, name in _NUMBERS.items():
        records[name] = np.fromiter(columns[at], np.int64, len(rows))
    records["comm"] = np.array(columns[3], f"S{COMM_BYTES}")
    layouts = dict.fromkeys(columns[4])
    codes = {layout: code for code, layout in enumerate(layouts)}
    code = np.fromiter(map(codes.__getitem__, columns[4]), np.int64, len(rows))
    records["kind"] = np.array([layout.kind.number for layout in layouts])[code]
    fill_defaults(records)
    for layout, number in codes.items():
        _fill(records, layout, np.flatnonzero(code == number))
    return records


def _fill(records: npt.NDArray[np.void], layout: Layout, positions: npt.NDArray[np.intp]) -> None:
    typed = records.view(layout.kind.record_dtype)
    rows, layout.rows = layout.rows, []
    for (name, value), texts in zip(layout.fields, zip(*rows, strict=True), strict=True):
        column = value.column(texts)
        typed[name][positions] = column if column.dtype.kind == "S" else column.astype(typed[name].dtype)


def beyond_machines(records: npt.NDArray[np.void]) -> npt.NDArray[np.bool_]:
    """Which records tell more than MOST_PAGES in one of their PAGE_COUNTS."""
    beyond = np.zeros(len(records), bool)
    for kind_name, fields in PAGE_COUNTS.items():
        kind = KIND_BY_NAME[kind_name]
        rows = np.flatnonzero(records["kind"] == kind.number)
        typed = records.view(kind.record_dtype)
        for field in fields if len(rows) else ():
            beyond[rows] |= typed[field][rows] > MOST_PAGES
    return beyond


def fill_defaults(records: npt.NDArray[np.void]) -> None:
    """What stands where the text does not say, by the records' kinds."""
    for (kind_name, name), default in DEFAULTS.items():
        kind = KIND_BY_NAME[kind_name]
        records.view(kind.record_dtype)[name][np.flatnonzero(records["kind"] == kind.number)] = default
