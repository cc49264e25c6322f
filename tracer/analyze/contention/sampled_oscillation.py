"""The host going to and fro as readings alone tell it: its target, or the balloon's size where no step was counted."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import pairwise

import numpy as np

from ...balloon_counters import HOSTS_ACTUAL, HOSTS_TARGET
from ..balloon.size import Floats, sampled_size
from ..model import Analysis, Quantity
from ..sizes import MIB
from .found_oscillations import Oscillation
from .oscillation import OSCILLATION_TURNS, UNDONE_PARTS

_REFAULTS = ("vmstat.workingset_refault_file", "vmstat.workingset_refault_anon")


def sampled_oscillations(analysis: Analysis, known: Sequence[Oscillation], page_bytes: int) -> list[Oscillation]:
    """Those that no known one overlaps. Where the balloon's pages were counted, its size has nothing to add."""
    found = list(known)
    for source, time_s, values in _levels(analysis, page_bytes):
        for each in _oscillations(analysis, source, time_s, values):
            if not any(one.start_s <= each.end_s and each.start_s <= one.end_s for one in found):
                found.append(each)
    return found[len(known) :]


def _levels(analysis: Analysis, page_bytes: int) -> Iterator[tuple[str, Floats, Floats]]:
    """Readings by name, in guest pages."""
    names = [HOSTS_TARGET] if analysis.balloon.wasted_pages is not None else [HOSTS_TARGET, HOSTS_ACTUAL]
    for name in names:
        if (level := analysis.samples.get(name)) is not None:
            yield name, level.time_s, level.values / page_bytes
    if len(names) > 1 and (size := sampled_size(analysis, page_bytes)) is not None:
        yield size.source, size.time_s, size.mib * (MIB / page_bytes)


def _oscillations(analysis: Analysis, source: str, time_s: Floats, level: Floats) -> Iterator[Oscillation]:
    begin_s, end_s, pages = _swings(time_s, level)
    for first, last in _chains(pages):
        start_s, turns = float(begin_s[first]), last - first
        yield Oscillation(
            start_s,
            float(end_s[last]),
            turns,
            period_s=2 * float(begin_s[last] - start_s) / turns,
            amplitude_pages=float(pages[first : last + 1].mean()),
            refault_pages=_refaults(analysis, start_s, float(end_s[last])),
            source=source,
        )


def _swings(time_s: Floats, level: Floats) -> tuple[Floats, Floats, Floats]:
    """Begin, end and size of each move in one direction."""
    moved = np.flatnonzero(np.diff(level))
    way = np.sign(level[moved + 1] - level[moved])
    first = np.flatnonzero(np.diff(way, prepend=0))
    last = np.append(first[1:], len(moved))[: len(first)] - 1
    begin, end = moved[first], moved[last] + 1
    return time_s[begin], time_s[end], np.abs(level[end] - level[begin])


def _chains(pages: Floats) -> Iterator[tuple[int, int]]:
    """First and last of swings of which each undoes enough of the one before, where there are enough of them."""
    breaks = np.flatnonzero(pages[1:] * UNDONE_PARTS < pages[:-1]) + 1
    edges = np.concatenate(([0], breaks, [len(pages)])).tolist()
    for first, after in pairwise(edges):
        if after - first > OSCILLATION_TURNS:
            yield first, after - 1


def _refaults(analysis: Analysis, start_s: float, end_s: float) -> float | None:
    """Pages read again in a stretch, between readings; None where they were not sampled."""
    counters = [found for name in _REFAULTS if (found := analysis.samples.get(name)) is not None]
    if not counters:
        return None
    return max(sum(_growth(counter, start_s, end_s) for counter in counters), 0.0)


def _growth(counter: Quantity, start_s: float, end_s: float) -> float:
    since, until = np.interp((start_s, end_s), counter.time_s, counter.values).tolist()
    return float(until - since)
