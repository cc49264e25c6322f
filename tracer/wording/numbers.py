"""Numbers and times as people read them."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Final

from ..analyze import sizes

_NS_UNITS: Final = ((1e9, "s"), (1e6, "ms"), (1e3, "µs"))


def count(value: float) -> str:
    """A whole number with thousands separators: `12,345`."""
    return f"{value:,.0f}"


def plural(number: float, noun: str, nouns: str | None = None) -> str:
    """`1 cycle`, `3 cycles`; `nouns` where adding an s does not do."""
    return f"{count(number)} {noun if number == 1 else nouns or noun + 's'}"


NOT_KNOWN: Final = "not known"
DASH: Final = "-"
"""What stands in a table for a number that could not be had."""


def mib(pages: float | None, page_bytes: int) -> str:
    """Guest pages in MiB, or in KiB below 0.1 MiB: `1.5 MiB`; None is not known."""
    return NOT_KNOWN if pages is None else sizes.mib(pages * page_bytes)


def bytes_(size: float) -> str:
    """Bytes in the largest binary unit that keeps a digit before the point."""
    for unit in ("B", "KiB", "MiB", "GiB"):
        if abs(size) < 1024:
            return f"{size:,.0f} {unit}" if unit == "B" else f"{size:,.1f} {unit}"
        size /= 1024
    return f"{size:,.1f} TiB"


def duration(nanoseconds: float) -> str:
    """Nanoseconds with three digits and a unit: `1.23 ms`, `450 ns`."""
    for size, unit in _NS_UNITS:
        if abs(nanoseconds) >= size:
            value = nanoseconds / size
            return f"{value:,.{max(0, 3 - len(str(int(abs(value)))))}f} {unit}"
    return f"{nanoseconds:.0f} ns"


def seconds(value: float) -> str:
    """Seconds with three digits and the unit that fits: `2.50 s`, `12.0 ms`, `0 s`."""
    return duration(value * 1e9) if value else "0 s"


def offset(value: float) -> str:
    """A point in time after the recording's start: `12.345 s`."""
    return f"{value:,.3f} s"


def percent(share: float) -> str:
    """A share of one as a percentage with one decimal."""
    return f"{share * 100:.1f} %"


def change(share: float) -> str:
    """A growth, as a share of what there was, as a whole percentage with its sign: `+30 %`, `-100 %`."""
    return f"{share:+.0%}".replace("%", " %")


def utc(nanoseconds: int) -> str:
    """Nanoseconds since 1970 as a UTC date and time, or that it is not known."""
    if not nanoseconds:
        return "not known"
    return datetime.fromtimestamp(nanoseconds / 1e9, UTC).strftime("%Y-%m-%d %H:%M:%S UTC")


def listing(parts: Sequence[str]) -> str:
    """`a, b and c`."""
    return " and ".join((", ".join(parts[:-1]), parts[-1])) if len(parts) > 1 else "".join(parts)


def several(parts: Sequence[str], most: int) -> str:
    """`a, b and 7 more`: at most so many of them."""
    more = len(parts) - most
    return ", ".join(parts[:most]) + (f" and {count(more)} more" if more > 0 else "")
