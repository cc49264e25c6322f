"""A recording that questions are put to: its tables as record batches, read as they are asked for."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from threading import Event
from typing import Any, Final

import pyarrow as pa

from ..analyze import NEVER_READ, Analysis, Engine, Options, in_pieces, numbers_of
from ..analyze.stream.closed import leaving
from ..analyze.stream.stretch import Stretch
from ..batch import Batch, Fields, LostStretch, Samples
from ..recording_facts import RecordingFacts
from ..schema import FUNCTION_FIELDS, KINDS, Kind
from ..store import Recording, RecordingParts, RedactedRecording
from ..store.decoding import EVENTS_ONLY, SAMPLES_ONLY, Item
from ..store.format import BlockType
from ..store.slicing import RecordingPart
from ..tables.arrow import batch_of
from ..tables.origin import Origin, recording_id
from ..tables.registry import RECORDING_ID
from ..tables.results import result_rows
from ..tables.streamed import Cells, any_kind_cells, kind_cells, lost_batch, sample_batch, span_batch
from ..tables.table import Table
from .limits import NO_LIMITS, Limits

Batches = Iterator[pa.RecordBatch]

_LOSSES_ONLY: Final = (BlockType.LOST,)
_ALL_FIELDS: Final[Fields] = {kind.name: frozenset(name for name, _ in kind.fields) for kind in KINDS}
_SLACK_S: Final = 1e-6
"""A float64 of seconds tells no nanoseconds after some months."""
_SLACK_NS: Final = 4096
"""A float64 has not all digits of a time in ns."""


@dataclass(frozen=True)
class Member:
    """One recording, or a part of it. Everything that is read raises RecordingError."""

    part: RecordingPart
    options: Options
    stop: Event = field(default_factory=Event, compare=False)
    """Once it is set, whatever is being read ends with KeyboardInterrupt."""

    @cached_property
    def origin(self) -> Origin:
        """Whose rows these are."""
        of, part = self.part.recording, self.part
        return Origin(recording_id(of.metadata), part.metadata, of.symbols, of.cgroups)

    @cached_property
    def counters(self) -> tuple[str, ...]:
        """Names of its sampled counters: a pass over readings alone."""
        return self.part.counters()

    @property
    def read_bytes(self) -> int:
        """Of its files that were read so far."""
        return _file(self.part).read_bytes

    @property
    def file_bytes(self) -> int:
        """Its files' length."""
        return _file(self.part).file_bytes

    @cached_property
    def lost(self) -> Mapping[str, int]:
        """Lost events by kind, as far as they were counted."""
        counts: dict[str, int] = {}
        for item in self._items(_LOSSES_ONLY):
            for kind, count in item.counts.items() if isinstance(item, LostStretch) else ():
                counts[kind] = counts.get(kind, 0) + count
        return counts

    def facts(self) -> RecordingFacts:
        """What it says of itself, and what is missing of it."""
        return self.part.facts(self.lost)

    def events(self, wanted: Collection[str], limits: Limits) -> Batches:
        """Events of all kinds, as `recorded.EVENTS_BY_KIND`; only the columns that are wanted."""
        for batch in self._batches(_ALL_FIELDS, limits):
            if len(batch):
                yield self._chosen(any_kind_cells(batch, self.origin), wanted, len(batch))

    def events_of(self, kind: Kind, wanted: Collection[str], limits: Limits) -> Batches:
        """A kind's events, as its table; only the columns that are wanted."""
        unread = {name for name, _ in kind.fields if not _is_wanted(name, wanted)}
        of_kind = limits._replace(kinds=frozenset({kind.name}))
        for batch in self._batches({**_ALL_FIELDS, kind.name: frozenset(unread)}, of_kind):
            if kind.name in batch.rows:
                yield self._chosen(kind_cells(batch, kind, self.origin), wanted, len(batch.rows[kind.name]))

    def samples(self, table: Table, limits: Limits) -> Batches:
        """Readings, in a table with columns for at least its own counters."""
        for item in self._items(SAMPLES_ONLY, limits=limits):
            if isinstance(item, Samples) and len(item):
                yield sample_batch(item, table, self.origin)

    def losses(self) -> Batches:
        """Lost events."""
        for item in self._items(_LOSSES_ONLY):
            if isinstance(item, LostStretch):
                yield lost_batch(item, self.origin)

    def spans(self) -> Batches:
        """Spans, in the order of their ends: an analysis of all of it."""
        ended: list[pa.RecordBatch] = []

        def keep(stretch: Stretch) -> None:
            ended.extend(span_batch(spans, self.origin) for spans in leaving(stretch) if len(spans))

        engine = self._engine(keep)
        with numbers_of(self.part.recording.path):
            for piece in in_pieces(self._until_stopped(self.part.items(NEVER_READ))):
                engine.feed(piece)
                yield from _taken(ended)
            engine.finish(self.part.last_ns)
        yield from _taken(ended)

    def results(self, table: Table) -> Batches:
        """Rows of one of `registry.RESULT_TABLES`: an analysis of all of it, once."""
        analysis, facts = self._analysed
        yield batch_of(table, result_rows(table, analysis, facts), self.origin.recording_id)

    def rest(self) -> None:
        """Hold no descriptor until something is read again."""
        if isinstance(file := _file(self.part), Recording):
            file.rest()

    @cached_property
    def _analysed(self) -> tuple[Analysis, RecordingFacts]:
        engine = self._engine(None)
        with numbers_of(self.part.recording.path):
            for piece in in_pieces(self._until_stopped(self.part.items(NEVER_READ))):
                engine.feed(piece)
            analysis = engine.finish(self.part.last_ns)
        return analysis, self.part.facts(analysis.accounting.lost)

    def _engine(self, on_stretch: Any) -> Engine:  # noqa: ANN401 - a function or None
        of = self.part.recording
        return Engine(self.part.metadata, of.symbols, self.options, on_stretch, of.cgroups)

    def _batches(self, leave_out: Fields, limits: Limits) -> Iterator[Batch]:
        return (item for item in self._items(EVENTS_ONLY, leave_out, limits) if isinstance(item, Batch))

    def _items(
        self, types: tuple[BlockType, ...], leave_out: Fields = _ALL_FIELDS, limits: Limits = NO_LIMITS
    ) -> Iterator[Item]:
        first, end = self._range(limits)
        return self._until_stopped(self.part.recording.items(first, end, leave_out, types, limits.kinds))

    def _until_stopped(self, items: Iterator[Item]) -> Iterator[Item]:
        for item in items:
            if self.stop.is_set():
                raise KeyboardInterrupt
            yield item

    def _range(self, limits: Limits) -> tuple[int | None, int | None]:
        """CLOCK_MONOTONIC: `first <= time < end`, never less than the limits leave."""
        seconds, exact, _ = limits
        start_ns = self.part.metadata.start_ns
        firsts, ends = [self.part.start_ns], [self.part.end_ns]
        if seconds.low is not None:
            firsts.append(start_ns + int((seconds.low - _SLACK_S) * 1e9))
        if seconds.high is not None:
            ends.append(start_ns + int((seconds.high + _SLACK_S) * 1e9) + 1)
        firsts.append(None if exact.low is None else int(exact.low) - _SLACK_NS)
        ends.append(None if exact.high is None else int(exact.high) + _SLACK_NS)
        first = max((each for each in firsts if each is not None), default=None)
        return first, min((each for each in ends if each is not None), default=None)

    def _chosen(self, cells: Cells, wanted: Collection[str], rows: int) -> pa.RecordBatch:
        columns = {name: make() for name, make in cells.items() if name in wanted}
        if RECORDING_ID in wanted or not columns:
            columns = {RECORDING_ID: pa.repeat(self.origin.recording_id, rows), **columns}
        return pa.RecordBatch.from_pydict(columns)


def _taken(batches: list[pa.RecordBatch]) -> Batches:
    yield from batches
    batches.clear()


def _is_wanted(field: str, wanted: Collection[str]) -> bool:
    return field in wanted or (field in FUNCTION_FIELDS and f"{field}_name" in wanted)


def _file(part: RecordingPart) -> Recording | RecordingParts:
    recording = part.recording
    inner = recording.unredacted if isinstance(recording, RedactedRecording) else recording
    if not isinstance(inner, Recording | RecordingParts):
        raise TypeError("a stream has one pass, questions need a file")
    return inner
