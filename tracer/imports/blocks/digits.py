"""Numbers in a block, many at once: eight digits are one multiplication after another of one word."""

from __future__ import annotations

from typing import Final

import numpy as np

from .text import I64, U64, WINDOW, Block, Bools, highest_byte, lowest_byte

MOST_DIGITS: Final = 16

_ZEROS: Final = np.uint64(0x3030_3030_3030_3030)
_ABOVE_NINE: Final = np.uint64(0x7676_7676_7676_7676)
_TOPS: Final = np.uint64(0x8080_8080_8080_8080)
_PAIRS, _FOURS = np.uint64(0x00FF_00FF_00FF_00FF), np.uint64(0x0000_FFFF_0000_FFFF)
_BY_10, _BY_100, _BY_10000 = np.uint64(1 + (10 << 8)), np.uint64(1 + (100 << 16)), np.uint64(1 + (10_000 << 32))
_MINUS: Final = ord("-")


def no_digits(windows: U64) -> U64:
    """The highest bit of every byte that is no digit; bytes are ASCII."""
    return ((windows ^ _ZEROS) + _ABOVE_NINE) & _TOPS


def leading_digits(windows: U64) -> I64:
    """How many digits each window begins with."""
    return lowest_byte(no_digits(windows))


def trailing_digits(windows: U64) -> I64:
    """How many digits each window ends with."""
    return WINDOW - 1 - highest_byte(no_digits(windows) >> np.uint64(7))


def unsigned(block: Block, ends: I64, sizes: I64) -> tuple[I64, Bools]:
    """The numbers that end at these positions and have so many characters; whether those are 1 to 16 digits."""
    values, good = _up_to_eight(block, ends, np.clip(sizes, 0, WINDOW))
    good &= (sizes > 0) & (sizes <= MOST_DIGITS)
    long = np.flatnonzero(good & (sizes > WINDOW))
    if len(long):
        upper, upper_good = _up_to_eight(block, ends[long] - WINDOW, sizes[long] - WINDOW)
        values[long] += upper * 100_000_000
        good[long] &= upper_good
    return values, good


def signed(block: Block, starts: I64, ends: I64) -> tuple[I64, Bools]:
    """The numbers between these positions, perhaps with a minus."""
    is_negative = block.bytes[starts] == _MINUS
    values, good = unsigned(block, ends, ends - starts - is_negative)
    return np.where(is_negative, -values, values), good


def _up_to_eight(block: Block, ends: I64, sizes: I64) -> tuple[I64, Bools]:
    shifts = ((WINDOW - sizes) << 3).astype(np.uint64)
    # A shift by 64 is undefined; a number without characters is refused by its size.
    shifts &= np.uint64(63)
    digits = ((block.windows[ends - WINDOW] ^ _ZEROS) >> shifts) << shifts
    good = ((digits + _ABOVE_NINE) & _TOPS) == 0
    digits = ((digits * _BY_10) >> np.uint64(8)) & _PAIRS
    digits = ((digits * _BY_100) >> np.uint64(16)) & _FOURS
    digits = (digits * _BY_10000) >> np.uint64(32)
    return digits.astype(np.int64), good
