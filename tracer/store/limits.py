"""What a recording may claim of itself by its blocks' headers: nothing is unpacked before it is held against this.

A writer's blocks are far inside these limits. Those of a whole file keep reading linear in its size: real events take
7 to 8 bytes of a file and pack threefold.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Final, NamedTuple, Self

import numpy as np
import numpy.typing as npt

from ..errors import RecordingError, shown
from .format import (
    BLOCK_HEADER_BYTES,
    INDEX_BLOCKS,
    MAX_BLOCK_ROWS,
    MAX_JSON_BYTES,
    MAX_META_BYTES,
    MAX_RAW_BYTES,
    MOST_NS,
    BlockType,
)

RAW_BYTES: Final[Mapping[int, int]] = {
    BlockType.META: MAX_META_BYTES,
    BlockType.EVENTS: MAX_RAW_BYTES,
    BlockType.SAMPLES: MAX_RAW_BYTES,
    BlockType.SYMBOLS: MAX_JSON_BYTES,
    BlockType.LOST: MAX_JSON_BYTES,
    BlockType.CGROUPS: MAX_JSON_BYTES,
    BlockType.NOTE: MAX_JSON_BYTES,
    BlockType.END: MAX_JSON_BYTES,
    BlockType.INDEX: 8 + 2 * INDEX_BLOCKS * BLOCK_HEADER_BYTES,
    BlockType.KINDS: 2 * INDEX_BLOCKS * 8,
}
"""Most bytes that a payload may have, as stored and once unpacked."""
_ROWS: Final = (BlockType.EVENTS, BlockType.SAMPLES)
_TIMED: Final = (BlockType.EVENTS, BlockType.SAMPLES, BlockType.LOST)

_FREE_EVENTS: Final = 4 << 20
_EVENTS_A_BYTE: Final = 8
_FREE_SAMPLES: Final = 1 << 18
_BYTES_A_SAMPLE: Final = 4
_FREE_RAW_BYTES: Final = 64 << 20
_RAW_A_BYTE: Final = 64


def unfit(headers: npt.NDArray[np.void]) -> npt.NDArray[np.bool_]:
    """Which blocks claim what no writer writes: too many rows or bytes, times that no clock shows.

    `headers` are of `table.HEADER_DTYPE`; types this tool does not know are none of its business.
    """
    types, raw = headers["type"], headers["raw_bytes"]
    found: npt.NDArray[np.bool_] = np.isin(types, _ROWS) & (headers["rows"] > MAX_BLOCK_ROWS)
    found |= np.isin(types, _TIMED) & ((headers["last_ns"] > MOST_NS) | (headers["first_ns"] > headers["last_ns"]))
    for kind, most in RAW_BYTES.items():
        found |= (types == kind) & ((raw > most) | (headers["payload_bytes"] > most))
    return found


class Claims(NamedTuple):
    """What fit blocks claim to hold, and the bytes of the file that they claim it of."""

    events: int = 0
    samples: int = 0
    raw_bytes: int = 0
    file_bytes: int = 0

    @classmethod
    def of(cls, headers: npt.NDArray[np.void], file_bytes: int) -> Self:
        """Of blocks' headers, all of known types and fit."""
        types = headers["type"]

        def total(column: str, kinds: Collection[int]) -> int:
            return int(headers[column][np.isin(types, [*kinds])].sum(dtype=np.uint64))

        events, samples = (total("rows", (kind,)) for kind in (BlockType.EVENTS, BlockType.SAMPLES))
        return cls(events, samples, total("raw_bytes", RAW_BYTES), file_bytes)

    def plus(self, other: Claims) -> Claims:
        """Of both."""
        return Claims(*(mine + its for mine, its in zip(self, other, strict=True)))

    def refuse_if_beyond(self, path: Path) -> None:
        """Raises RecordingError where so little can't honestly hold so much."""
        claims: tuple[tuple[str, int, int], ...] = (
            ("events", self.events, _FREE_EVENTS + _EVENTS_A_BYTE * self.file_bytes),
            ("readings of counters", self.samples, _FREE_SAMPLES + self.file_bytes // _BYTES_A_SAMPLE),
            ("bytes once unpacked", self.raw_bytes, _FREE_RAW_BYTES + _RAW_A_BYTE * self.file_bytes),
        )
        for what, claimed, most in claims:
            if claimed > most:
                raise RecordingError(
                    f"{shown(path)}: claims {claimed:,} {what} in {self.file_bytes:,} bytes, "
                    f"more than the {most:,} that a recorder can write: it is damaged or crafted; nothing was read"
                )
