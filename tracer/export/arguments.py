"""Arguments of single events by their kernel names, for formats that write one event at a time."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from ..batch import Batch, Column
from ..record import ADDRESS_FIELDS
from ..schema import FUNCTION_FIELDS, KIND_BY_NAME
from .edges import BEGIN, Edges
from .source import Source
from .tasks import word

Named = dict[str, Any]


class Arguments:
    """Knows which fields the recording lacks, and functions' names."""

    def __init__(self, source: Source) -> None:
        self._absent = source.metadata.absent_fields
        self._symbols = source.symbols

    def of(self, edges: Edges) -> list[Named]:
        """Those of each edge's event; of an edge that no event tells why none does."""
        made: list[Named] = [{} for _ in range(len(edges))]
        at = np.full(len(edges.stretch.batch), -1)
        at[edges.at[edges.told]] = np.flatnonzero(edges.told)
        for kind, rows in edges.stretch.batch.rows.items():
            new = np.flatnonzero(at[rows] >= 0)
            for place, named in zip(at[rows[new]].tolist(), self.of_kind(edges.stretch.batch, kind, new), strict=True):
                made[place] = named
        for row in np.flatnonzero(~edges.told).tolist():
            is_lost = "lost" if edges.lost[row] else "inferred"
            made[row] = {"begin": "not seen"} if edges.type[row] == BEGIN else {"end": is_lost}
        return made

    def of_kind(self, batch: Batch, kind: str, rows: npt.NDArray[np.int64]) -> list[Named]:
        """Those of some of a kind's events."""
        absent = self._absent.get(kind, ())
        named: dict[str, list[Any]] = {}
        for name, _ in KIND_BY_NAME[kind].fields:
            if name not in absent:
                named |= self._field(name, batch.args[kind][name][rows])
        if not named:
            return [{} for _ in rows]
        return [dict(zip(named, values, strict=True)) for values in zip(*named.values(), strict=True)]

    def _field(self, name: str, values: Column) -> dict[str, list[Any]]:
        if values.dtype.kind == "S":
            return {name: [word(value) for value in values.tolist()]}
        if name not in ADDRESS_FIELDS:
            return {name: values.tolist()}
        shown = {name: [f"{value:#x}" for value in values.astype(np.uint64).tolist()]}
        if name in FUNCTION_FIELDS:
            names = [self._symbols.get(value, f"{value:#x}") for value in values.astype(np.uint64).tolist()]
            shown[f"{name}_name"] = names
        return shown
