"""One chart: plotly traces as plain dicts, its heading, its legend and the sentence that says the same in words.

Colours are CSS custom properties (`var(--tier-2)`) that the script resolves, so that page and charts share one palette
in reports/style/palette.css. No string of a recording may go into a figure: plotly reads some markup in its texts.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

Trace = dict[str, Any]


@dataclass(frozen=True)
class LegendItem:
    """A legend entry: the traces it switches, its colour and its look, a class of the style (`line`, `pale`, ...)."""

    name: str
    color: str
    look: str
    traces: tuple[int, ...]


@dataclass
class Figure:
    """One chart. `variants` are other x values for its traces, one list of lists a choice in the page."""

    id: str
    title: str
    unit: str
    words: str
    height: int
    traces: list[Trace] = field(default_factory=list)
    legend: list[LegendItem] = field(default_factory=list)
    layout: dict[str, Any] = field(default_factory=dict)
    note: str = ""
    variants: list[list[list[float | None]]] = field(default_factory=list)
    drawn: bool = True

    def add(self, trace: Trace, name: str, color: str, look: str) -> None:
        """One more trace with its own legend entry."""
        self.legend.append(LegendItem(name, color, look, (len(self.traces),)))
        self.traces.append({"name": name, **trace})


def kinds(figures: Iterable[Figure]) -> frozenset[str]:
    """The kinds of plotly trace in them."""
    return frozenset(trace["type"] for figure in figures for trace in figure.traces)


def to_data(figure: Figure) -> dict[str, Any]:
    """What the script needs to draw it."""
    return {
        "id": figure.id,
        "data": figure.traces,
        "layout": {"height": figure.height, **figure.layout},
        "variants": figure.variants,
    }
