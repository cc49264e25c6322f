"""The host going to and fro as readings alone tell it: its target, or the balloon's size where no step was counted."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ..curves import Quantity
from ..model import Analysis
from ..stream.readings import REFAULT_COUNTERS
from .found_oscillations import Oscillation
from .level_swings import SampledLevels, SwingChain


def sampled_oscillations(
    levels: SampledLevels, analysis: Analysis, known: Sequence[Oscillation], origin_ns: int
) -> list[Oscillation]:
    """Those that no known one overlaps. Where the balloon's pages were counted, its size has nothing to add."""
    found = list(known)
    for source, chain in levels.finish(sizes=analysis.balloon.wasted_pages is None):
        one = _oscillation(analysis, source, chain, origin_ns)
        if not any(other.start_s <= one.end_s and one.start_s <= other.end_s for other in found):
            found.append(one)
    return found[len(known) :]


def _oscillation(analysis: Analysis, source: str, chain: SwingChain, origin_ns: int) -> Oscillation:
    begin_s, last_s, end_s = (
        (time_ns - origin_ns) / 1e9 for time_ns in (chain.begin_ns, chain.last_begin_ns, chain.end_ns)
    )
    turns = chain.swings - 1
    return Oscillation(
        begin_s,
        end_s,
        turns,
        period_s=2 * (last_s - begin_s) / turns,
        amplitude_pages=chain.pages / chain.swings,
        refault_pages=_refaults(analysis, begin_s, end_s),
        source=source,
    )


def _refaults(analysis: Analysis, start_s: float, end_s: float) -> float | None:
    """Pages read again in a stretch, between readings; None where they were not sampled."""
    counters = [found for name in REFAULT_COUNTERS if (found := analysis.samples.get(name)) is not None]
    if not counters:
        return None
    return max(sum(_growth(counter, start_s, end_s) for counter in counters), 0.0)


def _growth(counter: Quantity, start_s: float, end_s: float) -> float:
    since, until = np.interp((start_s, end_s), counter.time_s, counter.values).tolist()
    return float(until - since)
