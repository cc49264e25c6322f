"""The encodings of columns of integers and text, and reading them; `encoding` writes them.

A column is a tag byte, a width byte and what the tag says: FRAME holds the smallest value and the offsets from it as
byte planes (all lowest bytes, then all next bytes...), so that planes of zeros pack to nothing; DICT holds the distinct
values and codes; DELTA the first value and the steps; RAW fixed-size text.
"""

from __future__ import annotations

import struct
from enum import IntEnum
from typing import Any, Final

import numpy as np
import numpy.typing as npt

Integers = npt.NDArray[np.integer[Any]]
Words = npt.NDArray[np.uint64]
Codes = npt.NDArray[np.intp]

TAG: Final = struct.Struct("<BB")
BASE: Final = struct.Struct("<Q")
FRAME_HEAD: Final = struct.Struct("<BBQ")
"""TAG and BASE together."""
COUNT: Final = struct.Struct("<I")
WORD_MASK: Final = (1 << 64) - 1
WORD_BYTES: Final = 8


class Encoding(IntEnum):
    """A column's tag."""

    FRAME = 0
    DICT = 1
    DELTA = 2
    RAW = 3


class CorruptPayloadError(Exception):
    """A payload contradicts itself."""


class Cursor:
    """Reads forward through a payload, never past its end."""

    def __init__(self, data: bytes) -> None:
        self._data = memoryview(data)
        self._at = 0

    def take(self, size: int) -> memoryview:
        """The next `size` bytes. Raises CorruptPayloadError where there are fewer."""
        end = self._at + size
        if end > len(self._data):
            raise CorruptPayloadError("payload ends early")
        piece = self._data[self._at : end]
        self._at = end
        return piece

    def unpack(self, layout: struct.Struct) -> tuple[Any, ...]:
        """The next fields of `layout`."""
        return layout.unpack(self.take(layout.size))

    def count(self, limit: int) -> int:
        """The next 32-bit count. Raises CorruptPayloadError above `limit`."""
        value: int = self.unpack(COUNT)[0]
        if value > limit:
            raise CorruptPayloadError(f"count {value} above {limit}")
        return value


def decode_column(cursor: Cursor, count: int, dtype: np.dtype[Any]) -> npt.NDArray[Any]:
    """The next column as `dtype`. Raises CorruptPayloadError."""
    tag, width = cursor.unpack(TAG)
    if dtype.kind == "S":
        if tag != Encoding.RAW or not width:
            raise CorruptPayloadError(f"text column with tag {tag}")
        return np.frombuffer(cursor.take(width * count), f"S{width}").astype(dtype)
    return _decode_words(cursor, count, tag, width).astype(dtype, copy=False)


def skip_column(cursor: Cursor, count: int) -> None:
    """Step over the next column without unpacking it. Raises CorruptPayloadError."""
    tag, width = cursor.unpack(TAG)
    if tag == Encoding.RAW:
        cursor.take(width * count)
    elif tag == Encoding.FRAME:
        cursor.take(BASE.size + width * count)
    elif tag == Encoding.DELTA:
        cursor.take(BASE.size)
        _skip_frame(cursor, max(count - 1, 0))
    elif tag == Encoding.DICT:
        _skip_frame(cursor, cursor.count(count))
        _skip_frame(cursor, count)
    else:
        raise CorruptPayloadError(f"unknown column tag {tag}")


def decode_codes(cursor: Cursor, count: int, limit: int) -> Codes:
    """The next FRAME column as positions in a table of `limit` entries. Raises CorruptPayloadError."""
    codes = _decode_frame(cursor, count)
    if count and int(codes.max()) >= limit:
        raise CorruptPayloadError("code outside its dictionary")
    return codes.astype(np.intp)


def _decode_words(cursor: Cursor, count: int, tag: int, width: int) -> Words:
    if tag == Encoding.FRAME:
        return _decode_planes(cursor, count, width)
    if tag == Encoding.DICT:
        entries = cursor.count(count)
        table = _decode_frame(cursor, entries)
        return table[decode_codes(cursor, count, entries)]
    if tag == Encoding.DELTA:
        return _decode_steps(cursor, count)
    raise CorruptPayloadError(f"integer column with tag {tag}")


def _decode_steps(cursor: Cursor, count: int) -> Words:
    words = np.empty(count, np.uint64)
    head = cursor.unpack(BASE)[0]
    steps = _decode_frame(cursor, max(count - 1, 0))
    if count:
        words[0] = head
        words[1:] = steps
        np.cumsum(words, out=words)
    return words


def _decode_frame(cursor: Cursor, count: int) -> Words:
    tag, width = cursor.unpack(TAG)
    if tag != Encoding.FRAME:
        raise CorruptPayloadError(f"frame column with tag {tag}")
    return _decode_planes(cursor, count, width)


def _skip_frame(cursor: Cursor, count: int) -> None:
    tag, width = cursor.unpack(TAG)
    if tag != Encoding.FRAME:
        raise CorruptPayloadError(f"frame column with tag {tag}")
    cursor.take(BASE.size + width * count)


def _decode_planes(cursor: Cursor, count: int, width: int) -> Words:
    if width > WORD_BYTES:
        raise CorruptPayloadError(f"integers of {width} bytes")
    base = np.uint64(cursor.unpack(BASE)[0])
    if not width:
        return np.full(count, base)
    planes = np.frombuffer(cursor.take(width * count), np.uint8).reshape(width, count)
    words: npt.NDArray[Any] = planes[0]
    if width > 1:
        narrow = np.zeros((count, machine_width(width)), np.uint8)
        narrow[:, :width] = planes.T
        words = narrow.view(f"<u{narrow.shape[1]}").ravel()
    return np.add(words, base, dtype=np.uint64) if base else words.astype(np.uint64)


def machine_width(width: int) -> int:
    """Bytes of the smallest integer that holds `width` bytes."""
    return 1 << (width - 1).bit_length()
