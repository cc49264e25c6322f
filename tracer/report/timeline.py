"""The timeline: rows of charts over the recording's seconds, and the bands that run through all of them."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import islice
from typing import Any, Final

import numpy as np

from ..analyze.curves import Quantity
from ..analyze.model import Analysis
from ..analyze.sizes import MIB
from ..analyze.terms import Tier
from ..wording.numbers import count, listing, offset, percent, plural, seconds
from ..wording.tiers import tier_name
from .balloon_chart import balloon_row
from .figure import Absence, Figure, Trace, kinds, line, to_data
from .palette import tier_color
from .section import Content, Source
from .series import PIXELS, Floats, Interval, bucket_factor, extremes, merged, rates, sums

Row = Figure | Absence

_MEMORY: Final[tuple[tuple[str, str, str, tuple[str, ...], tuple[str, ...]], ...]] = (
    ("MemAvailable", "var(--mem-available)", "line", ("meminfo.MemAvailable_bytes",), ()),
    ("MemFree", "var(--mem-free)", "dash", ("meminfo.MemFree_bytes",), ("vmstat.nr_free_pages",)),
    ("file", "var(--mem-file)", "line", (), ("vmstat.nr_active_file", "vmstat.nr_inactive_file")),
    ("anon", "var(--mem-anon)", "line", (), ("vmstat.nr_active_anon", "vmstat.nr_inactive_anon")),
    ("slab", "var(--mem-slab)", "dot", (), ("vmstat.nr_slab_reclaimable", "vmstat.nr_slab_unreclaimable")),
)
_DASHES: Final = {"line": "solid", "dash": "dash", "dot": "dot"}
_SOURCES: Final = (("file", "solid", 1.0), ("anon", "pale", 0.5), ("lru", "medium", 0.75))
_LANES: Final = ("lost", "OOM kill", "cycle", "conflict", "episode")


def content(source: Source) -> Content:
    """All rows, and what the script draws in them."""
    shown = timeline(source.analysis, source.page_bytes)
    charts = [row for row in shown.rows if isinstance(row, Figure)]
    data = {"figures": [to_data(figure) for figure in charts], "bands": [list(band) for band in shown.bands]}
    return Content(shown, data, kinds(charts))


@dataclass(frozen=True)
class Timeline:
    """The rows from top to bottom, and bands as (kind, start, end) in seconds for the script to lay over them."""

    rows: list[Row]
    bands: list[tuple[str, float, float]]


def _summed(samples: dict[str, Quantity], names: Iterable[str], scale: float) -> tuple[Floats, Floats] | None:
    found = [samples[name] for name in names if name in samples and len(samples[name].values)]
    found = [quantity for quantity in found if len(quantity.values) == len(found[0].values)]
    if not found:
        return None
    total = np.sum([quantity.values for quantity in found], axis=0) * scale
    kept = np.isfinite(total)
    return found[0].time_s[kept], total[kept]


def memory_row(analysis: Analysis, page_bytes: int) -> Row:
    """Free, available, file, anonymous and slab memory from samples."""
    figure = Figure("memory", "Memory", "MiB", "", 200, layout={"yaxis": {"rangemode": "tozero"}})
    shown = total = 0
    words: list[str] = []
    for name, color, look, gauges, counters in _MEMORY:
        series = _summed(analysis.samples, gauges, 1 / MIB) or _summed(analysis.samples, counters, page_bytes / MIB)
        if series is None or not len(series[1]):
            continue
        time_s, values = series
        keep = extremes(values)
        shown, total = shown + len(keep), total + len(values)
        figure.add(line(time_s[keep], values[keep], color, "MiB", dash=_DASHES[look]), name, color, look)
        words.append(f"{name} {values[0]:,.0f} → {values[-1]:,.0f} (lowest {values.min():,.0f})")
    if not figure.traces:
        return Absence("memory", "Memory", "No memory counters were sampled in this recording.")
    figure.words = f"In MiB from start to end: {'; '.join(words)}."
    figure.note = (
        f"Showing {count(shown)} of {count(total)} samples: the extremes of each stretch." if shown < total else ""
    )
    return figure


def _centers(analysis: Analysis, buckets: int, factor: int) -> tuple[Floats, float]:
    width = analysis.timeline.bucket_s * factor
    return (np.arange(-(-buckets // factor), dtype=np.float64) + 0.5) * width, width


def _bucket_note(buckets: int, factor: int, width: float) -> str:
    each = f", the sum of {count(factor)} of {count(buckets)} buckets" if factor > 1 else ""
    return f"One bar is {seconds(width)}{each}."


def bars(time_s: Floats, width: float, values: Floats, color: str, unit: str, opacity: float = 1.0) -> Trace:
    """Bars over time, drawn only where there is something."""
    kept = np.flatnonzero(values)
    return {
        "type": "bar",
        "x": time_s[kept],
        "y": values[kept],
        "width": width,
        "marker": {"color": color, "opacity": opacity, "line": {"width": 0}},
        "hovertemplate": f"%{{y:,.3~r}} {unit}",
    }


def reclaim_row(analysis: Analysis, page_bytes: int) -> Row:
    """Pages that reclaim freed, by tier (colour) and source (strength)."""
    figure = Figure("reclaim", "Reclaimed pages", "MiB per bar", "", 190, layout={"barmode": "stack", "bargap": 0})
    totals: list[str] = []
    for tier in Tier:
        label = tier_name(analysis.tiers, tier)
        for source, look, opacity in _SOURCES:
            pages = analysis.timeline.series.get(f"{tier.label}.{source}_pages")
            if pages is None or not pages.any():
                continue
            factor = bucket_factor(len(pages))
            time_s, width = _centers(analysis, len(pages), factor)
            name, color = f"{label} {source}", tier_color(tier)
            trace = bars(time_s, width, sums(pages, factor) * (page_bytes / MIB), color, "MiB", opacity)
            figure.add(trace, name, color, look)
            figure.note = _bucket_note(len(pages), factor, width)
            totals.append(f"{name} {pages.sum() * page_bytes / MIB:,.1f}")
    if not figure.traces:
        return Absence("reclaim", "Reclaimed pages", "No page was reclaimed from the LRU during the recording.")
    figure.words = f"MiB over the whole recording: {'; '.join(totals)}."
    return figure


def busy_row(analysis: Analysis) -> Row:
    """The share of time in which each tier was at work."""
    layout = {"yaxis": {"rangemode": "tozero", "ticksuffix": " %"}}
    figure = Figure("busy", "Busy time", "share of time, by tier", "", 150, layout=layout)
    words: list[str] = []
    for tier in Tier:
        busy = analysis.timeline.series.get(f"{tier.label}.busy_s")
        if busy is None or not busy.any():
            continue
        factor = bucket_factor(len(busy))
        _, width = _centers(analysis, len(busy), factor)
        share: Floats = sums(busy, factor) * (100 / width)
        edges = np.arange(len(share) + 1, dtype=np.float64) * width
        trace = line(edges, np.append(share, share[-1]), tier_color(tier), "%", shape="hv", width=1.3)
        trace |= {"fill": "tozeroy", "fillcolor": f"var(--tier-{int(tier)}-soft)"}
        label = tier_name(analysis.tiers, tier)
        figure.add(trace, label, tier_color(tier), "solid")
        words.append(f"{label} {seconds(float(busy.sum()))} ({percent(busy.sum() / max(analysis.duration_s, 1e-9))})")
    if not figure.traces:
        return Absence("busy", "Busy time", "No tier was active during the recording.")
    figure.words = f"Busy time: {'; '.join(words)}."
    return figure


def slab_row(analysis: Analysis) -> Row:
    """Objects that shrinkers freed: an activity, not a size."""
    objects = analysis.timeline.series.get("slab.objects")
    if objects is None or not objects.any():
        return Absence("slab", "Slab objects freed", "No shrinker freed an object during the recording.")
    factor = bucket_factor(len(objects))
    time_s, width = _centers(analysis, len(objects), factor)
    words = "How busy the shrinkers were, not how much memory they freed: objects differ in size between shrinkers."
    figure = Figure("slab", "Slab objects freed", "objects per bar, all shrinkers", words, 120, layout={"bargap": 0})
    trace = bars(time_s, width, sums(objects, factor), "var(--mem-slab)", "objects")
    figure.traces.append({"name": "objects freed", **trace})
    figure.note = _bucket_note(len(objects), factor, width)
    return figure


def pressure_row(analysis: Analysis) -> Row:
    """Memory pressure: the share of time in which some or all tasks waited for memory."""
    title = "Memory pressure (PSI)"
    layout = {"yaxis": {"rangemode": "tozero", "ticksuffix": " %"}}
    figure = Figure("pressure", title, "share of time waiting for memory", "", 130, layout=layout)
    words: list[str] = []
    sampled = False
    for name, color in (("some", "var(--psi-some)"), ("full", "var(--psi-full)")):
        quantity = analysis.samples.get(f"psi.memory.{name}_total_us")
        if quantity is None or not len(quantity.values):
            continue
        sampled = True
        time_s, rate = rates(quantity.time_s, quantity.values)
        if not rate.any():
            continue
        keep = extremes(rate)
        figure.add(line(time_s[keep], rate[keep] / 1e4, color, "%", shape="vh"), name, color, "line")
        stalled = float(quantity.values[-1] - quantity.values[0]) / 1e6
        words.append(f"{name} waited {seconds(stalled)} in all, at most {rate.max() / 1e4:.1f} % of a sample's time")
    if figure.traces:
        figure.words = f"Tasks waiting for memory: {'; '.join(words)}."
        return figure
    quiet = "Pressure was sampled; no task waited for memory." if sampled else "Memory pressure was not sampled."
    return Absence("pressure", title, quiet)


def _kills(analysis: Analysis) -> list[Interval]:
    kills = analysis.timeline.series.get("oom.kills")
    width = analysis.timeline.bucket_s
    return [] if kills is None else [(i * width, (i + 1) * width) for i in np.flatnonzero(kills).tolist()]


def _overlaps(analysis: Analysis) -> list[Interval]:
    """Where conflicts were: a balloon that inflates all along is in none while nobody reclaims."""
    episodes, spans = analysis.episodes, []
    for conflict in analysis.conflicts:
        first = bisect_left(episodes, conflict.start_s, key=lambda episode: episode.end_s)
        for episode in islice(episodes, first, None):
            if episode.start_s > conflict.end_s:
                break
            spans.append((max(conflict.start_s, episode.start_s), min(conflict.end_s, episode.end_s)))
    return spans


def marked(analysis: Analysis) -> dict[str, list[Interval]]:
    """What the bands show, by kind."""
    return {
        "episode": [(e.start_s, e.end_s) for e in analysis.episodes],
        "conflict": _overlaps(analysis),
        "cycle": [(c.start_s, c.end_s) for c in analysis.cycles],
        "OOM kill": _kills(analysis),
        "lost": [(start, end) for start, end, _ in analysis.accounting.lost_stretches],
    }


def lanes_row(analysis: Analysis) -> Row:
    """One lane for each kind of band, so that none is told by its colour alone."""
    title = "Episodes, conflicts and cycles"
    found = {kind: spans for kind, spans in marked(analysis).items() if spans}
    if not found:
        return Absence("lanes", title, "No episode, conflict, cycle, OOM kill or loss was recorded.")
    nouns = {"episode": "episode", "conflict": "conflict", "cycle": "cycle", "OOM kill": "OOM kill"}
    counts = {kind: len(spans) for kind, spans in found.items()} | {"conflict": len(analysis.conflicts)}
    parts = [plural(counts[kind], noun) for kind, noun in nouns.items() if kind in found]
    parts += [plural(len(found["lost"]), "lost stretch", "lost stretches")] if "lost" in found else []
    lanes = [kind for kind in _LANES if kind in found]
    layout: dict[str, Any] = {
        "yaxis": {"categoryorder": "array", "categoryarray": lanes, "showgrid": False, "fixedrange": True}
    }
    layout |= {"hovermode": "closest", "bargap": 0.35, "barmode": "overlay"}
    figure = Figure("lanes", title, "", f"{listing(parts)}.", 44 + 22 * len(lanes), layout=layout)
    for kind in lanes:
        spans = merged(found[kind], analysis.duration_s / (2 * PIXELS))
        color = f"var(--band-{kind.lower().replace(' ', '-')})"
        start, end = np.array(spans).T
        figure.add(
            {
                "type": "bar",
                "orientation": "h",
                "y": [kind] * len(spans),
                "base": start,
                "x": end - start,
                "customdata": [f"{offset(a)} to {offset(b)}" for a, b in spans],
                "marker": {"color": color, "line": {"color": color, "width": 1}},
                "hovertemplate": f"{kind}<br>%{{customdata}}<extra></extra>",
            },
            kind,
            color,
            "solid",
        )
    figure.legend.clear()
    return figure


def timeline(analysis: Analysis, page_bytes: int) -> Timeline:
    """All rows and bands."""
    rows = [
        lanes_row(analysis),
        memory_row(analysis, page_bytes),
        reclaim_row(analysis, page_bytes),
        busy_row(analysis),
        slab_row(analysis),
        balloon_row(analysis, page_bytes),
        pressure_row(analysis),
    ]
    gap = analysis.duration_s / 200
    bands = [(kind, *span) for kind, spans in marked(analysis).items() for span in merged(spans, gap)]
    return Timeline(rows, bands)
