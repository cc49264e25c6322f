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
_MINUS, _BLANK = ord("-"), ord(" ")


def no_digits(windows: U64) -> U64:
    """The highest bit of every byte that is no digit; bytes are ASCII."""
    return ((windows ^ _ZEROS) + _ABOVE_NINE) & _TOPS


def leading_digits(windows: U64) -> I64:
    """How many digits each window begins with."""
    return lowest_byte(no_digits(windows))


def leading_numbers(windows: U64) -> tuple[I64, I64]:
    """The numbers that windows begin with, and their digits; those of eight may go on."""
    sizes = leading_digits(windows)
    return _values((windows ^ _ZEROS) << _shifts(sizes)), sizes


def numbers_with_blank(windows: U64) -> tuple[I64, Bools]:
    """The numbers of up to seven digits that windows begin with, and whether a blank or the line's end is behind."""
    values, sizes = leading_numbers(windows)
    behind = windows >> ((sizes.view(np.uint64) << np.uint64(3)) & np.uint64(63))
    behind &= np.uint64(0xFF)
    return values, (behind <= _BLANK) & (sizes > 0) & (sizes < WINDOW)


def trailing_numbers(windows: U64) -> tuple[I64, I64]:
    """The numbers that windows end with, and their digits; those of eight may begin before."""
    sizes = WINDOW - 1 - highest_byte(no_digits(windows) >> np.uint64(7))
    shifts = _shifts(sizes)
    return _values(((windows ^ _ZEROS) >> shifts) << shifts), sizes


def numbers_at(block: Block, at: I64) -> tuple[I64, I64]:
    """The numbers that begin at these positions, and their digits; those of more than 16 are not right."""
    values, sizes = leading_numbers(block.windows[at])
    rows = np.flatnonzero(sizes == WINDOW)
    if len(rows):
        sizes[rows] += leading_digits(block.windows[at[rows] + WINDOW])
        values[rows], _ = unsigned(block, at[rows] + sizes[rows], sizes[rows])
    return values, sizes


def unsigned(block: Block, ends: I64, sizes: I64) -> tuple[I64, Bools]:
    """The numbers that end at these positions and have so many characters; whether those are 1 to 16 digits."""
    values, good = _up_to_eight(block, ends, sizes)
    good &= (sizes > 0) & (sizes <= MOST_DIGITS)
    if len(sizes) and int(sizes.max()) > WINDOW:
        long = np.flatnonzero(good & (sizes > WINDOW))
        upper, upper_good = _up_to_eight(block, ends[long] - WINDOW, sizes[long] - WINDOW)
        values[long] += upper * 100_000_000
        good[long] &= upper_good
    return values, good


def signed(block: Block, starts: I64, ends: I64) -> tuple[I64, Bools]:
    """The numbers between these positions, perhaps with a minus."""
    values, good = unsigned(block, ends, ends - starts)
    rows = np.flatnonzero(~good)
    rows = rows[block.bytes[starts[rows]] == _MINUS]
    if len(rows):
        below, good[rows] = unsigned(block, ends[rows], ends[rows] - starts[rows] - 1)
        values[rows] = -below
    return values, good


def _up_to_eight(block: Block, ends: I64, sizes: I64) -> tuple[I64, Bools]:
    shifts = _shifts(sizes)
    digits = block.windows[ends - WINDOW]
    digits ^= _ZEROS
    digits >>= shifts
    digits <<= shifts
    good = ((digits + _ABOVE_NINE) & _TOPS) == 0
    return _values(digits), good


def _shifts(sizes: I64) -> U64:
    """By how many bits so many characters have to be moved to be the last ones of a window."""
    shifts = np.maximum(WINDOW - sizes, 0).view(np.uint64)
    shifts <<= np.uint64(3)
    # A shift by 64 is undefined; a number without characters is refused by its size.
    shifts &= np.uint64(63)
    return shifts


def _values(digits: U64) -> I64:
    """The numbers of windows whose bytes are digits' values; takes the windows over."""
    digits *= _BY_10
    digits >>= np.uint64(8)
    digits &= _PAIRS
    digits *= _BY_100
    digits >>= np.uint64(16)
    digits &= _FOURS
    digits *= _BY_10000
    digits >>= np.uint64(32)
    return digits.view(np.int64)
