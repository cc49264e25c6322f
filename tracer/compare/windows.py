"""What happened in equal windows of a recording, as amounts that add up."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

import numpy as np
import numpy.typing as npt

from ..analyze.balloon.size import Size
from ..analyze.sizes import MIB
from .arms import Run

Floats = npt.NDArray[np.float64]

_LEAST: Final = 8
_MOST: Final = 32
_USUAL_S: Final = 1.0


def edges_s(run: Run) -> Floats:
    """Where windows begin and end: of a second, but at least 8 and at most 32 of them. Shape (windows + 1,)."""
    windows = min(max(int(run.length_s / _USUAL_S), _LEAST), _MOST)
    edges: Floats = np.linspace(0.0, max(run.length_s, 1e-9), windows + 1)
    return edges


def of_moments(run: Run, time_s: Floats, amount: Floats) -> Floats:
    """Amounts at moments, by window."""
    edges = edges_s(run)
    index = np.clip(np.searchsorted(edges, time_s, side="right") - 1, 0, len(edges) - 2)
    return np.bincount(index, weights=amount, minlength=len(edges) - 1).astype(np.float64)


def of_curves(run: Run, names: Iterable[str]) -> Floats:
    """The timeline's series of these names together, by window; those that are not there count nothing."""
    timeline = run.analysis.timeline
    series = [timeline.series[name] for name in names if name in timeline.series]
    if not series:
        return np.zeros(len(edges_s(run)) - 1)
    middle_s = (np.arange(len(series[0]), dtype=np.float64) + 0.5) * timeline.bucket_s
    amount: Floats = np.sum(series, axis=0)
    return of_moments(run, middle_s, amount)


def of_counters(run: Run, names: Iterable[str]) -> Floats | None:
    """How much counters since boot grew in each window, together; None where none of them was read twice."""
    samples = run.analysis.samples
    read = [samples[name] for name in names if name in samples and len(samples[name].values) > 1]
    if not read:
        return None
    edges = edges_s(run)
    grown: Floats = np.sum([np.diff(np.interp(edges, each.time_s, each.values)) for each in read], axis=0)
    return grown


def of_size(run: Run, size: Size) -> Floats:
    """MiB held, times seconds, in each window."""
    edges = edges_s(run)
    between = size.time_s[(size.time_s > 0) & (size.time_s < edges[-1])]
    time_s: Floats = np.union1d(between, edges).astype(np.float64)
    held = size.mib[np.clip(np.searchsorted(size.time_s, time_s[:-1], side="right") - 1, 0, None)]
    lasts_s: Floats = time_s[1:] - time_s[:-1]
    return of_moments(run, time_s[:-1] + lasts_s / 2, held * lasts_s)


def in_bytes(mib: Floats) -> Floats:
    """MiB in bytes."""
    return mib * MIB
