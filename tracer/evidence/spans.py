"""Spans of a recording in order of their begin, in memory that does not grow with it."""

from __future__ import annotations

import heapq
from collections.abc import Iterator
from typing import Final

import numpy as np
import numpy.typing as npt

from ..analyze import NEVER_READ, Options, in_pieces
from ..analyze.stream.closed import NO_SPAN, NO_TIME, SPAN_STATES, ClosedSpans, leaving
from ..analyze.stream.lane import SPAN_KINDS
from ..analyze.stream.spans import Spans
from ..analyze.stream.stretch import Stretch
from ..analyze.stream.stretches import Stretches
from ..analyze.terms import Tier
from ..batch import Batch
from ..schema import KIND_BY_NUMBER
from ..store import AnyRecording
from .details import Details
from .numbering import Numbering
from .rows import SpanRow, Value
from .selection import Selection
from .thinning import Thinned
from .values import text_of

I64 = npt.NDArray[np.int64]
MOST_HELD: Final = 16_384
"""Rows held back for spans that began before them and are still open."""
_OPEN: Final = 1 << 62
_OF_SPANS: Final = ("id", "parent", "code", "tier", "begin_ns", "end_ns", "tid", "comm", "state")
_KINDS: Final = tuple(kind.value for kind in SPAN_KINDS)
_TIERS: Final = {tier.value: tier for tier in Tier}
_PIECE_EVENTS: Final = 16_384
"""A block of a recording: a row takes a kilobyte until it is printed."""


class SpanStream:
    """Iterate over it once for the rows."""

    def __init__(
        self,
        recording: AnyRecording,
        selection: Selection,
        numbering: Numbering,
        until_ns: int | None = None,
        thinned: Thinned | None = None,
    ) -> None:
        """`numbering` tells where to begin to read, and what ids spans have from there on; `until_ns` where to end.
        `thinned` is asked which of the chosen spans rows are made of."""
        self._recording = recording
        self._selection = selection
        self._numbering = numbering
        self._until_ns = until_ns
        self._thinned = thinned
        self.events_read = 0
        """So far, by `as_they_end`."""
        self.was_cut = False
        """Whether it ended because that were enough."""
        self._stretches = Stretches(recording.metadata, Options.reorder_s)
        self._details = Details(recording.metadata.absent_fields, recording.symbols)
        self._held: list[tuple[int, int, SpanRow]] = []
        self._told = 0
        self._given_ns = 0

    @property
    def late(self) -> int:
        """Events that came more than a tenth of a second later than others of their time."""
        return self._stretches.late_events

    @property
    def told_ns(self) -> int:
        """Up to when all spans were given that ended."""
        return self._stretches.told_ns

    def __iter__(self) -> Iterator[SpanRow]:
        """By begin; of spans that last very long see SpanRow.late. Raises RecordingError."""
        items = self._recording.items(self._numbering.from_ns, self._until_ns, NEVER_READ)
        for piece in in_pieces(items, _PIECE_EVENTS):
            if isinstance(piece, Batch):
                yield from self._advance(self._stretches.push(piece.without(NEVER_READ)))
        last_ns = self._recording.last_ns
        yield from self._advance(
            self._stretches.flush(), last_ns if self._until_ns is None else min(self._until_ns, last_ns)
        )

    def as_they_end(self, events: int) -> Iterator[SpanRow]:
        """Rows in the order in which spans end, of so many events, and of what is read with them."""
        items = self._recording.items(self._numbering.from_ns, self._until_ns, NEVER_READ)
        for piece in in_pieces(items, _PIECE_EVENTS):
            if isinstance(piece, Batch):
                self.events_read += len(piece)
                if stretch := self._stretches.take(self._stretches.push(piece.without(NEVER_READ))):
                    yield from self._ended(stretch)
            if self.events_read >= events:
                self.was_cut = True
                return
        last_ns = self._recording.last_ns if self._until_ns is None else min(self._until_ns, self._recording.last_ns)
        if stretch := self._stretches.take(self._stretches.flush(), last_ns):
            yield from self._ended(stretch)
        if stretch := self._stretches.close(last_ns):
            self._take(stretch)
            yield from self._release(_OPEN)

    def _ended(self, stretch: Stretch) -> Iterator[SpanRow]:
        self._take(stretch)
        yield from self._release(_OPEN)

    def _advance(self, due: list[Batch], final_ns: int | None = None) -> Iterator[SpanRow]:
        if stretch := self._stretches.take(due, final_ns):
            self._take(stretch)
        if final_ns is not None and (stretch := self._stretches.close(final_ns)):
            self._take(stretch)
        yield from self._release(_OPEN if final_ns is not None else self._open_from_ns())

    def _take(self, stretch: Stretch) -> None:
        self._numbering.take(stretch)
        self._details.take(stretch)
        closed, orphans = leaving(stretch)
        rows = np.flatnonzero(stretch.spans.closed)
        self._hold(stretch, closed, rows, stretch.spans.begin_at[rows])
        self._hold(stretch, orphans, None, stretch.orphans)
        self._details.forget(stretch)

    def _hold(self, stretch: Stretch, closed: ClosedSpans, rows: I64 | None, positions: I64) -> None:
        """Make rows of those that are asked for. `rows` are those of the stretch's spans, None for orphaned ends."""
        chosen = np.flatnonzero(self._asked_for(stretch.batch, closed, positions))
        if self._thinned and len(chosen):
            chosen = self._thinned.of_stretch(closed, chosen, self._numbering.several(closed.id))
        if not len(chosen):
            return
        depths = _depths(stretch.spans)
        if rows is None:
            around = stretch.enclosing[positions[chosen]]
            depth = np.where(around >= 0, depths[around] + 1, 0) if len(depths) else np.zeros(len(chosen), np.int64)
            fields = self._details.at(stretch, positions[chosen])
        else:
            depth, fields = depths[rows[chosen]], self._details.of(stretch, rows[chosen])
        for row in self._rows(stretch.batch, closed, (chosen, positions[chosen]), depth.tolist(), fields):
            self._told += 1
            heapq.heappush(self._held, (row.time_ns, self._told, row))

    def _asked_for(self, batch: Batch, closed: ClosedSpans, positions: I64) -> npt.NDArray[np.bool_]:
        begin_ns = np.where(closed.begin_ns == NO_TIME, closed.end_ns, closed.begin_ns)
        end_ns = np.where(closed.end_ns == NO_TIME, closed.begin_ns, closed.end_ns)
        chosen = self._selection.inside(begin_ns, end_ns)
        if self._selection.spans:
            chosen |= np.isin(self._numbering.several(closed.id), list(self._selection.spans))
        kinds = self._selection.kinds
        if kinds is not None:
            chosen &= np.isin(closed.code, [code for code, kind in enumerate(SPAN_KINDS) if kind.value in kinds])
        if self._selection.tids is not None or self._selection.cgroup is not None:
            chosen &= self._selection.tasks(batch, self._recording)[positions]
        return chosen

    def _rows(
        self,
        batch: Batch,
        closed: ClosedSpans,
        where: tuple[I64, I64],
        depths: list[int],
        fields: list[dict[str, Value]],
    ) -> Iterator[SpanRow]:
        """Of these spans, at these positions in the batch."""
        chosen, positions = where
        spans = {name: getattr(closed, name)[chosen].tolist() for name in _OF_SPANS}
        header = {name: batch.header[name][positions].tolist() for name in ("tgid", "cpu", "cgroup_id")}
        yield from map(
            SpanRow,
            map(self._numbering.of, spans["id"]),
            map(self._numbering.of, spans["parent"]),
            depths,
            map(_KINDS.__getitem__, spans["code"]),
            map(_TIERS.get, spans["tier"]),
            map(_time_of, spans["begin_ns"]),
            map(_time_of, spans["end_ns"]),
            spans["tid"],
            header["tgid"],
            map(text_of, spans["comm"]),
            header["cpu"],
            (number or None for number in header["cgroup_id"]),
            map(self._recording.cgroups.get, header["cgroup_id"]),
            map(SPAN_STATES.__getitem__, spans["state"]),
            fields,
        )

    def _open_from_ns(self) -> int:
        """Before this no span begins that is still to come, of those that are asked for."""
        open_ns = self._stretches.open.time_ns[self._awaited(self._stretches.open)]
        return min(self._stretches.told_ns, int(open_ns.min()) if len(open_ns) else _OPEN)

    def _awaited(self, batch: Batch) -> npt.NDArray[np.bool_]:
        kinds = [KIND_BY_NUMBER[number].span for number in batch.header["kind"].tolist()]
        asked = [kind is not None and self._selection.has_kind(kind.value) for kind in kinds]
        return np.asarray(asked, np.bool_) & self._selection.tasks(batch, self._recording)

    def _release(self, before_ns: int) -> Iterator[SpanRow]:
        while self._held and (self._held[0][0] <= before_ns or len(self._held) > MOST_HELD):
            time_ns, _, row = heapq.heappop(self._held)
            yield row._replace(late=True) if time_ns < self._given_ns else row
            self._given_ns = max(self._given_ns, time_ns)


def _time_of(time_ns: int) -> int | None:
    return None if time_ns == NO_TIME else time_ns


def _depths(spans: Spans) -> I64:
    """How many spans lie around each."""
    depth = np.zeros(len(spans), np.int64)
    around = spans.parent
    while (inside := around >= 0).any():
        depth += inside
        around = np.where(inside, spans.parent[around], NO_SPAN)
    return depth
