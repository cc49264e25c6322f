"""The characters that bars and curves are drawn with: block elements, or ASCII where a terminal has no such letters."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Final

_ASCII_TERMINALS: Final = frozenset({"linux", "vt100", "vt102", "vt220", "ansi"})
"""Their fonts have no eighths of a block: a Linux console's has 256 or 512 letters, a serial terminal's fewer."""


@dataclass(frozen=True)
class Glyphs:
    """`ramp` is from low to high, `sources` are what stacked bars are filled with: file, anon, LRU, slab, balloon."""

    ramp: str
    full: str
    empty: str
    target: str
    sources: str
    gap: str
    rule: str
    at_least: str
    selected: str

    def bar(self, share: float, width: int) -> str:
        """A bar filled to this share of its width; something above 0 is never shown as nothing."""
        filled = min(width, max(round(share * width), 1 if share > 0 else 0))
        return self.full * filled + self.empty * (width - filled)

    def curve(self, points: Sequence[float | None], width: int) -> str:
        """The newest points, one a column, from 0 to the highest of them; a gap where nothing was seen."""
        shown = thinned(points, width)
        most = max((point for point in shown if point is not None), default=0.0)
        return "".join(self._step(point, most) for point in shown)

    def _step(self, point: float | None, most: float) -> str:
        if point is None:
            return self.gap
        if most <= 0 or point <= 0:
            return self.ramp[0]
        return self.ramp[min(len(self.ramp) - 1, max(1, round(point / most * (len(self.ramp) - 1))))]


BLOCKS: Final = Glyphs(
    ramp="▁▂▃▄▅▆▇█",
    full="█",
    empty="░",
    target="│",
    sources="█▓▒▚░",
    gap="·",
    rule="─",
    at_least="≥",
    selected="▸",
)
ASCII: Final = Glyphs(
    ramp="_.-=+*#@",
    full="#",
    empty=".",
    target="|",
    sources="#%+=o",
    gap=" ",
    rule="-",
    at_least=">=",
    selected=">",
)


def glyphs_for(terminal: str, encoding: str) -> Glyphs:
    """By the terminal's name (TERM) and the encoding of what is written to it."""
    named = terminal.partition("-")[0]
    is_unicode = encoding.lower().replace("-", "").startswith("utf")
    return BLOCKS if is_unicode and named not in _ASCII_TERMINALS else ASCII


def thinned(points: Sequence[float | None], width: int) -> list[float | None]:
    """At most so many points for all of these: the highest of each group of neighbours, None where all are None."""
    if len(points) <= width:
        return list(points)
    edges = [len(points) * at // width for at in range(width + 1)]
    return [
        max((point for point in points[begin:end] if point is not None), default=None) for begin, end in pairwise(edges)
    ]
