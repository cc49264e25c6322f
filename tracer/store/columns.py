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
Unsigned = npt.NDArray[np.unsignedinteger[Any]]

TAG: Final = struct.Struct("<BB")
BASE: Final = struct.Struct("<Q")
FRAME_HEAD: Final = struct.Struct("<BBQ")
"""TAG and BASE together."""
COUNT: Final = struct.Struct("<I")
WORD_MASK: Final = (1 << 64) - 1
WORD_BYTES: Final = 8
_WORD: Final = np.dtype(np.uint64)
_UNSIGNED: Final = {size: np.dtype(f"u{size}") for size in (1, 2, 4, 8)}
_ENDS_EARLY: Final = "payload ends early"


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
        start, self._at = self._at, self._at + size
        taken = self._data[start : self._at]
        if len(taken) < size:
            raise CorruptPayloadError(_ENDS_EARLY)
        return taken

    def unpack(self, layout: struct.Struct) -> tuple[Any, ...]:
        """The next fields of `layout`. Raises CorruptPayloadError where they are not all there."""
        start, self._at = self._at, self._at + layout.size
        try:
            return layout.unpack_from(self._data, start)
        except struct.error:
            raise CorruptPayloadError(_ENDS_EARLY) from None

    @property
    def is_at_end(self) -> bool:
        """Whether nothing is left."""
        return self._at == len(self._data)

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
    return _decode_words(cursor, count, tag, width, _UNSIGNED[dtype.itemsize]).view(dtype)


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
    codes = _decode_frame(cursor, count, _WORD)
    if count and int(codes.max()) >= limit:
        raise CorruptPayloadError("code outside its dictionary")
    return codes.view(np.intp)


def _decode_words(cursor: Cursor, count: int, tag: int, width: int, unsigned: np.dtype[Any]) -> Unsigned:
    """The lowest bits of the next integers, as many as `unsigned` has."""
    if tag == Encoding.FRAME:
        return _decode_planes(cursor, count, width, unsigned)
    if tag == Encoding.DICT:
        entries = cursor.count(count)
        table = _decode_frame(cursor, entries, unsigned)
        return table.take(decode_codes(cursor, count, entries))
    if tag == Encoding.DELTA:
        return _decode_steps(cursor, count, unsigned)
    raise CorruptPayloadError(f"integer column with tag {tag}")


def _decode_steps(cursor: Cursor, count: int, unsigned: np.dtype[Any]) -> Unsigned:
    words = np.empty(count, unsigned)
    head = cursor.unpack(BASE)[0]
    steps = _decode_frame(cursor, max(count - 1, 0), unsigned)
    if count:
        words[0] = head & _mask(unsigned)
        words[1:] = steps
        np.cumsum(words, out=words)
    return words


def _decode_frame(cursor: Cursor, count: int, unsigned: np.dtype[Any]) -> Unsigned:
    tag, width = cursor.unpack(TAG)
    if tag != Encoding.FRAME:
        raise CorruptPayloadError(f"frame column with tag {tag}")
    return _decode_planes(cursor, count, width, unsigned)


def _skip_frame(cursor: Cursor, count: int) -> None:
    tag, width = cursor.unpack(TAG)
    if tag != Encoding.FRAME:
        raise CorruptPayloadError(f"frame column with tag {tag}")
    cursor.take(BASE.size + width * count)


def _decode_planes(cursor: Cursor, count: int, width: int, unsigned: np.dtype[Any]) -> Unsigned:
    if width > WORD_BYTES:
        raise CorruptPayloadError(f"integers of {width} bytes")
    base = unsigned.type(cursor.unpack(BASE)[0] & _mask(unsigned))
    if not width:
        same: Unsigned = np.empty(count, unsigned)
        same.fill(base)
        return same
    planes = np.frombuffer(cursor.take(width * count), np.uint8).reshape(width, count)
    offsets = planes[0] if width == 1 else _joined(planes)
    integers: Unsigned = offsets.astype(unsigned)
    if base:
        integers += base
    return integers


def _joined(planes: npt.NDArray[np.uint8]) -> Unsigned:
    """Integers from their bytes, the lowest first."""
    narrow = np.dtype(f"u{machine_width(len(planes))}")
    integers: Unsigned = planes[0].astype(narrow)
    for shift, plane in enumerate(planes[1:], 1):
        integers |= np.left_shift(plane, 8 * shift, dtype=narrow)
    return integers


def _mask(unsigned: np.dtype[Any]) -> int:
    return (1 << 8 * unsigned.itemsize) - 1


def machine_width(width: int) -> int:
    """Bytes of the smallest integer that holds `width` bytes."""
    return 1 << (width - 1).bit_length()
