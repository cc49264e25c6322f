"""The watermarks of free memory, at which kswapd wakes, is done, and allocations go no lower."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Final, NamedTuple

from .paths import ROOT, under

_ZONEINFO: Final = "/proc/zoneinfo"
_MARKS: Final = ("min", "low", "high")
_BOOST: Final = "boost"
_MANAGED: Final = "managed"
_MOST_DIGITS: Final = 15


class Watermarks(NamedTuple):
    """In pages, summed over the zones that have any; None where the kernel does not tell.

    Without the boost that fragmentation gives them for a moment: min_wmark_pages() in include/linux/mmzone.h adds it,
    and zoneinfo_show_print() in mm/vmstat.c tells it apart (Linux 5.14).
    """

    min_pages: int | None = None
    low_pages: int | None = None
    high_pages: int | None = None


def read_watermarks(root: Path = ROOT) -> Watermarks:
    """Of the machine below `root`. Line by line: on a machine with many CPUs the file is long."""
    try:
        with under(root, _ZONEINFO).open(errors="replace") as lines:
            zones = [zone for zone in _zones(lines) if zone.get(_MANAGED)]
    except OSError:
        return Watermarks()
    if not zones or any(mark not in zone for zone in zones for mark in _MARKS):
        return Watermarks()
    return Watermarks(*(sum(zone[mark] - zone.get(_BOOST, 0) for zone in zones) for mark in _MARKS))


def _zones(lines: Iterable[str]) -> Iterator[dict[str, int]]:
    """The numbers of each zone that are wanted; those of its CPUs' lists have a colon behind their names."""
    zone: dict[str, int] = {}
    for line in lines:
        words = line.split()
        if words[:1] == ["Node"]:
            yield zone
            zone = {}
        elif len(words) == 2 and words[0] in (*_MARKS, _BOOST, _MANAGED) and _is_number(words[1]):
            zone[words[0]] = int(words[1])
    yield zone


def _is_number(word: str) -> bool:
    return word.isascii() and word.isdigit() and len(word) <= _MOST_DIGITS
