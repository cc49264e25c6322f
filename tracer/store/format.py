"""The container on disk: file head, block headers, limits; little-endian. `docs/recording.md` describes it."""

from __future__ import annotations

import struct
import zlib
from enum import IntEnum
from typing import Final, NamedTuple, TypeAlias

JSON: TypeAlias = "bool | int | float | str | list[JSON] | dict[str, JSON] | None"

FORMAT_NAME: Final = "reclaim-tracer/recording"
VERSION_MAJOR: Final = 1
VERSION_MINOR: Final = 3

FILE_MAGIC: Final = b"\x89RTR\r\n\x1a\n"
"""High bit and both kinds of line end, so that a transfer as text shows."""
FILE_HEAD: Final = struct.Struct("<8sHHI")
"""Magic, major version, minor version, file id. The id seeds every header checksum: foreign blocks never match."""

BLOCK_MAGIC: Final = b"\xb7RB\n"
_HEADER_FIELDS: Final = struct.Struct("<4sHHIIIIQQI")
_CRC: Final = struct.Struct("<I")
CHAIN_FIELDS: Final = struct.Struct("<4s4xI4xI24xI")
"""Of a header what tells a block and where the next one is: magic, payload bytes, number, header checksum."""
BLOCK_HEADER_BYTES: Final = _HEADER_FIELDS.size + _CRC.size

BLOCK_EVENTS: Final = 16_384
"""Events the writer puts into one block."""
INDEX_BLOCKS: Final = 4096
"""Blocks the writer puts into one INDEX."""
LOST_STRETCHES: Final = 4096
"""Lost stretches the writer puts into one block."""
MAX_BLOCK_ROWS: Final = 1 << 16
"""Most events or sample rows a block may hold."""
MAX_SAMPLE_CELLS: Final = 1 << 21
MAX_RAW_BYTES: Final = 32 << 20
"""Most bytes the columns of a block may have once unpacked."""
MAX_JSON_BYTES: Final = 4 << 20
"""Most bytes of JSON in a block other than META; also most that a recording's notes may have together."""
MAX_META_BYTES: Final = 16 << 20
NS_MAX: Final = (1 << 64) - 1
MOST_NS: Final = 1 << 62
"""Latest time a recording may tell, 146 years: differences of two fit into 64 bits."""
MOST_COUNT: Final = 1 << 53
"""Largest count or reading: floating-point numbers still tell it from the next one."""


class BlockType(IntEnum):
    """What a block holds. A number never changes its meaning; readers skip numbers they do not know."""

    META = 1
    EVENTS = 2
    SAMPLES = 3
    SYMBOLS = 4
    LOST = 5
    NOTE = 6
    END = 7
    INDEX = 8
    CGROUPS = 9
    KINDS = 10


class Codec(IntEnum):
    """How a payload is packed."""

    STORED = 0
    ZSTD = 1


class BlockHeader(NamedTuple):
    """One block's header; `rows` are its events, sample rows, symbols, stretches or notes."""

    type: int
    codec: int
    payload_bytes: int
    raw_bytes: int
    sequence: int
    rows: int
    first_ns: int
    last_ns: int
    payload_crc: int

    @property
    def block_bytes(self) -> int:
        """Header and payload together."""
        return BLOCK_HEADER_BYTES + self.payload_bytes

    def pack(self, file_id: int) -> bytes:
        """As bytes, checksum included."""
        head = _HEADER_FIELDS.pack(BLOCK_MAGIC, *self)
        return head + _CRC.pack(zlib.crc32(head, file_id))

    @classmethod
    def unpack(cls, data: bytes, file_id: int) -> BlockHeader | None:
        """From bytes, or None where they are no whole header of this file."""
        if len(data) < BLOCK_HEADER_BYTES or not data.startswith(BLOCK_MAGIC):
            return None
        head = data[: _HEADER_FIELDS.size]
        if zlib.crc32(head, file_id) != _CRC.unpack_from(data, _HEADER_FIELDS.size)[0]:
            return None
        return cls.of(data)

    @classmethod
    def of(cls, data: bytes) -> BlockHeader:
        """From bytes known to be a header."""
        return cls(*_HEADER_FIELDS.unpack_from(data)[1:])
