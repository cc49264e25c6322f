"""Finding a recording's blocks by their headers alone, across damage."""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final

from .format import BLOCK_HEADER_BYTES, BLOCK_MAGIC, CHAIN_FIELDS, BlockHeader
from .source import Readable
from .table import Block, BlockTable

_WINDOW_BYTES: Final = 1 << 20
_OVERLAP: Final = len(BLOCK_MAGIC) - 1
_TAIL_BYTES: Final = 4096


@dataclass
class Scan:
    """What was found: blocks in file order, damage between them, and the unusable tail."""

    blocks: BlockTable = field(default_factory=BlockTable)
    lost_blocks: int = 0
    lost_bytes: int = 0
    cut_bytes: int = 0


def scan(source: Readable, start: int, file_id: int, sequence: int) -> Scan:
    """All whole blocks from the offset `start` on, of which the first should have the number `sequence`."""
    found = Scan()
    offset = start
    while True:
        offset, sequence = _undamaged(source, offset, file_id, sequence, found.blocks)
        if offset >= source.size:
            return found
        block = next_block(source, offset, file_id, sequence)
        if block is None:
            found.cut_bytes = source.size - offset
            return found
        skipped, missing = block.offset - offset, block.header.sequence - sequence
        found.lost_bytes += skipped
        found.lost_blocks += max(missing, 1) if skipped else missing
        found.blocks.append(block.offset, block.packed)
        offset, sequence = block.end, block.header.sequence + 1


def _undamaged(source: Readable, offset: int, file_id: int, sequence: int, table: BlockTable) -> tuple[int, int]:
    """Adds blocks as long as each directly follows the one before; the offset and the number that come next."""
    size, read = source.size, source.read
    while len(packed := read(BLOCK_HEADER_BYTES, offset)) == BLOCK_HEADER_BYTES:
        magic, payload_bytes, number, crc = CHAIN_FIELDS.unpack(packed)
        end = offset + BLOCK_HEADER_BYTES + payload_bytes
        if magic != BLOCK_MAGIC or number != sequence or end > size or zlib.crc32(packed[:-4], file_id) != crc:
            break
        table.append(offset, packed)
        offset, sequence = end, sequence + 1
    return offset, sequence


def block_at(source: Readable, offset: int, file_id: int) -> Block | None:
    """The block that begins at `offset`, if one does and it is whole."""
    packed = source.read(BLOCK_HEADER_BYTES, offset)
    header = BlockHeader.unpack(packed, file_id)
    block = Block(offset, header, packed) if header else None
    return block if block and block.end <= source.size else None


def last_block(source: Readable, file_id: int) -> Block | None:
    """The block that ends where the file does, if one of at most some 4 KiB does."""
    tail_start = max(source.size - _TAIL_BYTES, 0)
    tail = source.read(_TAIL_BYTES, tail_start)
    at = len(tail)
    while (at := tail.rfind(BLOCK_MAGIC, 0, at)) >= 0:
        if (block := block_at(source, tail_start + at, file_id)) and block.end == source.size:
            return block
    return None


def next_block(source: Readable, offset: int, file_id: int, sequence: int) -> Block | None:
    """The first whole block from `offset` on that may follow the one before the number `sequence`."""
    if (block := block_at(source, offset, file_id)) and block.header.sequence >= sequence:
        return block
    for candidate in _magics(source, offset + 1):
        if (block := block_at(source, candidate, file_id)) and block.header.sequence >= sequence:
            return block
    return None


def _magics(source: Readable, offset: int) -> Iterator[int]:
    """Offsets of everything that looks like a block's first bytes."""
    while offset < source.size:
        window = source.read(_WINDOW_BYTES, offset)
        at = window.find(BLOCK_MAGIC)
        while at >= 0:
            yield offset + at
            at = window.find(BLOCK_MAGIC, at + 1)
        if len(window) <= _OVERLAP:
            return
        offset += len(window) - _OVERLAP
