"""Protocol buffers written by the column: messages of one shape are rows of a byte array, all as long.

A varint may be longer than it must be, so each column gets the width that its largest value needs
(https://protobuf.dev/programming-guides/encoding).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt

U8 = npt.NDArray[np.uint8]
U64 = npt.NDArray[np.uint64]

_VARINT, _FIXED64, _BYTES = 0, 1, 2
_MORE: Final = 0x80
_BITS: Final = 7
_SPREAD_BYTES: Final = 8
_MOST_BYTES: Final = 10
_STEPS: Final = tuple(
    (np.uint64(low), np.uint64(high), np.uint64(by))
    for low, high, by in (
        (0x000000000FFFFFFF, 0x00FFFFFFF0000000, 4),
        (0x00003FFF00003FFF, 0x0FFFC0000FFFC000, 2),
        (0x007F007F007F007F, 0x3F803F803F803F80, 1),
    )
)
"""Seven bits each into bytes of their own: halves, quarters, eighths move apart."""
_SKIPPED: Final = (3, 3, 2, 1, 1, 0, 0, 0, 0)
"""By the bytes that are needed: steps that move nothing but zeros."""


@dataclass(frozen=True)
class Varint:
    """A column of varints, one a message."""

    values: U64


@dataclass(frozen=True)
class Fixed64:
    """A column of 8-byte values: a fixed64's, or a double's."""

    values: npt.NDArray[np.generic]


@dataclass(frozen=True)
class Message:
    """A field that is a message, with its parts in order."""

    field: int
    parts: Sequence[Any]


def varint(value: int) -> bytes:
    """One varint; a negative number as its 64 bits."""
    value &= (1 << 64) - 1
    encoded = bytearray()
    while value >= _MORE:
        encoded.append(value & 0x7F | _MORE)
        value >>= _BITS
    encoded.append(value)
    return bytes(encoded)


def number(field: int, value: int) -> bytes:
    """A varint field."""
    return key(field) + varint(value)


def double(field: int, value: float) -> bytes:
    """A double field."""
    return varint(field << 3 | _FIXED64) + np.float64(value).tobytes()


def fixed64(field: int, value: int) -> bytes:
    """A fixed64 field."""
    return varint(field << 3 | _FIXED64) + value.to_bytes(8, "little")


def text(field: int, value: str) -> bytes:
    """A string field."""
    return message(field, value.encode())


def message(field: int, *parts: bytes) -> bytes:
    """A field that is a message, or bytes."""
    content = b"".join(parts)
    return varint(field << 3 | _BYTES) + varint(len(content)) + content


def key(field: int) -> bytes:
    """What a varint field begins with: a `Varint` column follows."""
    return varint(field << 3 | _VARINT)


def key64(field: int) -> bytes:
    """What an 8-byte field begins with: a `Fixed64` column follows."""
    return varint(field << 3 | _FIXED64)


def whole(values: npt.NDArray[Any]) -> Varint:
    """Integers of any width as varints; negative ones as their 64 bits."""
    return Varint(values.astype(np.int64).view(np.uint64) if values.dtype.kind == "i" else values.astype(np.uint64))


def rows(parts: Sequence[Any], count: int) -> U8:
    """So many messages, shape (count, bytes)."""
    pieces = list(_flat(parts))
    template = b"".join(piece if isinstance(piece, bytes) else bytes(_width(piece)) for piece in pieces)
    written = np.empty((count, len(template)), np.uint8)
    written[:] = np.frombuffer(template, np.uint8)
    at = 0
    for piece in pieces:
        width = _width(piece)
        if not isinstance(piece, bytes):
            _put(written[:, at : at + width], piece)
        at += width
    return written


def _flat(parts: Sequence[Any]) -> Iterator[Any]:
    """The parts without messages in them: each gives way to what it begins with and its own parts."""
    for part in parts:
        if isinstance(part, Message):
            inner = list(_flat(part.parts))
            yield varint(part.field << 3 | _BYTES) + varint(sum(map(_width, inner)))
            yield from inner
        elif not isinstance(part, Varint):
            yield part
        else:
            yield _Sized(part.values, _bytes_needed(part.values))


@dataclass(frozen=True)
class _Sized:
    values: U64
    width: int


def _width(piece: Any) -> int:  # noqa: ANN401 - one of the parts
    if isinstance(piece, bytes):
        return len(piece)
    return piece.width if isinstance(piece, _Sized) else 8


def _bytes_needed(values: U64) -> int:
    return max(1, -(-int(values.max(initial=0)).bit_length() // _BITS))


def _put(target: U8, piece: _Sized | Fixed64) -> None:
    if isinstance(piece, Fixed64):
        _copy(target, np.ascontiguousarray(piece.values).view(np.uint8).reshape(-1, 8))
    elif piece.width == 1:
        target[:, 0] = piece.values
    else:
        _put_varints(target, piece.values, piece.width)


def _copy(target: U8, source: U8) -> None:
    """Row by row; byte by byte takes twice as long."""
    row = f"V{source.shape[1]}"
    target.view(row)[:] = source.view(row)


def _put_varints(target: U8, values: U64, width: int) -> None:
    near = min(width, _SPREAD_BYTES)
    spread = values
    for low, high, by in _STEPS[_SKIPPED[near] :]:
        spread = (spread & low) | ((spread & high) << by)
    more = sum(_MORE << 8 * place for place in range(min(width - 1, _SPREAD_BYTES)))
    spread |= np.uint64(more)
    _copy(target[:, :near], spread.view(np.uint8).reshape(-1, _SPREAD_BYTES)[:, :near])
    for place in range(near, width):
        bits = (values >> np.uint64(_BITS * place)) & np.uint64(0x7F)
        target[:, place] = bits | np.uint64(_MORE if place < width - 1 else 0)
