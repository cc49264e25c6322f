"""Memory by use, stacked to what the guest owns, the balloon as part of it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Final

import numpy as np

from ...analyze.balloon.size import Size, sampled_size
from ...analyze.curves import Quantity
from ...analyze.sizes import MIB
from ...metadata import BalloonInfo
from ..section import Source
from ..series import Floats
from .model import Level, Look, Row

_TOTAL: Final = "meminfo.MemTotal_bytes"
_AVAILABLE: Final = "meminfo.MemAvailable_bytes"
_MOVED_MIB: Final = 16.0
"""So much the balloon has to move before MemTotal tells whether the balloon is part of it."""
_USES: Final[tuple[tuple[Look, tuple[str, ...], tuple[str, ...]], ...]] = (
    (
        Look("anon", "var(--mem-anon)", "solid"),
        ("meminfo.AnonPages_bytes",),
        ("vmstat.nr_active_anon", "vmstat.nr_inactive_anon"),
    ),
    (
        Look("file", "var(--mem-file)", "solid"),
        (),
        ("vmstat.nr_active_file", "vmstat.nr_inactive_file"),
    ),
    (
        Look("slab", "var(--mem-slab)", "solid"),
        (),
        ("vmstat.nr_slab_reclaimable", "vmstat.nr_slab_unreclaimable"),
    ),
    (Look("free", "var(--mem-free)", "pale"), ("meminfo.MemFree_bytes",), ("vmstat.nr_free_pages",)),
)
_OTHER: Final = Look("other", "var(--mem-other)", "pale")
_BALLOON: Final = Look("balloon", "var(--balloon)", "solid")


def memory_row(source: Source) -> Row:
    """What the guest's memory is used for; a sentence where nothing was sampled."""
    row = Row("memory", "Memory by use", "MiB", 104, stacked=True)
    samples = source.analysis.samples
    uses = [(look, _summed(samples, source, bytes_, pages)) for look, bytes_, pages in _USES]
    known = [(look, quantity) for look, quantity in uses if quantity is not None]
    if not known:
        row.words = "No memory counters were sampled in this recording."
        return row
    time_s = known[0][1].time_s
    parts = [(look, _at(time_s, quantity)) for look, quantity in known]
    size = sampled_size(source.analysis, source.page_bytes)
    balloon = None if size is None else np.interp(time_s, size.time_s, size.mib)
    total = samples.get(_TOTAL)
    inside = _by_features(source.facts.metadata.balloon)
    row.unknown = _complete(parts, balloon, None if total is None else _at(time_s, total) / MIB, size, inside)
    row.series = [Level(look, time_s, value) for look, value in parts]
    available = samples.get(_AVAILABLE)
    if available is not None:
        look = Look("MemAvailable", "var(--mem-available)", "line")
        row.series.append(Level(look, available.time_s, available.values / MIB))
    told = "; ".join(f"{one.look.name} {_course(one.value)}" for one in row.series if isinstance(one, Level))
    row.words = f"In MiB from start to end: {told}."
    return row


def _complete(
    parts: list[tuple[Look, Floats]], balloon: Floats | None, total: Floats | None, size: Size | None, told: bool | None
) -> str:
    """Add what is left of MemTotal, and the balloon on top or out of it; what is not known, as a sentence.

    `told` is whether MemTotal has the balloon in it by the driver's features, for where its moves do not show it.
    """
    if balloon is None or size is None:
        words = "The balloon's size was not sampled: it is not part of the stack."
        inside = np.zeros_like(parts[0][1])
    elif total is None:
        words, inside = "", np.zeros_like(balloon)
    else:
        of_total = told if (seen := _inside(balloon, total)) is None else seen
        words = "" if of_total is not None else "Whether MemTotal includes the balloon cannot be told: it hardly moved."
        inside = balloon if of_total else np.zeros_like(balloon)
        if of_total is None:
            balloon = None
    if total is not None:
        used = np.sum([value for _, value in parts], axis=0)
        parts.append((_OTHER, np.maximum(total - used - inside, 0.0)))
    if balloon is not None:
        parts.append((_BALLOON, balloon))
    return words


def _inside(balloon: Floats, total: Floats) -> bool | None:
    """Whether MemTotal has the balloon in it: it stays while the balloon moves. None where neither can be told."""
    if float(np.ptp(balloon)) < _MOVED_MIB:
        return False if float(balloon.max()) < 1.0 else None
    return bool(np.ptp(total) < np.ptp(total + balloon))


def _by_features(balloon: BalloonInfo) -> bool | None:
    """virtio-balloon takes its pages out of MemTotal unless DEFLATE_ON_OOM was negotiated. None where not known."""
    if balloon.driver != "virtio_balloon" or not balloon.features:
        return None
    return "deflate_on_oom" in balloon.features


def _summed(
    samples: Mapping[str, Quantity], source: Source, in_bytes: Iterable[str], in_pages: Iterable[str]
) -> Quantity | None:
    """A use in MiB."""
    for names, scale in ((in_bytes, 1 / MIB), (in_pages, source.page_bytes / MIB)):
        found = [samples[name] for name in names if name in samples and len(samples[name].values)]
        found = [one for one in found if len(one.values) == len(found[0].values)]
        if found:
            return Quantity(found[0].time_s, np.sum([one.values for one in found], axis=0) * scale)
    return None


def _at(time_s: Floats, quantity: Quantity) -> Floats:
    same = len(quantity.time_s) == len(time_s) and bool((quantity.time_s == time_s).all())
    return quantity.values if same else np.interp(time_s, quantity.time_s, quantity.values)


def _course(value: Floats) -> str:
    return f"{value[0]:,.0f} → {value[-1]:,.0f} (lowest {value.min():,.0f})"
