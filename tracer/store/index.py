"""INDEX blocks: the headers of all blocks before them, so that opening need not visit each.

A payload is the offset of the INDEX block before (0 for none) and the headers of the blocks since then, that one
included. The END block names the last INDEX block. What an index says is believed only if it accounts for every byte of
the file; a block that differs from what the index says of it is a bad block when it is read.
"""

from __future__ import annotations

import struct
from contextlib import suppress
from typing import Final

import numpy as np

from .columns import CorruptPayloadError
from .format import BLOCK_HEADER_BYTES, BLOCK_MAGIC, FILE_HEAD, INDEX_BLOCKS, BlockType
from .payloads import unpack_json
from .scan import Scan, block_at, last_block
from .source import Source
from .table import Block, BlockTable
from .unpack import unpack

_PREVIOUS: Final = struct.Struct("<Q")


class IndexGrowing:
    """The writer's side: headers of the blocks since the last INDEX, at most 196 KiB of them."""

    def __init__(self) -> None:
        self.offset = 0
        self._headers = bytearray()

    @property
    def is_due(self) -> bool:
        """Whether an INDEX should be written now."""
        return len(self._headers) >= INDEX_BLOCKS * BLOCK_HEADER_BYTES

    @property
    def rows(self) -> int:
        """Headers waiting."""
        return len(self._headers) // BLOCK_HEADER_BYTES

    def add(self, header: bytes) -> None:
        """A block was written."""
        self._headers += header

    def payload(self) -> bytes:
        """What an INDEX written now holds."""
        return _PREVIOUS.pack(self.offset) + self._headers

    def restart(self, offset: int) -> None:
        """An INDEX with everything so far is about to be written at `offset`."""
        self.offset = offset
        self._headers.clear()


def indexed(source: Source, file_id: int) -> Scan | None:
    """All blocks after the first by the file's index, or None where it has none or it is not the whole truth."""
    end = last_block(source, file_id)
    if end is None or end.header.type != BlockType.END:
        return None
    with suppress(CorruptPayloadError):
        headers, last_end = _headers(source, file_id, _index_offset(source, end))
        if last_end == end.offset:
            headers += end.packed
            return _checked(headers, end)
    return None


def _index_offset(source: Source, end: Block) -> int:
    ending = unpack_json(unpack(source, end))
    offset = ending.get("index") if isinstance(ending, dict) else None
    if not isinstance(offset, int) or not 0 < offset < end.offset:
        raise CorruptPayloadError("no index")
    return offset


def _headers(source: Source, file_id: int, offset: int) -> tuple[bytearray, int]:
    """All headers up to and with the INDEX block at `offset`, and where that one ends."""
    block = block_at(source, offset, file_id)
    if block is None:
        raise CorruptPayloadError("no index")
    parts, end, size = [block.packed], block.end, 0
    while block:
        if block.header.type != BlockType.INDEX:
            raise CorruptPayloadError("no index")
        previous, headers = _unpack(source, block)
        parts.append(headers)
        size += len(headers)
        if previous >= block.offset or size > source.size:
            raise CorruptPayloadError("an index before itself, or of more than there is")
        block = block_at(source, previous, file_id) if previous else None
    return bytearray().join(reversed(parts)), end


def _unpack(source: Source, block: Block) -> tuple[int, bytes]:
    payload = unpack(source, block)
    if len(payload) != _PREVIOUS.size + block.header.rows * BLOCK_HEADER_BYTES:
        raise CorruptPayloadError("an index of another size")
    return _PREVIOUS.unpack_from(payload)[0], payload[_PREVIOUS.size :]


def _checked(headers: bytearray, end: Block) -> Scan | None:
    table = BlockTable.consecutive(headers, FILE_HEAD.size)
    columns = table.columns()
    numbered = np.array_equal(columns["sequence"], np.arange(len(table)))
    blocks = bool((columns["magic"] == np.void(BLOCK_MAGIC)).all())
    if not (numbered and blocks and table[-1].offset == end.offset):
        return None
    second = table[1].offset
    del columns, table
    del headers[:BLOCK_HEADER_BYTES]
    return Scan(BlockTable.consecutive(headers, second))
