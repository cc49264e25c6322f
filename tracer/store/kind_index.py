"""KINDS blocks: which kinds of events the EVENTS blocks since the last INDEX hold, so that a reader need not look.

A payload is a mask of 64 bits for each of these blocks, in order. What it says is believed only if it accounts for all
of them; a block with a kind that its mask does not name is a bad block when it is read, whatever it is read for: nobody
who asks for that kind alone is told less than those who read everything.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

import numpy as np
import numpy.typing as npt

from .columns import CorruptPayloadError
from .format import BlockType

ANY_KIND: Final = (1 << 64) - 1
"""The mask of a block of which nothing is known."""
_LAST_BIT: Final = 63
_MASK: Final = np.dtype("<u8")

Masks = npt.NDArray[np.uint64]


def mask_of(numbers: Iterable[int]) -> int:
    """A bit for each of these kinds' numbers; one for all from 63 on."""
    mask = 0
    for number in numbers:
        mask |= 1 << min(number, _LAST_BIT)
    return mask


class KindsGrowing:
    """The writer's side: masks of the EVENTS blocks since the last INDEX, 8 bytes each."""

    def __init__(self) -> None:
        self._masks = bytearray()
        self._any_known = False

    def add(self, mask: int) -> None:
        """A block of events was written, of these kinds."""
        self._masks += mask.to_bytes(_MASK.itemsize, "little")
        self._any_known |= mask != ANY_KIND

    def take(self) -> tuple[bytes, int]:
        """What a KINDS block written now holds, and of how many blocks; of none where nothing is known. Starts anew."""
        payload = bytes(self._masks) if self._any_known else b""
        self._masks.clear()
        self._any_known = False
        return payload, len(payload) // _MASK.itemsize


class KindsRead:
    """The reader's side: `masks` has one for each of the blocks with these headers, of `table.HEADER_DTYPE`."""

    def __init__(self, headers: npt.NDArray[np.void]) -> None:
        self.masks: Masks = np.full(len(headers), ANY_KIND, np.uint64)
        self._events, self._indexes = (
            np.flatnonzero(headers["type"] == kind) for kind in (BlockType.EVENTS, BlockType.INDEX)
        )

    def take(self, at: int, payload: bytes) -> None:
        """What the KINDS block says that is the `at`th block. Raises CorruptPayloadError where that is not of them."""
        before = int(np.searchsorted(self._indexes, at))
        since = int(self._indexes[before - 1]) if before else 0
        first, end = np.searchsorted(self._events, (since, at)).tolist()
        if len(payload) != (end - first) * _MASK.itemsize:
            raise CorruptPayloadError("kinds of other blocks than there are")
        self.masks[self._events[first:end]] = np.frombuffer(payload, _MASK)
