"""Reading a recording while it is written: items come as blocks become whole."""

from __future__ import annotations

from collections.abc import Iterator
from enum import Enum
from typing import Any, Final

import numpy as np

from ..batch import NO_FIELDS, Fields, LostStretch
from ..errors import RecordingError, shown
from ..metadata import Metadata
from . import opening
from .columns import CorruptPayloadError
from .decoding import ITEM_TYPES, Item, ItemDecoder
from .facts import FACT_TYPES, Facts
from .feeds import Feed
from .format import BLOCK_HEADER_BYTES, FILE_HEAD, FILE_MAGIC, JSON, MAX_RAW_BYTES, BlockHeader, BlockType
from .kept import Keeper
from .limits import Claims, unfit
from .named import NamedItems
from .note_keys import END_NOTE, PART_NOTE, SKIPPED_PARTS_NOTE
from .opening import Start
from .parts import continues
from .reader import from_time_zero
from .scan import block_at, next_block, scan
from .table import HEADER_DTYPE, Block
from .unpack import unpack
from .window import Window

_MOST_BEFORE_ZERO_BYTES: Final = 4 << 20
_MOST_GAP: Final = 1 << 16
_MOST_HELD_BYTES: Final = 2 * (MAX_RAW_BYTES + BLOCK_HEADER_BYTES)
"""More than any block has, so that what lies in front of it can be no block."""


class Ending(Enum):
    """How a stream ended. CLOSED: with its end mark; CUT: without, and its writer has gone."""

    CLOSED = "closed"
    CUT = "cut"


class FollowedRecording:
    """What `Recording` tells, as far as it was read: `items` is one pass, and everything is final behind it.

    `symbols`, `cgroups` and `notes` grow meanwhile. `ending` is None
    until the pass is over. Memory is bounded: some blocks, and a second or three of events
    whose functions have no names yet.
    """

    def __init__(self, feed: Feed, kept: Keeper | None = None) -> None:
        """Wait for the description. Raises RecordingError where it is no recording, or ends before.

        What comes is `kept`, too, if anything is to keep it.
        """
        self.path = feed.path
        self.symbols: dict[int, str] = {}
        self.cgroups: dict[int, str] = {}
        self.notes: dict[str, JSON] = {}
        self.ending: Ending | None = None
        self.event_count = self.lost_blocks = self.bad_bytes = self.cut_bytes = self.parts = 0
        self._feed, self._kept = feed, kept
        self._window = Window(feed.path)
        self._closed = True
        self._start: Start | None = None
        self._claims = Claims()
        self._first_ns: int | None = None
        self._last_ns = self._ended_ns = 0
        self._part = self._offset = self._sequence = 0
        self.metadata = Metadata()
        self._named = NamedItems(self.symbols)
        self._begin()

    @property
    def complete(self) -> bool:
        """Whether it was closed in order."""
        return self.ending is Ending.CLOSED

    @property
    def bad_blocks(self) -> int:
        """Damaged blocks found so far, skipped."""
        return self.lost_blocks

    @property
    def first_ns(self) -> int:
        """The first event's time, or other row's."""
        return self.metadata.start_ns if self._first_ns is None else self._first_ns

    @property
    def last_ns(self) -> int:
        """The newest time so far."""
        return max(self._last_ns, self.metadata.start_ns)

    def items(
        self,
        start_ns: int | None = None,
        end_ns: int | None = None,
        leave_out: Fields = NO_FIELDS,
        types: tuple[BlockType, ...] = ITEM_TYPES,
        kinds: frozenset[str] | None = None,  # noqa: ARG002 - what they are is told behind the blocks
    ) -> Iterator[Item]:
        """All of it to its end, in one pass, whatever `kinds` are asked for; a part of it can't be asked for.

        Raises RecordingError.
        """
        assert (start_ns, end_ns, types) == (None, None, ITEM_TYPES), "a stream has no parts"
        return (item for item in self.steps(leave_out) if item is not None)

    def steps(self, leave_out: Fields = NO_FIELDS) -> Iterator[Item | None]:
        """As `items`, and None whenever nothing has come for a moment (`feeds.WAIT_S`)."""
        data: bytes | None = b""
        while True:
            for item in self._take(leave_out):
                yield from self._named.add(item)
            data = self._feed.read()
            if data is None:
                yield None
            elif data:
                self._window.add(data)
            else:
                break
        self.cut_bytes = self._window.size - self._offset
        self.ending = Ending.CLOSED if self._closed else Ending.CUT
        yield from self._named.rest()

    def _take(self, leave_out: Fields) -> Iterator[Item]:
        """The items of the blocks that are whole."""
        while True:
            if self._start is None and not self._next_part():
                return
            if (block := self._next_block()) is None:
                return
            try:
                yield from self._items(block, leave_out)
            except CorruptPayloadError:
                self.lost_blocks += 1
                self.bad_bytes += block.header.block_bytes
                self._keep_gap()
            self._window.forget(self._offset)
            if self._start is None:
                self._window, self._offset = self._window.rest(), 0

    def _begin(self) -> None:
        """Wait for the description and the first rows, which may put time zero later. Raises RecordingError."""
        while (data := self._feed.read()) != b"":
            self._window.add(data or b"")
            begun = self._start is not None or (self._window.size > 0 and self._begins())
            if begun and (self._zero_told() or self._window.size > _MOST_BEFORE_ZERO_BYTES):
                return
        if self._start is None:
            # Raises what is wrong with it; one that is cut inside its description says nothing and holds nothing.
            self._take_start(opening.read_start(self._window))

    def _zero_told(self) -> bool:
        """Whether a block has come that settles time zero; then it is."""
        assert self._start is not None
        headers = scan(self._window, self._offset, self._start.file_id, self._sequence).blocks.columns()
        told = BlockType.EVENTS if self.metadata.imported_from else BlockType.SAMPLES
        if not (headers["type"] == told).any():
            return False
        self.metadata = from_time_zero(self.metadata, headers[~unfit(headers)])
        return True

    def _begins(self) -> bool:
        """Whether the description is there; then it is taken. Raises RecordingError where it is none."""
        start = opening.read_start(self._window)
        if not start.end:
            return False
        self._take_start(start)
        return True

    def _take_start(self, start: Start) -> None:
        self._start, self._offset, self._sequence = start, start.end, 1
        self._facts, self._decoder = Facts(), ItemDecoder(start.layouts)
        self._closed = False
        if self._kept and (first := block_at(self._window, FILE_HEAD.size, start.file_id)):
            self._kept.describe(unpack(self._window, first))
        self.parts += 1
        if self.parts == 1:
            self.metadata = self._described = start.metadata
        elif not continues(self._described, start.metadata):
            raise RecordingError(f"{shown(self.path)}: goes on with another recording; read one at a time")

    def _next_part(self) -> bool:
        """Begin the next file of a family, if it is there; what else follows an end mark is of no use."""
        head = self._window.read(FILE_HEAD.size, 0)
        if head and head.startswith(FILE_MAGIC[: len(head)]):
            return len(head) == FILE_HEAD.size and self._begins()
        self._window.forget(self._window.size)
        return False

    def _next_block(self) -> Block | None:
        """The next whole block, across damage; None where it has not come yet."""
        assert self._start is not None
        file_id = self._start.file_id
        block = block_at(self._window, self._offset, file_id)
        if block is None or block.header.sequence < self._sequence:
            if self._may_come(file_id):
                return None
            block = next_block(self._window, self._offset + 1, file_id, self._sequence)
        if block is None:
            self._pass_over()
            return None
        skipped, missing = block.offset - self._offset, block.header.sequence - self._sequence
        self.bad_bytes += skipped
        self.lost_blocks += max(missing, 1) if skipped else missing
        if skipped or missing:
            self._keep_gap()
        self._offset, self._sequence = block.end, block.header.sequence + 1
        return block

    def _may_come(self, file_id: int) -> bool:
        """Whether what is there may be the beginning of a block."""
        found = self._window.read(BLOCK_HEADER_BYTES, self._offset)
        if len(found) < BLOCK_HEADER_BYTES:
            return True
        header = BlockHeader.unpack(found, file_id)
        return header is not None and header.sequence >= self._sequence and header.payload_bytes <= MAX_RAW_BYTES

    def _pass_over(self) -> None:
        """Damage that is longer than a block: nothing in front of its last part can be one."""
        beyond = self._window.size - self._offset - _MOST_HELD_BYTES
        if beyond > 0:
            self.bad_bytes += beyond
            self._offset += beyond
            self._window.forget(self._offset)

    def _items(self, block: Block, leave_out: Fields) -> list[Item]:
        """What a block holds. Raises CorruptPayloadError, RecordingError."""
        header = block.header
        columns = np.frombuffer(block.packed, HEADER_DTYPE)
        if unfit(columns).any():
            raise CorruptPayloadError("more than any block")
        self._claims = self._claims.plus(Claims.of(columns, header.block_bytes))
        self._claims.refuse_if_beyond(self.path)
        if header.type in FACT_TYPES:
            return self._take_fact(header, unpack(self._window, block))
        if header.type not in ITEM_TYPES:
            return []
        items = self._decoder.items(header, unpack(self._window, block), leave_out)
        self._measure(header)
        if self._kept:
            self._kept.take(header, self._window.read(header.payload_bytes, block.offset + BLOCK_HEADER_BYTES))
        return items

    def _keep_gap(self) -> None:
        if self._kept:
            self._kept.missed()

    def _take_fact(self, header: BlockHeader, payload: bytes) -> list[Item]:
        """Take a name, a note or the end mark; gives the gap where it tells that files are missing before this one."""
        facts = self._facts
        facts.take(header.type, payload)
        self.symbols.update(facts.symbols)
        self.cgroups.update(facts.cgroups)
        self.notes.update(facts.notes)
        ended_ns: Any = self.notes.get(END_NOTE)
        if isinstance(ended_ns, int):
            self._last_ns = max(self._last_ns, ended_ns)
        if facts.complete:
            self._closed, self._start, self._ended_ns = True, None, self._last_ns
            self._feed.part_ended()
        return self._gap() if header.type == BlockType.NOTE else []

    def _gap(self) -> list[Item]:
        """What is not there before this file of a family, once its number is told."""
        number: Any = self._facts.notes.get(PART_NOTE)
        if number is None or number == self._part or self._start is None:
            return []
        skipped: Any = self._facts.notes.get(SKIPPED_PARTS_NOTE, ())
        between = range(self._part + 1, number) if self._part and 0 < number - self._part < _MOST_GAP else ()
        missing = {*between} - {*skipped}
        self._part = number
        return [LostStretch(self._ended_ns, max(self._ended_ns, self._start.metadata.start_ns))] if missing else []

    def _measure(self, header: BlockHeader) -> None:
        self._last_ns = max(self._last_ns, header.last_ns)
        if header.type == BlockType.EVENTS:
            self.event_count += header.rows
            self._first_ns = min(header.first_ns, header.first_ns if self._first_ns is None else self._first_ns)
