"""The spans of one stretch of the stream with everything later stages ask of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from functools import cached_property

import numpy as np
import numpy.typing as npt

from ...batch import Batch, Column
from ...schema import KIND_BY_NAME, SpanKind
from .attribution import NO_TIER
from .lane import SPAN_CODE
from .pairing import Paired

I64 = npt.NDArray[np.int64]


@dataclass
class Spans:
    """Columns of shape (spans,), in order of begin.

    `begin_at`/`end_at` are positions of the events in the stretch (`end_at` -1 where none marks the end), `parent` a
    row of these columns or -1. `is_root` tells a span whose parent is not of its tier.
    """

    id: I64
    parent: I64
    code: I64
    begin_ns: I64
    end_ns: I64
    tid: I64
    comm: npt.NDArray[np.bytes_]
    kinds_above: I64
    tier: I64
    is_root: npt.NDArray[np.bool_]
    closed: npt.NDArray[np.bool_]
    broken: npt.NDArray[np.bool_]
    begin_at: I64
    end_at: I64

    def __len__(self) -> int:
        return len(self.id)

    @cached_property
    def _by_code(self) -> tuple[I64, I64]:
        """Rows by kind, ascending for each, and where in them each kind starts."""
        order = np.argsort(self.code.astype(np.uint8), kind="stable")
        return order, np.append(0, np.cumsum(np.bincount(self.code, minlength=len(SPAN_CODE))))

    def of(self, kind: SpanKind) -> I64:
        """Rows of a kind, ascending."""
        order, starts = self._by_code
        code = SPAN_CODE[kind]
        return order[starts[code] : starts[code + 1]]

    def ended(self, kind: SpanKind) -> I64:
        """Rows of a kind that ended with their end event, ascending."""
        rows = self.of(kind)
        return rows[self.closed[rows] & (self.end_at[rows] >= 0)]

    def where(self, chosen: npt.NDArray[np.bool_]) -> Spans:
        """Only these rows; `parent` still counts the rows of the table it came from."""
        return Spans(**{column.name: getattr(self, column.name)[chosen] for column in fields(self)})


def spans_of(batch: Batch, paired: Paired, ids: I64, tier: I64) -> Spans:
    """Look up the tasks of paired spans; `ids` are the spans' numbers in the whole recording."""
    comm = batch.header["comm"][paired.begin].astype(np.bytes_, copy=False)
    tid = batch.header["tid"][paired.begin].astype(np.int64)
    parent_tier = np.where(paired.parent >= 0, tier[paired.parent], NO_TIER) if len(tier) else tier
    return Spans(
        id=ids,
        parent=paired.parent,
        code=paired.code,
        begin_ns=paired.begin_ns,
        end_ns=paired.end_ns,
        tid=tid,
        comm=comm,
        kinds_above=paired.kinds_above,
        tier=tier,
        is_root=(tier >= 0) & (tier != parent_tier) & ~_told_again(paired, tid),
        closed=paired.closed,
        broken=paired.broken,
        begin_at=paired.begin,
        end_at=paired.end,
    )


def _told_again(paired: Paired, tid: I64) -> npt.NDArray[np.bool_]:
    """Notifier runs seen by the chain's tracepoint that a probe on the callback itself tells of again, and better."""
    told = np.zeros(len(tid), np.bool_)
    calls = np.flatnonzero(paired.code == SPAN_CODE[SpanKind.OOM_NOTIFY])
    begun = set(zip(tid[calls].tolist(), paired.begin_ns[calls].tolist(), strict=True))
    for row in np.flatnonzero((paired.code == SPAN_CODE[SpanKind.OOM_NOTIFIER]) & paired.closed).tolist():
        told[row] = (int(tid[row]), int(paired.end_ns[row])) in begun
    return told


class Arguments:
    """Arguments of single events of a batch by their position in it; those that its source lacks are 0."""

    def __init__(self, batch: Batch, absent_fields: Mapping[str, tuple[str, ...]] | None = None) -> None:
        self._batch = batch
        self._absent = absent_fields or {}

    def tells(self, kind: str, name: str) -> bool:
        """Whether events of a kind have the value of this argument."""
        return name not in self._absent.get(kind, ())

    @cached_property
    def _row(self) -> I64:
        """For each event which one of its kind it is."""
        row = np.empty(len(self._batch), np.int64)
        for rows in self._batch.rows.values():
            row[rows] = np.arange(len(rows))
        return row

    def rows(self, positions: I64) -> I64:
        """Which ones of their kind the events at `positions` are."""
        return self._row[positions]

    def at(self, positions: I64, kind: str, name: str) -> I64:
        """One argument of the events at `positions`, which are all of this kind; int64."""
        return self.several(positions, kind, (name,))[0]

    def several(self, positions: I64, kind: str, names: Sequence[str]) -> list[I64]:
        """Several arguments of the same events."""
        if kind not in self._batch.rows or not len(positions):
            return [np.zeros(len(positions), np.int64) for _ in names]
        rows, columns = self._row[positions], self._batch.args[kind]
        return [columns[name][rows].astype(np.int64, copy=False) for name in names]

    def all(self, kind: str) -> tuple[I64, Mapping[str, Column]]:
        """Positions and arguments of every event of a kind."""
        if kind not in self._batch.rows:
            empty = {name: np.empty(0, code) for name, code in KIND_BY_NAME[kind].fields}
            return np.empty(0, np.int64), empty
        return self._batch.rows[kind], self._batch.args[kind]
