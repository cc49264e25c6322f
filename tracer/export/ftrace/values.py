"""Columns of fields as ftrace prints them."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any, Final

import numpy as np

from ...batch import Column
from ...imports.table import WORD_FIELDS, WORDS
from ...record import ADDRESS_FIELDS
from ...schema import FUNCTION_FIELDS
from ..tasks import word

_FLAGS: Final = frozenset({"reclaim_flags", "reason"})
"""Words of bits, which are printed side by side."""
_ZONE: Final = "{:<8}"
_WIDTHS: Final = {"zone_idx": _ZONE}
_SYMBOL: Final = re.compile(r"([^\s:()]+)( \[[^\s\]]+\])?")
"""What is read back as a function's name: the name, and the module behind it."""
_HEX: Final = "0x%x"

Shown = list[Any]


class Values:
    """Knows functions' names."""

    def __init__(self, symbols: Mapping[int, str]) -> None:
        self._symbols = symbols

    def conversion(self, field: str) -> str:
        """How what `column` gives of a field is formatted: after Python's `%`."""
        if field == "gfp_flags" or field == "vq":
            return _HEX
        return "%016x" if field in ADDRESS_FIELDS - FUNCTION_FIELDS else "%s"

    def column(self, kind: str, field: str, column: Column) -> Shown:
        """The field of these events: numbers where these are printed as they are, else texts."""
        if column.dtype.kind == "S":
            return _each(column, word)
        if field in FUNCTION_FIELDS:
            at_function = self._place if kind == "oom_notify_begin" else self._function
            return _each(column.astype(np.uint64), at_function)
        if field in ADDRESS_FIELDS:
            shown: Shown = column.astype(np.uint64).tolist()
            return shown
        if words := WORD_FIELDS.get((kind, field)):
            return _each(column, partial(_worded, words))
        numbers: Shown = column.tolist()
        return numbers

    def _function(self, address: int) -> str:
        name = self._symbols.get(address, "")
        return name if _SYMBOL.fullmatch(name) and name.isprintable() else f"{address:#x}"

    def _place(self, address: int) -> str:
        """Where a probe on a function's begin is."""
        match = _SYMBOL.fullmatch(self._function(address))
        assert match is not None
        return match[0] if match[1].startswith("0x") else f"{match[1]}+0x0{match[2] or ''}"


def _each(column: Column, shown: Callable[[Any], str]) -> Shown:
    """Each different value is looked at once: there are few."""
    different, which = np.unique(column, return_inverse=True)
    texts = [shown(value) for value in different.tolist()]
    return [texts[number] for number in which.tolist()]


def _worded(words: str, value: int) -> str:
    names = _NAMES[words]
    if words in _FLAGS and value not in names:
        bits = [bit for bit in names if bit and bit & (bit - 1) == 0 and value & bit]
        rest = value & ~sum(bits)
        return "|".join([*(names[bit] for bit in bits), *([f"{rest:#x}"] if rest else [])])
    return _WIDTHS.get(words, "{}").format(names.get(value, f"{value:#x}"))


_NAMES: Final = {words: {number: name for name, number in table.items()} for words, table in WORDS.items()}
"""Of two words for one number the later: Movable rather than HighMem, which 64-bit kernels have not."""
