"""The balloon's row of the timeline: its size, and what made it leak."""

from __future__ import annotations

from typing import Final

import numpy as np

from ..analyze.balloon.size import Size, sampled_size, stepped_size
from ..analyze.model import Analysis, BalloonStep
from ..analyze.terms import Cause
from ..balloon_counters import HOSTS_ACTUAL
from ..wording.numbers import count, mib
from .figure import Absence, Figure, line
from .series import extremes

_TITLE: Final = "Balloon"
_MARKS: Final = {
    Cause.HOST: ("circle", "mark-circle", "var(--leak-host)"),
    Cause.SHRINKER: ("triangle-down", "mark-triangle", "var(--leak-shrinker)"),
    Cause.COMPACTION: ("diamond", "mark-diamond", "var(--leak-compaction)"),
    Cause.OOM_NOTIFIER: ("x", "mark-x", "var(--leak-oom_notifier)"),
}
_MOST_MARKS: Final = 200


def _absence(sampled: Size | None) -> Absence:
    if sampled is not None and sampled.source == HOSTS_ACTUAL and sampled.mib[0] >= 1:
        words = f"By the host's log the balloon held at least {sampled.mib[0]:,.1f} MiB and did not move."
    elif sampled is not None and sampled.mib[0] >= 1:
        words = f"The balloon held {sampled.mib[0]:,.1f} MiB throughout: no page entered or left it."
    else:
        words = "No balloon activity was recorded."
    return Absence("balloon", _TITLE, words)


def _quiet(analysis: Analysis, sampled: Size | None) -> bool:
    moved = analysis.balloon.inflated_pages or analysis.balloon.out_pages or analysis.steps
    return not moved and (sampled is None or float(np.ptp(sampled.mib)) == 0.0)


def _marked(steps: list[BalloonStep]) -> list[BalloonStep]:
    """Where there are more leaks than can be told apart, the largest of each of equal stretches of their time."""
    if len(steps) <= _MOST_MARKS:
        return steps
    end_s = np.array([step.end_s for step in steps])
    edges = np.linspace(end_s.min(), end_s.max(), _MOST_MARKS + 1)[1:-1]
    stretch = np.searchsorted(edges, end_s)
    order = np.lexsort((np.array([step.pages for step in steps]), stretch))
    first = np.flatnonzero(np.diff(stretch[order], prepend=-1))
    return [steps[at] for at in order[first]]


def _add_size(figure: Figure, size: Size, name: str, color: str, look: str, **style: str) -> str:
    keep = extremes(size.mib)
    figure.add(line(size.time_s[keep], size.mib[keep], color, "MiB", **style), name, color, look)
    return "" if len(keep) == len(size.mib) else f"Showing {count(len(keep))} of {count(len(size.mib))} points. "


def balloon_row(analysis: Analysis, page_bytes: int) -> Figure | Absence:
    """Size over time with each leak marked by its cause; a sentence where the balloon did not move."""
    sampled = sampled_size(analysis, page_bytes)
    if _quiet(analysis, sampled):
        return _absence(sampled)
    figure = Figure(
        "balloon", _TITLE, "MiB", _words(analysis, page_bytes), 190, layout={"yaxis": {"rangemode": "tozero"}}
    )
    if sampled is not None:
        figure.note += _add_size(figure, sampled, "size, sampled", "var(--balloon-sampled)", "dash", dash="dash")
    base_mib = float(sampled.mib[0]) if sampled is not None else 0.0
    stepped = stepped_size(analysis.steps, page_bytes, base_mib, analysis.duration_s)
    if stepped is None:
        return figure if figure.traces else _unseen(figure)
    figure.note += _add_size(figure, stepped, "size, from events", "var(--balloon)", "line", shape="hv")
    if sampled is None:
        figure.note += "The size at the start is not known: it counts from 0. "
    _add_leaks(figure, analysis, stepped, page_bytes)
    return figure


def _unseen(figure: Figure) -> Absence:
    return Absence("balloon", _TITLE, f"{figure.words} The recording does not say when they moved.")


def _add_leaks(figure: Figure, analysis: Analysis, size: Size, page_bytes: int) -> None:
    hidden = 0
    for cause, (symbol, look, color) in _MARKS.items():
        leaks = [step for step in analysis.steps if step.cause is cause and step.pages < 0]
        if not leaks:
            continue
        shown = _marked(leaks)
        hidden += len(leaks) - len(shown)
        trace = {
            "type": "scatter",
            "mode": "markers",
            "x": np.array([step.end_s for step in shown]),
            "y": np.array([size.at(step.end_s) for step in shown]),
            "customdata": [mib(-step.pages, page_bytes) for step in shown],
            "marker": {"symbol": symbol, "size": 8, "color": color, "line": {"color": "var(--surface)", "width": 1}},
            "hovertemplate": "%{customdata} left",
        }
        figure.add(trace, f"leak: {cause}", color, look)
    if hidden:
        figure.note += f"{count(hidden)} leaks are not marked: of neighbouring ones only the largest is. "


def _words(analysis: Analysis, page_bytes: int) -> str:
    balloon = analysis.balloon
    causes = [f"{mib(pages, page_bytes)} by {cause}" for cause, pages in balloon.leaked_pages.items() if pages]
    leaked, net = mib(balloon.out_pages, page_bytes), mib(balloon.net_pages, page_bytes)
    left = f"{leaked} left ({', '.join(causes)})" if causes else "none left"
    return f"{mib(balloon.inflated_pages, page_bytes)} entered the balloon, {left}; net {net}."
