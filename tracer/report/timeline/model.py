"""A row of the timeline and what can be in one, as plain data. `data()` is the JSON that the script draws from.

Names in rows are the report's own, but for `label`s: those may be a recording's, and only ever become text.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from ...analyze.curves import Occurrences
from ..series import Floats
from .packing import Packed, times, values


@dataclass(frozen=True)
class Look:
    """Name, colour (a CSS custom property) and look in the legend."""

    name: str
    color: str
    look: str = "line"


@dataclass(frozen=True)
class Level:
    """Readings of something that has a value at any time. `shape`: `hv` for what stays until it changes."""

    look: Look
    time_s: Floats
    value: Floats
    shape: str = "linear"

    def data(self, duration_s: float) -> Packed:
        """For the script."""
        return {"time": times(self.time_s, duration_s), "value": values(self.value), "shape": self.shape}


@dataclass(frozen=True)
class Amounts:
    """Something that happens, in equal buckets of `bucket_s` from time zero; `moments` has single ones."""

    look: Look
    bucket_s: float
    sums: Floats
    moments: Occurrences | None = None
    scale: float = 1.0
    """What a unit of the amounts is in the row's unit."""

    def data(self, duration_s: float) -> Packed:
        """For the script."""
        found = {"bucket_s": self.bucket_s, "sums": values(self.sums), "scale": self.scale}
        if self.moments is not None and len(self.moments.count):
            found["moments"] = occurrences(self.moments, duration_s)
        return found


@dataclass(frozen=True)
class Marks:
    """Single moments on a row's curve; `amount` is added up where they are too close together to be told apart."""

    look: Look
    symbol: str
    time_s: Floats
    amount: Floats

    def data(self, duration_s: float) -> Packed:
        """For the script."""
        return {"time": times(self.time_s, duration_s), "amount": values(self.amount), "symbol": self.symbol}


@dataclass(frozen=True)
class Lane:
    """Stretches of one kind. `finding` is the id of the finding that each is, -1 where none; `label` says what it is.

    `points` have no length. `total` is how many there were, also those that share a row with neighbours.
    """

    look: Look
    spans: Occurrences
    points: bool = False
    symbol: str = "line-ns"
    finding: Sequence[int] = ()
    labels: Sequence[str] = ()

    @property
    def total(self) -> int:
        """How many there were."""
        return int(self.spans.count.sum())

    def data(self, duration_s: float) -> Packed:
        """For the script."""
        found = occurrences(self.spans, duration_s)
        if len(self.finding):
            found["finding"] = values(np.asarray(self.finding, np.float64))
        return found | {"points": self.points, "symbol": self.symbol, "labels": list(self.labels)}


Series = Level | Amounts | Marks | Lane
_KINDS: Mapping[type[Series], str] = {Level: "level", Amounts: "amounts", Marks: "marks", Lane: "lane"}


@dataclass
class Row:
    """One row: curves on one axis, or lanes. `words` say what it shows to whoever does not see it; `unknown` what
    belongs here and was not to be had. `stacked`: its levels or amounts add up. `fits`: its axis need not begin at 0
    where a part is seen."""

    id: str
    title: str
    unit: str
    height: int
    words: str = ""
    unknown: str = ""
    stacked: bool = False
    lanes: bool = False
    fits: bool = False
    suffix: str = ""
    series: list[Series] = field(default_factory=list)

    @property
    def drawn(self) -> bool:
        """Whether there is anything to draw."""
        return bool(self.series)

    @property
    def legend(self) -> list[Look]:
        """In the order of the series."""
        return [one.look for one in self.series]

    def data(self, duration_s: float) -> dict[str, Any]:
        """For the script."""
        return {
            "id": self.id,
            "height": self.height,
            "stacked": self.stacked,
            "lanes": self.lanes,
            "fits": self.fits,
            "suffix": self.suffix,
            "series": [
                {"kind": _KINDS[type(one)], "name": one.look.name, "color": one.look.color, "look": one.look.look}
                | one.data(duration_s)
                for one in self.series
            ],
        }


def occurrences(rows: Occurrences, duration_s: float) -> Packed:
    """Times, amounts and counts of what happened."""
    return {
        "begin": times(rows.begin_s, duration_s),
        "length": times(rows.end_s - rows.begin_s, duration_s),
        "amount": values(rows.amount),
        "count": values(rows.count),
    }
