"""Figures as the screen's columns hold them: units stand in the heads, and what is not known is a question mark."""

from __future__ import annotations

from typing import Final

from ..analyze.sizes import MIB, mib
from ..analyze.terms import Quality
from ..live.model import TierWindow
from ..wording.numbers import count, seconds
from .glyphs import Glyphs

UNKNOWN: Final = "?"
LEGEND: Final = "~ inferred, {at_least} at least, ? unknown"


def mark(quality: Quality, glyphs: Glyphs) -> str:
    """What stands before a number that was not just counted."""
    return {Quality.INFERRED: "~", Quality.LOWER_BOUND: glyphs.at_least}.get(quality, "")


def size(size_bytes: float | None) -> str:
    """`12.0 MiB`."""
    return UNKNOWN if size_bytes is None else mib(size_bytes)


def mebibytes(size_bytes: float | None) -> str:
    """MiB without their unit: `12.3`, `1,234`, `<0.1`."""
    if size_bytes is None:
        return UNKNOWN
    value = size_bytes / MIB
    if not value:
        return "0"
    if value < 0.1:
        return "<0.1"
    return f"{value:.1f}" if value < 1000 else count(value)


def per_second(amount: float | None, length_s: float) -> float | None:
    """What it comes to in a second; None where no time was seen."""
    return None if amount is None or length_s <= 0 else amount / length_s


def rate(size_bytes: float | None, length_s: float) -> str:
    """MiB a second without their unit."""
    return mebibytes(per_second(size_bytes, length_s))


def frequency(times: float | None, length_s: float) -> str:
    """How often a second."""
    often = per_second(times, length_s)
    return UNKNOWN if often is None else f"{often:.1f}" if often % 1 else count(often)


def share(value: float | None) -> str:
    """A share as a whole percentage; something above 0 is never 0."""
    if value is None:
        return UNKNOWN
    return "<1%" if 0 < value < 0.005 else f"{value:.0%}"


def moment(value: float) -> str:
    """A point in time after the recording's start, to a tenth of a second."""
    return f"{value:,.1f} s"


def time(value: float | None) -> str:
    """Seconds with the unit that fits."""
    return UNKNOWN if value is None else seconds(value)


def number(value: float | None) -> str:
    """A whole number."""
    return UNKNOWN if value is None else count(value)


def supplied(tier: TierWindow, length_s: float, glyphs: Glyphs, *, in_all: bool = False) -> str:
    """What a tier gave, in MiB a second or in all, with its quality.

    A sum of which a part is not known is at least that much; where all that is known of it is 0, it is not known.
    """
    given, parts = tier.supplied_bytes, (tier.file_bytes, tier.anon_bytes, tier.slab_bytes, tier.balloon_bytes)
    is_partly_known = tier.lru_bytes is None or None in parts
    if given is None or tier.quality is Quality.UNKNOWN or (is_partly_known and not given and tier.spans):
        return UNKNOWN
    quality = Quality.LOWER_BOUND if is_partly_known and given else tier.quality
    return marked(mebibytes(given) if in_all else rate(given, length_s), quality, glyphs)


def marked(text: str, quality: Quality, glyphs: Glyphs) -> str:
    """A figure with its quality; nothing is inferred of 0, and at least next to nothing is more than 0."""
    if text in {"0", UNKNOWN}:
        return text
    return ">0" if quality is Quality.LOWER_BOUND and text.startswith("<") else mark(quality, glyphs) + text
