"""Texts that come again and again, numbered."""

from __future__ import annotations

from typing import Final

import numpy as np

from .text import I64, MASKS, MOST_TEXT_BYTES, U64, WIDE, WINDOW, Block

MOST_TEXTS: Final = 4096
UNKNOWN: Final = -1

_WINDOWS: Final = MOST_TEXT_BYTES // WINDOW
_MIX: Final[U64] = np.array(
    [0x9E37_79B9_7F4A_7C15 * (2 * place + 1) & (1 << 64) - 1 for place in range(_WINDOWS)], np.uint64
)
"""An odd number for each window: one of zeros adds nothing, so longer neighbours don't change a text's key."""
_MASKS: Final[U64] = np.concatenate(
    (np.zeros(MOST_TEXT_BYTES, np.uint64), MASKS, np.repeat(MASKS[-1:], MOST_TEXT_BYTES - WINDOW))
)
"""Keep what of a window is a text's, by MOST_TEXT_BYTES more than the bytes from its start to the text's end."""
_FOLD: Final = np.uint64(29)


class Vocabulary:
    """Each text met so far has a number, its place in `texts`."""

    def __init__(self) -> None:
        self.texts: list[bytes] = []
        self._windows: U64 = np.zeros((_WINDOWS, 0), np.uint64)
        self._sizes: I64 = np.zeros(0, np.int64)
        self._keys: U64 = np.zeros(0, np.uint64)
        self._sorted: I64 = np.zeros(1, np.int64)
        """Numbers in the order of their keys, and one beyond."""

    def numbers(self, block: Block, starts: I64, sizes: I64) -> I64:
        """Each text's number; new ones are learned. UNKNOWN for what is empty, too long, or one text too many."""
        fits = (sizes > 0) & (sizes <= MOST_TEXT_BYTES)
        sizes = np.where(fits, sizes, 0)
        windows = _windows(block, starts, sizes)
        keys = _keys(windows, len(starts))
        numbers = self._find(keys, windows, sizes)
        missing = np.flatnonzero(fits & (numbers == UNKNOWN))
        if len(missing) and len(self.texts) < MOST_TEXTS:
            _, first = np.unique(keys[missing], return_index=True)
            self._learn(block, starts, sizes, windows, keys, missing[np.sort(first)])
            numbers = self._find(keys, windows, sizes)
        numbers[~fits] = UNKNOWN
        return numbers

    def _find(self, keys: U64, windows: list[U64], sizes: I64) -> I64:
        if not self.texts:
            return np.full(len(keys), UNKNOWN, np.int64)
        numbers = self._sorted[np.searchsorted(self._keys, keys)]
        same = self._sizes[numbers] == sizes
        for place, window in enumerate(windows):
            same &= self._windows[place][numbers] == window
        return np.where(same, numbers, UNKNOWN)

    def _learn(self, block: Block, starts: I64, sizes: I64, windows: list[U64], keys: U64, rows: I64) -> None:
        rows = rows[~np.isin(keys[rows], self._keys)][: MOST_TEXTS - len(self.texts)]
        self.texts += [block.padded[starts[row] : starts[row] + sizes[row]] for row in rows.tolist()]
        new: U64 = np.zeros((_WINDOWS, len(rows)), np.uint64)
        for place, window in enumerate(windows):
            new[place] = window[rows]
        self._windows = np.concatenate((self._windows, new), axis=1)
        self._sizes = np.concatenate((self._sizes, sizes[rows]))
        all_keys = np.empty(len(self.texts), np.uint64)
        all_keys[self._sorted[:-1]] = self._keys
        all_keys[len(all_keys) - len(rows) :] = keys[rows]
        order = np.argsort(all_keys)
        self._sorted, self._keys = np.append(order, 0), all_keys[order]


def _windows(block: Block, starts: I64, sizes: I64) -> list[U64]:
    """The texts as words of eight bytes, zeros behind their ends."""
    if not len(sizes):
        return []
    shortest, longest = int(sizes.min()), int(sizes.max())
    windows = []
    for offset in range(0, longest, WINDOW):
        place = offset % WIDE // WINDOW
        if place == 0:
            wide = block.wide_windows(starts + offset)
        window = wide[:, place]
        windows.append(window & _MASKS[sizes + (MOST_TEXT_BYTES - offset)] if shortest < offset + WINDOW else window)
    return windows


def _keys(windows: list[U64], count: int) -> U64:
    keys: U64 = np.zeros(count, np.uint64)
    for place, window in enumerate(windows):
        keys += (window ^ window >> _FOLD) * _MIX[place]
    return keys ^ keys >> _FOLD
