"""Columns of integers and text as compact bytes, put into a `Sink`; numpy only, lossless for every 64-bit value.

`columns` describes the encodings and reads them.
"""

from __future__ import annotations

from typing import Any, Final

import numpy as np
import numpy.typing as npt

from ..distinct_values import distinct_values
from .columns import BASE, COUNT, FRAME_HEAD, TAG, WORD_BYTES, WORD_MASK, Encoding, Integers, Words, machine_width
from .dictionary import Dictionary, distinct
from .sink import Sink

_DICT_FROM_WIDTH: Final = 3
"""Narrower columns pack as well without a dictionary."""
_PROBE: Final = 256
_DELTA_HEAD: Final = TAG.pack(Encoding.DELTA, 0)
_DICT_HEAD: Final = TAG.pack(Encoding.DICT, 0)


def put_count(sink: Sink, value: int) -> None:
    """What `Cursor.count` reads."""
    sink.put(COUNT.pack(value))


def put_frame(sink: Sink, values: Integers) -> None:
    """Integers of any size as FRAME."""
    if not len(values):
        sink.put(frame_head(0, 0))
        return
    values = np.ascontiguousarray(values)
    low, high = int(np.minimum.reduce(values)), int(np.maximum.reduce(values))
    if low == high:
        sink.put(frame_head(low, 0))
    else:
        _put_planes(sink, values, low, _width(low, high))


def put_steps(sink: Sink, values: Integers) -> None:
    """Integers that mostly change little (times) as DELTA; steps may be negative."""
    words = values.astype(np.uint64, order="C", copy=False)
    sink.put(_DELTA_HEAD)
    sink.put(BASE.pack(int(words[0]) if len(words) else 0))
    put_frame(sink, (words[1:] - words[:-1]).view(np.int64))


def put_text(sink: Sink, values: npt.NDArray[np.bytes_]) -> None:
    """Fixed-size text as RAW."""
    sink.put(TAG.pack(Encoding.RAW, values.dtype.itemsize))
    sink.put(values.tobytes())


class ColumnEncoder:
    """One column of one kind, block after block: remembers the dictionary that did for the last block."""

    def __init__(self) -> None:
        self._dictionary: Dictionary | None = None
        self._head = b""

    def put(self, sink: Sink, values: npt.NDArray[Any]) -> None:
        """The column's rows of one block: text as RAW, integers as FRAME or, where few values repeat, DICT."""
        values = np.ascontiguousarray(values)
        if values.dtype.kind == "S":
            put_text(sink, values)
        elif not len(values):
            put_frame(sink, values)
        else:
            self.put_between(sink, values, int(np.minimum.reduce(values)), int(np.maximum.reduce(values)))

    def put_between(self, sink: Sink, values: Integers, low: int, high: int) -> None:
        """Contiguous integers, at least one, whose smallest and largest are known."""
        if low == high:
            sink.put(frame_head(low, 0))
            return
        width = _width(low, high)
        if width < _DICT_FROM_WIDTH or not self._put_codes(sink, values, width):
            _put_planes(sink, values, low, width)

    def _put_codes(self, sink: Sink, values: Integers, width: int) -> bool:
        """As DICT, if that is worth it."""
        words = values.astype(np.uint64, copy=False)
        if self._put_remembered(sink, words):
            return True
        if not _repeats(values):
            return False
        first, codes = distinct([words])
        if len(first) * WORD_BYTES + len(values) * _code_width(len(first)) >= len(values) * width:
            return False
        entries = words[first]
        self._remember(entries)
        sink.put(_dictionary_head(entries))
        put_frame(sink, codes)
        return True

    def _remember(self, entries: Words) -> None:
        self._dictionary = Dictionary.of([entries])
        self._head = _dictionary_head(entries) + frame_head(0, 1)

    def _put_remembered(self, sink: Sink, words: Words) -> bool:
        if self._dictionary is None or len(self._dictionary) > len(words):
            return False
        codes = self._dictionary.codes([words])
        if codes is None:
            return False
        sink.put(self._head)
        sink.reserve(len(codes))[:] = codes
        return True


def _dictionary_head(entries: Words) -> bytes:
    table = Sink(len(entries) * WORD_BYTES + FRAME_HEAD.size)
    put_frame(table, entries)
    return _DICT_HEAD + COUNT.pack(len(entries)) + table.view()


def frame_head(low: int, width: int) -> bytes:
    """What a FRAME of these offsets begins with; of width 0 it is all of it."""
    return FRAME_HEAD.pack(Encoding.FRAME, width, low & WORD_MASK)


def _width(low: int, high: int) -> int:
    return ((high - low).bit_length() + 7) // 8


def _put_planes(sink: Sink, values: Integers, low: int, width: int) -> None:
    sink.put(frame_head(low, width))
    size = values.dtype.itemsize
    unsigned = values.view(f"u{size}")
    base = unsigned.dtype.type(low & ((1 << 8 * size) - 1))
    planes = sink.reserve(len(values) * width)
    if width == 1:
        np.subtract(unsigned, base, out=planes, casting="unsafe")
        return
    offsets = unsigned - base if base else unsigned
    narrow = offsets.astype(f"<u{machine_width(width)}", copy=False)
    np.copyto(planes.reshape(width, -1), narrow.view(np.uint8).reshape(len(values), -1)[:, :width].T)


def _code_width(entries: int) -> int:
    return ((entries - 1).bit_length() + 7) // 8


def _repeats(values: Integers) -> bool:
    probe = values[:: max(1, len(values) // _PROBE)]
    return len(distinct_values(probe)) * 2 <= len(probe)
