"""Columns of integers and text as compact bytes and back; numpy only, lossless for every 64-bit value.

A column is a tag byte, a width byte and what the tag says: FRAME holds the smallest value and the offsets from it as
byte planes (all lowest bytes, then all next bytes...), so that planes of zeros pack to nothing; DICT holds the distinct
values and codes; DELTA the first value and the steps; RAW fixed-size text.
"""

from __future__ import annotations

import struct
from collections.abc import Sequence
from enum import IntEnum
from typing import Any, Final

import numpy as np
import numpy.typing as npt

Integers = npt.NDArray[np.integer[Any]]
Words = npt.NDArray[np.uint64]
Codes = npt.NDArray[np.intp]

_TAG: Final = struct.Struct("<BB")
_BASE: Final = struct.Struct("<Q")
_COUNT: Final = struct.Struct("<I")
_WORD_MASK: Final = (1 << 64) - 1
_WORD_BYTES: Final = 8

_DICT_FROM_WIDTH: Final = 3
"""Narrower columns pack as well without a dictionary."""
_PROBE: Final = 256
_SLOT_BITS: Final = 16
_HASH_TURNS: Final = 2
_MULTIPLIERS: Final = tuple(np.uint64(odd) for odd in (0x9E3779B97F4A7C15, 0xC2B2AE3D27D4EB4F, 0x165667B19E3779F9))


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
        value: int = self.unpack(_COUNT)[0]
        if value > limit:
            raise CorruptPayloadError(f"count {value} above {limit}")
        return value


def pack_count(value: int) -> bytes:
    """What `Cursor.count` reads."""
    return _COUNT.pack(value)


def encode_frame(values: Integers) -> bytes:
    """Integers of any size as FRAME."""
    if not len(values):
        return _TAG.pack(Encoding.FRAME, 0) + _BASE.pack(0)
    low, width = _frame_of(values)
    return _frame_bytes(values, low, width)


def encode_integers(values: Integers) -> bytes:
    """Integers of any size as FRAME or, where few values repeat, DICT."""
    if not len(values):
        return encode_frame(values)
    low, width = _frame_of(values)
    if width >= _DICT_FROM_WIDTH and _repeats(values):
        first, codes = distinct([values.astype(np.uint64)])
        if len(first) * _WORD_BYTES + len(values) * _code_width(len(first)) < len(values) * width:
            table, index = encode_frame(values[first]), encode_frame(codes)
            return _TAG.pack(Encoding.DICT, 0) + _COUNT.pack(len(first)) + table + index
    return _frame_bytes(values, low, width)


def encode_steps(values: Integers) -> bytes:
    """Integers that mostly change little (times) as DELTA; steps may be negative."""
    words = values.astype(np.uint64)
    head = int(words[0]) if len(words) else 0
    return _TAG.pack(Encoding.DELTA, 0) + _BASE.pack(head) + encode_frame(np.diff(words).view(np.int64))


def encode_text(values: npt.NDArray[np.bytes_]) -> bytes:
    """Fixed-size text as RAW."""
    return _TAG.pack(Encoding.RAW, values.dtype.itemsize) + values.tobytes()


def encode_column(values: npt.NDArray[Any]) -> bytes:
    """Text or integers."""
    return encode_text(values) if values.dtype.kind == "S" else encode_integers(values)


def decode_column(cursor: Cursor, count: int, dtype: np.dtype[Any]) -> npt.NDArray[Any]:
    """The next column as `dtype`. Raises CorruptPayloadError."""
    tag, width = cursor.unpack(_TAG)
    if dtype.kind == "S":
        if tag != Encoding.RAW or not width:
            raise CorruptPayloadError(f"text column with tag {tag}")
        return np.frombuffer(cursor.take(width * count), f"S{width}").astype(dtype)
    return _decode_words(cursor, count, tag, width).astype(dtype)


def skip_column(cursor: Cursor, count: int) -> None:
    """Step over the next column without unpacking it. Raises CorruptPayloadError."""
    tag, width = cursor.unpack(_TAG)
    if tag == Encoding.RAW:
        cursor.take(width * count)
    elif tag == Encoding.FRAME:
        cursor.take(_BASE.size + width * count)
    elif tag == Encoding.DELTA:
        cursor.take(_BASE.size)
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


def distinct(keys: Sequence[Words]) -> tuple[Codes, Integers]:
    """Distinct rows of up to three parallel key columns: a position of each, and every row's index among these."""
    for turn in range(_HASH_TURNS):
        if found := _distinct_hashed(keys, _MULTIPLIERS[turn:] + _MULTIPLIERS[:turn]):
            return found
    return _distinct_sorted(keys)


def _distinct_hashed(keys: Sequence[Words], multipliers: Sequence[np.uint64]) -> tuple[Codes, Integers] | None:
    """As `distinct`, or None where different keys share a slot of the hash table."""
    mixed = keys[0] * multipliers[0]
    for key, odd in zip(keys[1:], multipliers[1:], strict=False):
        mixed += key * odd
    slots = (mixed >> np.uint64(64 - _SLOT_BITS)).astype(np.intp)
    rows = np.arange(len(slots), dtype=np.int32)
    last = np.empty(1 << _SLOT_BITS, np.int32)
    last[slots] = rows
    chosen = last[slots]
    if not all(np.array_equal(key, key[chosen]) for key in keys):
        return None
    first = np.flatnonzero(chosen == rows)
    index = np.empty(1 << _SLOT_BITS, np.uint16)
    index[slots[first]] = np.arange(len(first))
    return first, index[slots]


def _distinct_sorted(keys: Sequence[Words]) -> tuple[Codes, Integers]:
    """As `distinct`, for any keys."""
    order = np.lexsort(keys)
    ordered = [key[order] for key in keys]
    starts = np.ones(len(order), bool)
    starts[1:] = np.logical_or.reduce([key[1:] != key[:-1] for key in ordered])
    codes = np.empty(len(order), np.intp)
    codes[order] = np.cumsum(starts) - 1
    return order[starts], codes


def _frame_of(values: Integers) -> tuple[int, int]:
    low, high = int(values.min()), int(values.max())
    return low, ((high - low).bit_length() + 7) // 8


def _frame_bytes(values: Integers, low: int, width: int) -> bytes:
    head = _TAG.pack(Encoding.FRAME, width) + _BASE.pack(low & _WORD_MASK)
    return head + _planes(values, low, width) if width else head


def _planes(values: Integers, low: int, width: int) -> bytes:
    size = values.dtype.itemsize
    unsigned = np.ascontiguousarray(values).view(f"u{size}")
    offsets = unsigned - unsigned.dtype.type(low & ((1 << 8 * size) - 1))
    narrow = offsets.astype(f"<u{_machine_width(width)}", copy=False)
    planes: npt.NDArray[np.uint8] = narrow.view(np.uint8).reshape(len(values), -1)[:, :width].T
    return planes.tobytes()


def _machine_width(width: int) -> int:
    return 1 << (width - 1).bit_length()


def _code_width(entries: int) -> int:
    return ((entries - 1).bit_length() + 7) // 8


def _repeats(values: Integers) -> bool:
    probe = values[:: max(1, len(values) // _PROBE)]
    return len(np.unique(probe)) * 2 <= len(probe)


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
    head = cursor.unpack(_BASE)[0]
    steps = _decode_frame(cursor, max(count - 1, 0))
    if count:
        words[0] = head
        words[1:] = steps
        np.cumsum(words, out=words)
    return words


def _decode_frame(cursor: Cursor, count: int) -> Words:
    tag, width = cursor.unpack(_TAG)
    if tag != Encoding.FRAME:
        raise CorruptPayloadError(f"frame column with tag {tag}")
    return _decode_planes(cursor, count, width)


def _skip_frame(cursor: Cursor, count: int) -> None:
    tag, width = cursor.unpack(_TAG)
    if tag != Encoding.FRAME:
        raise CorruptPayloadError(f"frame column with tag {tag}")
    cursor.take(_BASE.size + width * count)


def _decode_planes(cursor: Cursor, count: int, width: int) -> Words:
    if width > _WORD_BYTES:
        raise CorruptPayloadError(f"integers of {width} bytes")
    base = np.uint64(cursor.unpack(_BASE)[0])
    if not width:
        return np.full(count, base)
    planes = np.frombuffer(cursor.take(width * count), np.uint8).reshape(width, count)
    narrow = np.zeros((count, _machine_width(width)), np.uint8)
    narrow[:, :width] = planes.T
    return narrow.view(f"<u{narrow.shape[1]}").ravel().astype(np.uint64) + base
