"""Where a recording's blocks are: their headers as they are on disk, 56 bytes a block."""

from __future__ import annotations

from array import array
from collections.abc import Sequence
from typing import Final, NamedTuple, Self, overload

import numpy as np
import numpy.typing as npt

from .format import BLOCK_HEADER_BYTES, BlockHeader

HEADER_DTYPE: Final = np.dtype(
    [
        ("magic", "V4"),
        ("type", "<u2"),
        ("codec", "<u2"),
        ("payload_bytes", "<u4"),
        ("raw_bytes", "<u4"),
        ("sequence", "<u4"),
        ("rows", "<u4"),
        ("first_ns", "<u8"),
        ("last_ns", "<u8"),
        ("payload_crc", "<u4"),
        ("header_crc", "<u4"),
    ]
)
"""A header as an array's element."""


class Block(NamedTuple):
    """Where a block is; `packed` is its header as it should be on disk."""

    offset: int
    header: BlockHeader
    packed: bytes

    @property
    def end(self) -> int:
        """The offset after its last byte."""
        return self.offset + self.header.block_bytes


class BlockTable(Sequence[Block]):
    """A file's blocks in order: as a sequence of `Block`, or all headers at once as columns."""

    def __init__(self) -> None:
        self._headers = bytearray()
        self._offsets = array("Q")

    @classmethod
    def consecutive(cls, headers: bytearray, start: int) -> Self:
        """Blocks one directly after the other, the first of them at the offset `start`; `headers` is kept."""
        sizes = np.frombuffer(headers, HEADER_DTYPE)["payload_bytes"].astype(np.uint64) + np.uint64(BLOCK_HEADER_BYTES)
        table = cls()
        table._headers = headers
        table._offsets.frombytes((np.cumsum(sizes) - sizes + np.uint64(start)).tobytes())
        return table

    def append(self, offset: int, packed: bytes) -> None:
        """One more block, after all the others: where it is and its header."""
        self._headers += packed
        self._offsets.append(offset)

    def columns(self) -> npt.NDArray[np.void]:
        """All headers, HEADER_DTYPE, not copied: nothing can be appended as long as they are looked at."""
        return np.frombuffer(self._headers, HEADER_DTYPE)

    def __len__(self) -> int:
        return len(self._offsets)

    @overload
    def __getitem__(self, index: int) -> Block: ...

    @overload
    def __getitem__(self, index: slice) -> Sequence[Block]: ...

    def __getitem__(self, index: int | slice) -> Block | Sequence[Block]:
        if isinstance(index, slice):
            return [self[number] for number in range(*index.indices(len(self)))]
        number = range(len(self))[index]
        packed = bytes(self._headers[number * BLOCK_HEADER_BYTES : (number + 1) * BLOCK_HEADER_BYTES])
        return Block(self._offsets[number], BlockHeader.of(packed), packed)
