"""A block of text as arrays: where its lines and words begin."""

from __future__ import annotations

from typing import Final

import numpy as np
import numpy.typing as npt

from ..lines import MOST_LINE_BYTES

Bools = npt.NDArray[np.bool_]
I64 = npt.NDArray[np.int64]
U64 = npt.NDArray[np.uint64]

WINDOW: Final = 8
"""Bytes of a number that holds text."""
WIDE: Final = 32
"""Bytes that are loaded at once: from an unaligned place they take no longer than eight."""
MOST_TEXT_BYTES: Final = 96
"""Longest text that is compared or looked up."""

_PAD: Final = b"\n" * 256
"""Around the text, so that nothing near its ends is read outside."""
_WORDS_BEYOND: Final = b"\n" * 128 + b"x\n" * 64
"""The same behind the text, with more words than are looked for behind a line's last one."""
_NEWLINE, _BLANK, _PRINTABLE = 10, 32, 95

MASKS: Final[U64] = np.array([(1 << 8 * size) - 1 for size in range(WINDOW + 1)], np.uint64)
"""Keep so many bytes of a window, the first ones."""


Places = tuple[I64, I64, I64, Bools]
"""`Block.words`, `first_word`, the lines' sizes, and `odd`."""


class Block:
    """Whole lines. Positions are those in `padded`.

    `starts` and `ends` are the lines', without their ends; `words` the starts of all words, with some beyond the last
    one; `first_word` the index of each line's first word, and one beyond. `odd` lines have bytes outside of printable
    ASCII, or too many.
    """

    def __init__(self, data: bytes, known: Places | None = None) -> None:
        """`data` are lines without the last one's end; `known` is what another one found in them."""
        self.padded = b"".join((_PAD, data, _WORDS_BEYOND))
        self.bytes: npt.NDArray[np.uint8] = np.frombuffer(self.padded, np.uint8)
        self.windows: U64 = np.ndarray((len(self.padded) - WINDOW + 1,), "<u8", self.padded, strides=(1,))
        self._wide = np.ndarray((len(self.padded) - WIDE + 1,), f"S{WIDE}", self.padded, strides=(1,))
        self.starts: I64
        self.ends: I64
        self.words: I64
        self.first_word: I64
        self.odd: Bools
        if known is None:
            self._find(len(data))
        else:
            self.words, self.first_word, sizes, self.odd = known
            self.ends = np.cumsum(sizes + 1) + (len(_PAD) - 1)
            self.starts = self.ends - sizes

    def __len__(self) -> int:
        """Lines."""
        return len(self.starts)

    def line(self, index: int) -> str:
        """One line's text; bytes that are no UTF-8 become U+FFFD."""
        return self.padded[self.starts[index] : self.ends[index]].decode("utf-8", "replace")

    def equal(self, at: I64, text: bytes) -> Bools:
        """Where this text stands at each of the positions."""
        result: Bools = np.ones(len(at), bool)
        for offset in range(0, len(text), WINDOW):
            wanted = text[offset : offset + WINDOW]
            found = self.windows[at + offset if offset else at]
            if len(wanted) < WINDOW:
                found &= MASKS[len(wanted)]
            result &= found == np.uint64(int.from_bytes(wanted, "little"))
        return result

    def wide_windows(self, at: I64) -> U64:
        """Four windows that follow each other from each of the positions on; they are in the last dimension."""
        return self._wide[at].view("<u8").reshape(*at.shape, WIDE // WINDOW)

    def end_of_text_before(self, at: I64) -> I64:
        """Each position, moved back over at most 16 blanks before it."""
        ends = self._before_blanks(at)
        rows = np.flatnonzero(at - ends == WINDOW)
        if len(rows):
            ends[rows] = self._before_blanks(ends[rows])
        return ends

    def _before_blanks(self, at: I64) -> I64:
        after_blanks = self.windows[at - WINDOW]
        after_blanks ^= np.uint64(0x2020_2020_2020_2020)
        return at - (WINDOW - 1) + highest_byte(after_blanks)

    def _find(self, size: int) -> None:
        self.starts, self.ends, strange = self._lines(size)
        self.words = self._words()
        self.first_word = np.searchsorted(self.words, np.append(self.starts, self.ends[-1] + 1))
        self.odd = self.ends - self.starts > MOST_LINE_BYTES
        self.odd[np.searchsorted(self.starts, strange, "right") - 1] = True

    def _lines(self, size: int) -> tuple[I64, I64, I64]:
        start = len(_PAD) - 1
        inside = self.bytes[start : len(_PAD) + size + 1]
        found = np.flatnonzero(inside - np.uint8(_BLANK) > _PRINTABLE) + start
        is_newline = self.bytes[found] == _NEWLINE
        newlines = found[is_newline]
        return newlines[:-1] + 1, newlines[1:], found[~is_newline]

    def _words(self) -> I64:
        is_blank = self.bytes <= _BLANK
        is_start = np.zeros(len(is_blank), bool)
        np.greater(is_blank[:-1], is_blank[1:], out=is_start[1:])
        return np.flatnonzero(is_start)


def highest_byte(windows: U64) -> I64:
    """The place of each window's last byte that is not 0, -1 where all are; bytes are less than 128."""
    exponents = (windows.astype(np.float64).view(np.int64) >> 52) - 1023
    return np.asarray(np.maximum(exponents, -8) >> 3, np.int64)


def lowest_byte(flags: U64) -> I64:
    """The place of each window's first byte with its highest bit set, 8 where none has; other bits are 0."""
    return np.asarray(np.bitwise_count((flags & -flags) - np.uint64(1)) >> 3, np.int64)
