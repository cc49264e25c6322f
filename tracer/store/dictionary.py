"""Finding the distinct values of a column, and remembering them from block to block."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np
import numpy.typing as npt

from ..distinct_values import distinct_values
from .columns import Codes, Integers, Words

MOST_ENTRIES: Final = 256
"""Entries a `Dictionary` may have: a code is a byte."""

_SLOT_BITS: Final = 16
_WORD_BITS: Final = 64
_MULTIPLIERS: Final = tuple(
    np.uint64(odd) for odd in (0x9E3779B97F4A7C15, 0xC2B2AE3D27D4EB4F, 0x165667B19E3779F9, 0x85EBCA77C2B2AE63)
)
_TURNS: Final = tuple(_MULTIPLIERS[turn:] + _MULTIPLIERS[:turn] for turn in range(len(_MULTIPLIERS)))
_TABLES: Final = ((12, _TURNS[0]), *((_SLOT_BITS, turn) for turn in _TURNS))
"""Bits of a slot's number, and the multipliers. There is a dictionary for each column that has one, and for most, which
have few entries, a page is enough."""


class Dictionary:
    """Distinct rows of up to four parallel key columns, and a hash table without a shared slot that finds them."""

    def __init__(self, entries: Sequence[Words], multipliers: Sequence[np.uint64], bits: int, slots: Codes) -> None:
        self._entries = entries
        self._multipliers = multipliers
        self._bits = bits
        self._codes = np.zeros(1 << bits, np.uint8)
        self._codes[slots] = np.arange(len(slots))

    @classmethod
    def of(cls, entries: Sequence[Words]) -> Dictionary | None:
        """A dictionary of these different rows, or None where there are too many or every way of hashing collides."""
        if len(entries[0]) > MOST_ENTRIES:
            return None
        for bits, multipliers in _TABLES:
            slots = _slots(entries, multipliers, bits)
            if len(distinct_values(slots)) == len(slots):
                return cls(entries, multipliers, bits, slots)
        return None

    def __len__(self) -> int:
        return len(self._entries[0])

    @property
    def table_bytes(self) -> int:
        """Memory of the hash table."""
        return self._codes.nbytes

    def codes(self, keys: Sequence[Words]) -> npt.NDArray[np.uint8] | None:
        """Every row's position among the entries, or None where one is not among them."""
        codes = self._codes.take(_slots(keys, self._multipliers, self._bits), mode="clip")
        index = codes.astype(np.intp)
        for entries, key in zip(self._entries, keys, strict=True):
            if not np.array_equal(entries.take(index, mode="clip"), key):
                return None
        return codes


def distinct(keys: Sequence[Words]) -> tuple[Codes, Integers]:
    """Distinct rows of up to four parallel key columns: a position of each, and every row's index among these."""
    for multipliers in _TURNS:
        if found := _distinct_hashed(keys, multipliers):
            return found
    return _distinct_sorted(keys)


def _slots(keys: Sequence[Words], multipliers: Sequence[np.uint64], bits: int) -> Codes:
    mixed = keys[0] * multipliers[0]
    for key, odd in zip(keys[1:], multipliers[1:], strict=False):
        mixed += key * odd
    mixed >>= np.uint64(_WORD_BITS - bits)
    return mixed.astype(np.intp, copy=False)


def _distinct_hashed(keys: Sequence[Words], multipliers: Sequence[np.uint64]) -> tuple[Codes, Integers] | None:
    """As `distinct`, or None where different keys share a slot of the hash table."""
    slots = _slots(keys, multipliers, _SLOT_BITS)
    rows = np.arange(len(slots))
    last = np.empty(1 << _SLOT_BITS, np.intp)
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
