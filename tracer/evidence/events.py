"""Single events of a recording in order of time, in memory that does not grow with it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

import numpy as np

from ..analyze import Options
from ..analyze.stream.ordering import ReorderBuffer
from ..batch import Batch, LostStretch
from ..schema import KIND_BY_NAME, KIND_BY_NUMBER
from ..store import AnyRecording
from .rows import LOST, EventRow, Value
from .selection import Selection
from .values import columns_of, text_of

_WINDOW_NS: Final = round(Options.reorder_s * 1e9)


class Events:
    """Iterate over it once for the rows; `late` of them then came too late to be shown at their own time."""

    def __init__(self, recording: AnyRecording, selection: Selection) -> None:
        self._recording = recording
        self._selection = selection
        self._order = ReorderBuffer(_WINDOW_NS)
        self._numbers = self._kind_numbers()
        self._lost: list[LostStretch] = []

    @property
    def late(self) -> int:
        """Events that came more than a tenth of a second later than others of their time."""
        return self._order.late_events

    def __iter__(self) -> Iterator[EventRow]:
        """By time. Raises RecordingError."""
        selection = self._selection
        kinds = None if selection.kinds is None else selection.kinds - {LOST}
        for item in self._recording.items(selection.from_ns, selection.to_ns, kinds=kinds):
            if isinstance(item, LostStretch):
                self._lost.append(item)
            elif isinstance(item, Batch):
                yield from self._rows(self._order.push(item), self._order.watermark_ns)
        yield from self._rows(self._order.flush(), None)

    def _rows(self, due: list[Batch], until_ns: int | None) -> Iterator[EventRow]:
        for batch in due:
            for row in self._chosen(batch):
                if self._lost:
                    yield from self._losses(row.time_ns)
                yield row
        yield from self._losses(until_ns)

    def _losses(self, until_ns: int | None) -> Iterator[EventRow]:
        """Those that began by then; None: all of them."""
        if not self._lost:
            return
        due = [lost for lost in self._lost if until_ns is None or lost.start_ns <= until_ns]
        self._lost = [lost for lost in self._lost if lost not in due]
        for lost in due:
            if self._selection.has_kind(LOST) or not self._numbers_of(lost).isdisjoint(self._selection.kinds or ()):
                yield EventRow(lost.start_ns, LOST, {"until_ns": lost.end_ns, **lost.counts})

    def _numbers_of(self, lost: LostStretch) -> frozenset[str]:
        """The kinds that it may have been of: any, where they are not known."""
        kinds = frozenset(lost.counts)
        return kinds if kinds and kinds <= KIND_BY_NAME.keys() else kinds | KIND_BY_NAME.keys()

    def _kind_numbers(self) -> np.ndarray[tuple[int], np.dtype[np.int64]] | None:
        kinds = self._selection.kinds
        numbers = None if kinds is None else [KIND_BY_NAME[kind].number for kind in kinds if kind != LOST]
        return None if numbers is None else np.asarray(numbers, np.int64)

    def _chosen(self, batch: Batch) -> Iterator[EventRow]:
        chosen = self._selection.tasks(batch, self._recording)
        if self._numbers is not None:
            chosen &= np.isin(batch.header["kind"], self._numbers)
        if not chosen.all():
            batch = batch.take(np.flatnonzero(chosen))
        return event_rows(batch, self._recording)


def event_rows(batch: Batch, recording: AnyRecording) -> Iterator[EventRow]:
    """One for each event of a batch, in its order, with the arguments that the batch has."""
    columns = [batch.header[name].tolist() for name in ("time_ns", "kind", "cpu", "tid", "tgid", "comm")]
    kinds, cgroups = map(_kind_name, columns[1]), batch.header["cgroup_id"].tolist()
    paths = map(recording.cgroups.get, cgroups)
    known = (number or None for number in cgroups)
    comms = map(text_of, columns[5])
    return map(EventRow, columns[0], kinds, _fields(batch, recording), *columns[2:5], comms, known, paths)


def _fields(batch: Batch, recording: AnyRecording) -> list[dict[str, Value]]:
    """Of each event its arguments by name."""
    found: list[dict[str, Value]] = [{} for _ in range(len(batch))]
    for kind, rows in batch.rows.items():
        absent = recording.metadata.absent_fields.get(kind, ())
        told = [
            each
            for field, column in batch.args[kind].items()
            for each in columns_of(field, column, recording.symbols, absent=field in absent)
        ]
        names = [name for name, _ in told]
        for at, *values in zip(rows.tolist(), *(column for _, column in told), strict=True):
            found[at] = dict(zip(names, values, strict=True))
    return found


def _kind_name(number: int) -> str:
    kind = KIND_BY_NUMBER.get(number)
    return kind.name if kind else f"unknown_{number}"
