"""Reading a recording: whole, cut or damaged."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any, Self

import numpy as np
import numpy.typing as npt

from ..batch import NO_FIELDS, Batch, Fields, LostStretch, Samples
from ..metadata import Metadata
from ..outputs import FileIdentity
from ..schema import KIND_BY_NAME
from .columns import CorruptPayloadError
from .decoding import ITEM_TYPES, Item, ItemDecoder
from .facts import FACT_TYPES, Facts
from .format import MOST_NS, BlockType
from .index import indexed
from .kind_index import ANY_KIND, KindsRead, Masks, mask_of
from .limits import Claims, unfit
from .note_keys import END_NOTE
from .opening import Start, read_start
from .scan import scan
from .source import Source
from .unpack import unpack


class Recording:
    """An opened recording: `metadata`, `symbols`, `cgroups` (paths) and `notes` at once, events, samples and losses
    through `items`.

    `metadata.start_ns` is time zero, and `start_utc_ns` the wall clock then.

    Opening reads the index or, without one, headers only. Damage inside a block shows when `items` comes to it, so
    `bad_blocks`, `bad_bytes`, `event_count`, `first_ns` and `last_ns` are final after the first whole pass. `complete`
    says the recording was closed in order; `cut_bytes` are unusable bytes at the end.
    """

    def __init__(self, source: Source, start: Start) -> None:
        self.path = source.path
        self.metadata = start.metadata
        self._source = source
        self._decoder = ItemDecoder(start.layouts)
        self._scan = indexed(source, start.file_id) or scan(source, start.end, start.file_id, sequence=1)
        self._headers = self._scan.blocks.columns()
        beyond = unfit(self._headers)
        self._bad: set[int] = set(np.flatnonzero(beyond).tolist())
        self.claims = Claims.of(self._headers[~beyond], source.size)
        self.claims.refuse_if_beyond(source.path)
        facts = self._load_facts()
        self.symbols, self.cgroups = facts.symbols, facts.cgroups
        self.notes, self.complete = facts.notes, facts.complete
        self._masks = self._load_kinds()
        self._measure()
        if not self._scan.lost_blocks:
            self.metadata = from_time_zero(self.metadata, self._good())

    @classmethod
    def open(cls, path: Path, identity: FileIdentity | None = None) -> Self:
        """Open a recording. Raises RecordingError where it can't be: missing, something else, newer, cut too early.

        With an `identity` also where another file is there than that one.
        """
        source = Source(path, identity)
        return cls(source, read_start(source))

    def rest(self) -> None:
        """Hold no descriptor until something is read again."""
        self._source.rest()

    @property
    def file_bytes(self) -> int:
        """The file's length."""
        return self._source.size

    @property
    def read_bytes(self) -> int:
        """Bytes of it that were read so far, those read twice counted twice."""
        return self._source.read_bytes

    @property
    def cut_bytes(self) -> int:
        """Bytes at the end that belong to no whole block."""
        return self._scan.cut_bytes

    @property
    def bad_blocks(self) -> int:
        """Damaged blocks found so far, skipped."""
        return self._scan.lost_blocks + len(self._bad)

    @property
    def bad_bytes(self) -> int:
        """Bytes of the damaged blocks found so far."""
        return self._scan.lost_bytes + sum(self._scan.blocks[number].header.block_bytes for number in self._bad)

    def items(
        self,
        start_ns: int | None = None,
        end_ns: int | None = None,
        leave_out: Fields = NO_FIELDS,
        types: tuple[BlockType, ...] = ITEM_TYPES,
        kinds: frozenset[str] | None = None,
    ) -> Iterator[Item]:
        """What was recorded, in file order, block by block, clipped to start_ns <= time < end_ns.

        A lost stretch that overlaps the range comes whole; arguments to `leave_out` are not unpacked, and of blocks of
        other than these `types` nothing is read. With `kinds` of events, blocks that are known to hold none of them are
        not read: others come whole. Raises RecordingError when the file can't be read any more.
        """
        first = 0 if start_ns is None else start_ns
        end = MOST_NS + 1 if end_ns is None else end_ns
        headers = self._headers
        wanted = _of_types(headers, types) & (headers["first_ns"] < end) & (headers["last_ns"] >= first)
        if kinds is not None and self._masks is not None:
            asked = np.uint64(mask_of(KIND_BY_NAME[kind].number for kind in kinds))
            wanted &= (headers["type"] != BlockType.EVENTS) | (self._masks & asked != 0)
        try:
            whole = (headers["first_ns"] >= first) & (headers["last_ns"] < end)
            for number in np.flatnonzero(wanted).tolist():
                items = self._decode(number, leave_out)
                yield from items if whole[number] else (part for item in items for part in _clipped(item, first, end))
        finally:
            self._measure()

    def _decode(self, number: int, leave_out: Fields) -> list[Item]:
        if number in self._bad:
            return []
        try:
            block, kinds = self._scan.blocks[number], ANY_KIND if self._masks is None else int(self._masks[number])
            return self._decoder.items(block.header, unpack(self._source, block), leave_out, kinds)
        except CorruptPayloadError:
            self._bad.add(number)
            return []

    def _load_facts(self) -> Facts:
        """Symbols, notes and the end mark; newer block types are passed over."""
        facts = Facts()
        for number in np.flatnonzero(_of_types(self._headers, FACT_TYPES)).tolist():
            if number in self._bad:
                continue
            try:
                block = self._scan.blocks[number]
                facts.take(block.header.type, unpack(self._source, block))
            except CorruptPayloadError:
                self._bad.add(number)
        return facts

    def _load_kinds(self) -> Masks | None:
        """Which kinds each block may hold; None where nothing says so, or where blocks are missing."""
        found = np.flatnonzero(_of_types(self._headers, (BlockType.KINDS,))).tolist()
        kinds = KindsRead(self._headers)
        for number in found:
            if number in self._bad:
                continue
            try:
                payload = unpack(self._source, self._scan.blocks[number])
                if not self._scan.lost_blocks:
                    kinds.take(number, payload)
            except CorruptPayloadError:
                self._bad.add(number)
        return kinds.masks if found else None

    def _good(self) -> npt.NDArray[np.void]:
        """Headers of the blocks that are not known to be damaged."""
        return np.delete(self._headers, list(self._bad))

    def _measure(self) -> None:
        good = self._good()
        events = good[good["type"] == BlockType.EVENTS]
        timed = good[_of_types(good, ITEM_TYPES)]
        start_ns = self.metadata.start_ns
        self.event_count = int(events["rows"].sum(dtype=np.uint64))
        from_events = events if len(events) else timed
        self.first_ns = int(from_events["first_ns"].min()) if len(from_events) else start_ns
        self.last_ns = int(timed["last_ns"].max()) if len(timed) else start_ns
        ended_ns = self.notes.get(END_NOTE)
        if isinstance(ended_ns, int):
            self.last_ns = max(self.last_ns, ended_ns)


def from_time_zero(metadata: Metadata, headers: npt.NDArray[np.void]) -> Metadata:
    """The description with the time zero that everything counts from, by the headers of undamaged blocks.

    That is `start_ns` where it is the first reading's, as recorders have it. Earlier ones put it before the
    programs were compiled, up to a minute before anything could be seen: there it is the earliest row.
    Of an import it is the source's first event, or an earlier one where the source is not in order.
    """
    types = headers["type"]
    if not (types == (BlockType.EVENTS if metadata.imported_from else BlockType.SAMPLES)).any():
        return metadata
    rows = (types == BlockType.EVENTS) | ((types == BlockType.SAMPLES) & (not metadata.imported_from))
    later_ns = int(headers["first_ns"][rows].min()) - metadata.start_ns
    if later_ns > 0 if metadata.imported_from else later_ns < 0:
        return metadata
    utc_ns = metadata.start_utc_ns and metadata.start_utc_ns + later_ns
    return replace(metadata, start_ns=metadata.start_ns + later_ns, start_utc_ns=utc_ns)


def _of_types(headers: npt.NDArray[np.void], types: tuple[BlockType, ...]) -> npt.NDArray[np.bool_]:
    return np.isin(headers["type"], types)


def _clipped(item: Item, first: int, end: int) -> Iterator[Item]:
    if isinstance(item, LostStretch):
        if item.start_ns < end and item.end_ns >= first:
            yield item
        return
    times: npt.NDArray[Any] = item.header["time_ns"] if isinstance(item, Batch) else item.time_ns
    inside = np.flatnonzero((times >= first) & (times < end))
    if len(inside) == len(times):
        yield item
    elif len(inside):
        yield item.take(inside) if isinstance(item, Batch) else _rows(item, inside)


def _rows(samples: Samples, rows: npt.NDArray[np.intp]) -> Samples:
    return Samples(samples.time_ns[rows], samples.names, samples.values[rows])
