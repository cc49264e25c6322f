"""Events that were read become records, some ten thousand at a time."""

from __future__ import annotations

from typing import Any, Final

import numpy as np
import numpy.typing as npt

from ...schema import EVENT_DTYPE, KIND_BY_NUMBER
from ..format import BLOCK_EVENTS
from .layouts import Layout
from .returns import Row
from .rules import Taken
from .table import DEFAULTS

_HEADER: Final = ("time_ns", "tid", "tgid", "comm", "kind", "cpu")
_TID_BITS: Final = 0xFFFF_FFFF


class Chunk:
    """Collects events in order and turns them into one array."""

    def __init__(self) -> None:
        self._rows: list[Row] = []
        self._layouts: dict[int, Layout] = {}

    @property
    def is_full(self) -> bool:
        """Whether a block of the recording is full."""
        return len(self._rows) >= BLOCK_EVENTS

    def add(self, row: Row, taken: Taken | None = None) -> None:
        """One event; without `taken` its arguments stay at their defaults."""
        if taken is not None:
            layout, texts = taken
            if not layout.positions:
                self._layouts[id(layout)] = layout
            layout.positions.append(len(self._rows))
            layout.rows.append(texts)
        self._rows.append(row)

    def take(self) -> npt.NDArray[np.void]:
        """Everything collected, as records of EVENT_DTYPE; the chunk is empty then."""
        rows, self._rows = self._rows, []
        layouts, self._layouts = self._layouts, {}
        records: npt.NDArray[np.void] = np.zeros(len(rows), EVENT_DTYPE)
        for name, column in zip(_HEADER, zip(*rows, strict=True), strict=bool(rows)):
            records[name] = column
        _fill_defaults(records)
        for layout in layouts.values():
            _fill(records, layout)
        return records


def _fill(records: npt.NDArray[np.void], layout: Layout) -> None:
    typed = records.view(layout.kind.record_dtype)
    positions, rows = np.asarray(layout.positions), layout.rows
    for (name, value), texts in zip(layout.fields, zip(*rows, strict=True), strict=bool(layout.fields)):
        column: npt.NDArray[Any] = value.column(texts)
        typed[name][positions] = column if column.dtype.kind == "S" else column.astype(typed[name].dtype)
    layout.positions.clear()
    layout.rows.clear()


def _fill_defaults(records: npt.NDArray[np.void]) -> None:
    for (kind, name), default in DEFAULTS.items():
        number = next(each.number for each in KIND_BY_NUMBER.values() if each.name == kind)
        chosen = np.flatnonzero(records["kind"] == number)
        records.view(KIND_BY_NUMBER[number].record_dtype)[name][chosen] = default
