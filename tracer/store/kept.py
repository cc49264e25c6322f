"""The newest part of a stream, in bounded memory, and writing it as a recording of its own: a flight recorder."""

from __future__ import annotations

import json
import sys
import threading
import zlib
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Protocol

from ..batch import LostStretch
from ..errors import UsageError
from . import payloads
from .decoding import ITEM_TYPES
from .format import BLOCK_HEADER_BYTES, JSON, BlockHeader, BlockType, Codec
from .note_keys import NOT_KEPT_NOTE, PART_NOTE, SKIPPED_PARTS_NOTE

if TYPE_CHECKING:
    from .blocks import BlockFile

_ROWS: Final = (BlockType.EVENTS, BlockType.SAMPLES)
_OF_FILES: Final = frozenset({PART_NOTE, SKIPPED_PARTS_NOTE})
_PLACE_BYTES: Final = 16
"""What a block's place in the row takes, and what is left over of what malloc gives for it."""


def _kept(header: BlockHeader, payload: bytes) -> bytes:
    """One object a block, header and payload: blocks are small where they are flushed often, and objects are not."""
    return header.pack(0) + payload


def _size(block: bytes) -> int:
    return sys.getsizeof(block) + _PLACE_BYTES


@dataclass(frozen=True)
class Facts:
    """What a stream has said so far beside what happened: names and notes."""

    symbols: Mapping[int, str]
    cgroups: Mapping[int, str]
    notes: Mapping[str, JSON]


class Keeper(Protocol):
    """Is handed a stream's blocks as they come."""

    def describe(self, description: bytes) -> None:
        """The stream's first block, unpacked."""

    def take(self, header: BlockHeader, payload: bytes) -> None:
        """The next block, undamaged, with its payload as it is packed."""

    def missed(self) -> None:
        """Blocks are missing here, or are damaged."""


def append_facts(file: BlockFile, facts: Facts) -> None:
    """Names and notes, those about other files of the same recording left out. Raises TracerError."""
    for kind, names in ((BlockType.SYMBOLS, facts.symbols), (BlockType.CGROUPS, facts.cgroups)):
        if names:
            file.append(kind, payloads.pack_names(names), len(names))
    for key, value in facts.notes.items():
        if key not in _OF_FILES:
            file.append(BlockType.NOTE, payloads.pack_json({"key": key, "value": value}), 1)


class KeptStream:
    """Whole blocks as they came, the newest: no more than `most_bytes` of them, and of the last `most_ns`.

    One thread hands it blocks, any may write it.
    """

    def __init__(self, most_bytes: int, most_ns: int | None = None) -> None:
        self._most_bytes = most_bytes
        self._most_ns = most_ns
        self._description: dict[str, Any] = {}
        self._blocks: deque[bytes] = deque()
        self._bytes = 0
        self._newest_ns = 0
        self._gone_ns = 0
        self._gap = False
        self._lock = threading.Lock()

    @property
    def size_bytes(self) -> int:
        """Memory that it takes."""
        return self._bytes

    def describe(self, description: bytes) -> None:
        """The stream's first block, unpacked; of several files' the first one's counts."""
        self._description = self._description or json.loads(description)

    def take(self, header: BlockHeader, payload: bytes) -> None:
        """The next block, undamaged, with its payload as it is packed."""
        if header.type not in ITEM_TYPES:
            return
        with self._lock:
            if self._gap and self._newest_ns:
                self._append(_lost(self._newest_ns, max(self._newest_ns, header.first_ns)))
            self._gap = False
            self._append(_kept(header, payload))
            self._newest_ns = max(self._newest_ns, header.last_ns)
            self._give_up()

    def missed(self) -> None:
        """Blocks are missing here, or are damaged: what they held counts as lost."""
        self._gap = True

    def write(self, path: Path, facts: Facts) -> None:
        """Write what is kept to a new file. Raises TracerError where that can't be, UsageError where there is nothing.

        Its times count from what it begins with; a note says how much came before.
        """
        from .blocks import BlockFile

        with self._lock:
            blocks, gone_ns = [*self._blocks], self._gone_ns
        if not self._description or not blocks:
            raise UsageError("nothing has come yet that could be saved")
        description, notes = self._beginning(blocks, facts.notes, is_whole=not gone_ns)
        file = BlockFile(path, payloads.pack_json(description), force=False, whole=True)
        try:
            append_facts(file, Facts(facts.symbols, facts.cgroups, notes))
            for block in blocks:
                file.append_packed(BlockHeader.of(block), block[BLOCK_HEADER_BYTES:])
            file.append_end()
            file.close()
        finally:
            file.discard()

    def _append(self, block: bytes) -> None:
        self._blocks.append(block)
        self._bytes += _size(block)

    def _give_up(self) -> None:
        """Let go of what is too much or too old, never of the newest block."""
        while len(self._blocks) > 1 and self._is_too_much(oldest := self._oldest):
            self._drop_oldest(oldest.last_ns)
        # Readings from a time of which events are gone would say that nothing happened then.
        while len(self._blocks) > 1 and self._begins_before(self._gone_ns):
            self._drop_oldest(self._gone_ns)

    @property
    def _oldest(self) -> BlockHeader:
        return BlockHeader.of(self._blocks[0])

    def _is_too_much(self, oldest: BlockHeader) -> bool:
        if self._bytes > self._most_bytes:
            return True
        return self._most_ns is not None and self._newest_ns - oldest.last_ns > self._most_ns

    def _begins_before(self, gone_ns: int) -> bool:
        oldest = self._oldest
        return oldest.type != BlockType.EVENTS and oldest.first_ns < gone_ns

    def _drop_oldest(self, gone_ns: int) -> None:
        self._bytes -= _size(self._blocks.popleft())
        self._gone_ns = max(self._gone_ns, gone_ns)

    def _beginning(
        self, blocks: list[bytes], told: Mapping[str, JSON], *, is_whole: bool
    ) -> tuple[dict[str, Any], dict[str, JSON]]:
        """The description and the notes that the file begins with."""
        notes = {**told}
        first_ns = [header.first_ns for header in map(BlockHeader.of, blocks) if header.type in _ROWS]
        if is_whole or not first_ns:
            return self._description, notes
        metadata: dict[str, Any] = dict(self._description["metadata"])
        before_ns = max(0, min(first_ns) - metadata["start_ns"])
        metadata["start_ns"] += before_ns
        if metadata.get("start_utc_ns"):
            metadata["start_utc_ns"] += before_ns
        earlier: Any = notes.get(NOT_KEPT_NOTE, 0)
        return self._description | {"metadata": metadata}, notes | {NOT_KEPT_NOTE: before_ns + earlier}


def _lost(start_ns: int, end_ns: int) -> bytes:
    """A stretch in which nobody knows how much was lost."""
    raw = payloads.pack_lost([LostStretch(start_ns, end_ns)])
    size, crc = len(raw), zlib.crc32(raw)
    return _kept(BlockHeader(BlockType.LOST, Codec.STORED, size, size, 0, 1, start_ns, end_ns, crc), raw)
