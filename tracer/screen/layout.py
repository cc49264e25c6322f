"""Where each part of the screen stands, by its size: 80x24 has what matters most, more room shows more at once."""

from __future__ import annotations

from enum import StrEnum
from typing import Final, NamedTuple


class Part(StrEnum):
    """A part of the screen; the order is that in which Tab goes through those that can be chosen."""

    HEAD = "head"
    BALLOON = "balloon"
    TIERS = "tiers"
    WAITING = "waiting"
    CGROUPS = "cgroups"
    SHRINKERS = "shrinkers"
    LADDER = "ladder"
    HISTORY = "history"
    FINDINGS = "findings"
    DETAIL = "detail"
    FOOT = "foot"


PANES: Final = (Part.WAITING, Part.CGROUPS, Part.SHRINKERS, Part.LADDER, Part.HISTORY, Part.FINDINGS)
"""What Tab goes through. On a small screen all but the findings share one place."""

_TWO: Final = (110, 38)
"""Columns and lines from which on two panes stand side by side, and nothing shares a place."""
_THREE: Final = (165, 46)
"""The same for three, and the chosen finding's detail."""
_TIERS_WIDTH: Final = 80
_TIERS_LINES: Final = 9
"""A head, six tiers, PSI and memory."""
_GAP: Final = 2


class Place(NamedTuple):
    """In cells; a height of 0 is not shown."""

    x: int
    y: int
    width: int
    height: int


Places = dict[Part, Place]


def arrange(width: int, height: int, chosen: Part, more_tiers: int = 0) -> Places:
    """Places of all parts that are shown on a screen of this size.

    `chosen` is the pane that Tab is at, `more_tiers` how many rows the tiers take beside the usual six.
    """
    tiers = _TIERS_LINES + more_tiers
    if width >= _THREE[0] and height >= _THREE[1]:
        return _large(width, height, tiers)
    if width >= _TWO[0] and height >= _TWO[1]:
        return _medium(width, height, tiers)
    return _small(width, height, chosen, tiers)


def _small(width: int, height: int, chosen: Part, tiers: int) -> Places:
    """One below the other. Where there is too little room the last of the tiers' lines go first, then the pane."""
    places: Places = {}
    foot = 1 if height > 4 else 0
    at = _stack(places, width, 0, height - foot, ((Part.HEAD, 4), (Part.BALLOON, 3 if height > 27 else 2)))
    left = height - foot - at
    findings = min(left, max(3, (left - tiers) // 2 - 1))
    at = _stack(places, width, at, height - foot - findings, ((Part.TIERS, tiers),))
    pane = Part.WAITING if chosen is Part.FINDINGS else chosen
    at = _stack(places, width, at, height - foot - findings, ((pane, height),))
    _stack(places, width, at, height - foot, ((Part.FINDINGS, height),))
    places[Part.FOOT] = Place(0, height - foot, width, foot)
    return places


def _stack(places: Places, width: int, at: int, end: int, parts: tuple[tuple[Part, int], ...]) -> int:
    """Parts of these heights one below the other, as far as there is room; the line behind them."""
    for part, wanted in parts:
        lines = max(0, min(wanted, end - at))
        if lines:
            places[part] = Place(0, at, width, lines)
            at += lines
    return at


def _medium(width: int, height: int, tiers: int) -> Places:
    places: Places = {}
    at = _stack(places, width, 0, height, ((Part.HEAD, 5), (Part.BALLOON, 4)))
    right = _TIERS_WIDTH + _GAP
    places[Part.TIERS] = Place(0, at, _TIERS_WIDTH, tiers)
    places[Part.LADDER] = Place(right, at, width - right, tiers)
    at += tiers
    rest = height - 1 - at
    row = max(4, min(12, rest // 3))
    half = (width - _GAP) // 2
    places[Part.WAITING] = Place(0, at, half, row)
    places[Part.CGROUPS] = Place(half + _GAP, at, width - half - _GAP, row)
    places[Part.SHRINKERS] = Place(0, at + row, half, row)
    places[Part.HISTORY] = Place(half + _GAP, at + row, width - half - _GAP, row)
    at = _stack(places, width, at + 2 * row, height - 1, ((Part.FINDINGS, height),))
    places[Part.FOOT] = Place(0, height - 1, width, 1)
    return places


def _large(width: int, height: int, tiers: int) -> Places:
    places: Places = {}
    at = _stack(places, width, 0, height, ((Part.HEAD, 5), (Part.BALLOON, 4)))
    ladder = (width - _TIERS_WIDTH - 2 * _GAP) // 2
    top = max(tiers, min(14, height // 4))
    x = _TIERS_WIDTH + _GAP
    places[Part.TIERS] = Place(0, at, _TIERS_WIDTH, top)
    places[Part.LADDER] = Place(x, at, ladder, top)
    places[Part.HISTORY] = Place(x + ladder + _GAP, at, width - x - ladder - _GAP, top)
    at += top
    row = max(6, (height - 1 - at) // 2 - 2)
    third = (width - 2 * _GAP) // 3
    for number, part in enumerate((Part.WAITING, Part.CGROUPS, Part.SHRINKERS)):
        places[part] = Place(number * (third + _GAP), at, third, row)
    at += row
    half = (width - _GAP) // 2
    places[Part.FINDINGS] = Place(0, at, half, height - 1 - at)
    places[Part.DETAIL] = Place(half + _GAP, at, width - half - _GAP, height - 1 - at)
    places[Part.FOOT] = Place(0, height - 1, width, 1)
    return places
