"""Finding a recording's blocks by their headers alone, across damage."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final, NamedTuple

from .format import BLOCK_HEADER_BYTES, BLOCK_MAGIC, BlockHeader
from .source import Source

_WINDOW_BYTES: Final = 1 << 20
_OVERLAP: Final = len(BLOCK_MAGIC) - 1


class Block(NamedTuple):
    """Where a block is."""

    offset: int
    header: BlockHeader

    @property
    def end(self) -> int:
        """The offset after its last byte."""
        return self.offset + self.header.block_bytes


@dataclass
class Scan:
    """What was found: blocks in file order, damage between them, and the unusable tail."""

    blocks: list[Block] = field(default_factory=list)
    lost_blocks: int = 0
    lost_bytes: int = 0
    cut_bytes: int = 0


def scan(source: Source, start: int, file_id: int, sequence: int) -> Scan:
    """All whole blocks from the offset `start` on, of which the first should have the number `sequence`."""
    found = Scan()
    offset = start
    while offset < source.size:
        block = _next_block(source, offset, file_id, sequence)
        if block is None:
            found.cut_bytes = source.size - offset
            break
        skipped, missing = block.offset - offset, block.header.sequence - sequence
        found.lost_bytes += skipped
        found.lost_blocks += max(missing, 1) if skipped else missing
        found.blocks.append(block)
        offset, sequence = block.end, block.header.sequence + 1
    return found


def block_at(source: Source, offset: int, file_id: int) -> Block | None:
    """The block that begins at `offset`, if one does and it is whole."""
    header = BlockHeader.unpack(source.read(BLOCK_HEADER_BYTES, offset), file_id)
    block = Block(offset, header) if header else None
    return block if block and block.end <= source.size else None


def _next_block(source: Source, offset: int, file_id: int, sequence: int) -> Block | None:
    if (block := block_at(source, offset, file_id)) and block.header.sequence >= sequence:
        return block
    for candidate in _magics(source, offset + 1):
        if (block := block_at(source, candidate, file_id)) and block.header.sequence >= sequence:
            return block
    return None


def _magics(source: Source, offset: int) -> Iterator[int]:
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
