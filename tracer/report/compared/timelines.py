"""The arms' timelines on one axis: a chart in rows, a line an arm and recording in each."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Final

import numpy as np

from ...analyze.balloon.size import sampled_size, stepped_size
from ...analyze.sizes import MIB
from ...compare.align import Align
from ...compare.arms import Run
from ...compare.comparing import Comparison
from ...gates.measures import REFAULTS
from ...wording.numbers import listing
from ..figure import Figure, LegendItem, Trace, kinds, to_data
from ..section import Content
from ..series import Floats, bucket_factor, extremes, rates, sums

_ROW_PIXELS: Final = 110
_GAP: Final = 0.05
_NO_WORD: Final = re.compile(r"[^\w .+-]")
_NAME_MOST: Final = 24
_DASHES: Final = ("solid", "dash", "dot", "dashdot", "longdash", "longdashdot")
_LOOKS: Final = ("line", "dash", "dot", "dash", "dash", "dash")
_ZERO: Final = {
    Align.START: "each recording's start",
    Align.MARK: "each recording's mark",
    Align.HOST: "the host's first command",
}
Curve = tuple[Floats, Floats]


@dataclass(frozen=True)
class Row:
    """One row: its title with its unit, and its curve in a recording, None where the recording does not tell it."""

    title: str
    unit: str
    curve: Callable[[Run], Curve | None]


def _available(run: Run) -> Curve | None:
    read = run.analysis.samples.get("meminfo.MemAvailable_bytes")
    return None if read is None else (read.time_s, read.values / MIB)


def _balloon(run: Run) -> Curve | None:
    size = sampled_size(run.analysis, run.page_bytes)
    size = size or stepped_size(run.analysis.steps, run.page_bytes, 0.0, run.length_s)
    return None if size is None else (size.time_s, size.mib)


def _reclaimed(run: Run) -> Curve | None:
    timeline = run.analysis.timeline
    names = [f"{tier}.{source}_pages" for tier in ("background", "direct") for source in ("file", "anon", "lru")]
    series = [timeline.series[name] for name in names if name in timeline.series]
    return _bars(run, np.sum(series, axis=0) * (run.page_bytes / MIB)) if series else None


def _waited(run: Run) -> Curve | None:
    waited = run.analysis.timeline.series.get("direct.stall_s")
    return None if waited is None else _bars(run, waited)


def _bars(run: Run, values: Floats) -> Curve:
    """By second, in stretches as wide as a few pixels."""
    factor = bucket_factor(len(values))
    width = run.analysis.timeline.bucket_s * factor
    added = sums(values, factor)
    return (np.arange(len(added), dtype=np.float64) + 0.5) * width, added / width


def _refaults(run: Run) -> Curve | None:
    read = next((run.analysis.samples[name] for name in REFAULTS if name in run.analysis.samples), None)
    if read is None:
        return None
    time_s, pages_s = rates(read.time_s, read.values)
    return time_s, pages_s * (run.page_bytes / MIB)


ROWS: Final = (
    Row("Balloon", "MiB", _balloon),
    Row("Available memory", "MiB", _available),
    Row("Reclaimed by kswapd and direct reclaim", "MiB/s", _reclaimed),
    Row("Page cache read again", "MiB/s", _refaults),
    Row("Waiting in direct reclaim, all tasks", "s/s", _waited),
)


@dataclass(frozen=True)
class Timelines:
    """The chart, and a sentence for each row that an arm does not tell."""

    chart: Figure
    absent: tuple[str, ...]


def content(comparison: Comparison) -> Content | None:
    """Rows that any recording tells; None where none does."""
    curves = {row.title: [[row.curve(run) for run in arm.runs] for arm in comparison.arms] for row in ROWS}
    shown = [row for row in ROWS if any(curve and curve[1].any() for arm in curves[row.title] for curve in arm)]
    if not shown:
        return None
    figure = _figure(comparison, shown, curves)
    data = {"figures": [to_data(figure)]}
    return Content(Timelines(figure, tuple(_absent(comparison, curves))), data, kinds([figure]))


def _absent(comparison: Comparison, curves: dict[str, list[list[Curve | None]]]) -> Iterator[str]:
    for row in ROWS:
        untold = [
            arm.name for arm, told in zip(comparison.arms, curves[row.title], strict=True) if not any(told)
        ]  # fmt: skip
        if untold:
            yield f"{row.title}: no line for {listing(untold)} (not recorded, or nothing happened)."


def _figure(comparison: Comparison, rows: list[Row], curves: dict[str, list[list[Curve | None]]]) -> Figure:
    height = _ROW_PIXELS * len(rows) + 60
    words = f"One line a recording, by arm; second 0 is {_ZERO[comparison.align]}."
    figure = Figure("timelines", "All arms on one time axis", "", words, height, layout=_layout(rows))
    shown = total = 0
    for number, arm in enumerate(comparison.arms):
        first = len(figure.traces)
        for at, row in enumerate(rows):
            for curve in filter(None, curves[row.title][number]):
                keep = extremes(curve[1])
                shown, total = shown + len(keep), total + len(curve[1])
                line = _line((curve[0][keep], curve[1][keep]), number, at, row)
                figure.traces.append({"name": _plain(arm.name), **line})
        item = LegendItem(
            arm.name, f"var(--arm-{number})", _LOOKS[number], tuple(range(first, len(figure.traces)))
        )  # fmt: skip
        figure.legend.append(item)
    if shown < total:
        figure.note = f"Showing {shown:,} of {total:,} points: the extremes of each stretch."
    return figure


def _plain(name: str) -> str:
    """A name without anything that plotly may read as markup."""
    return _NO_WORD.sub("?", name)[:_NAME_MOST]


def _line(curve: Curve, arm: int, at: int, row: Row) -> Trace:
    return {
        "type": "scatter",
        "mode": "lines",
        "x": curve[0],
        "y": curve[1],
        "yaxis": f"y{at + 1}" if at else "y",
        "line": {"color": f"var(--arm-{arm})", "width": 1.5, "dash": _DASHES[arm]},
        "hovertemplate": f"{row.title}: %{{y:,.2f}} {row.unit}",
    }


def _layout(rows: list[Row]) -> dict[str, Any]:
    """A y axis a row, from top to bottom, over one x axis; each has its title above it."""
    height = 1 / len(rows)
    layout: dict[str, Any] = {"annotations": [], "xaxis": {"anchor": f"y{len(rows)}" if len(rows) > 1 else "y"}}
    for at, row in enumerate(rows):
        top = 1 - at * height - _GAP
        layout[f"yaxis{at + 1}" if at else "yaxis"] = {
            "domain": [max(0.0, 1 - (at + 1) * height), top],
            "rangemode": "tozero",
            "fixedrange": True,
            "nticks": 4,
            "gridcolor": "var(--grid)",
            "zerolinecolor": "var(--grid)",
            "tickfont": {"color": "var(--muted)", "size": 11},
        }
        layout["annotations"].append(
            {
                "text": f"{row.title}, {row.unit}", "x": 0, "y": top, "xref": "paper", "yref": "paper",
                "xanchor": "left", "yanchor": "bottom", "showarrow": False,
                "font": {"size": 12, "color": "var(--ink)"},
            }
        )  # fmt: skip
    return layout
