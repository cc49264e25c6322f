"""The balloon's size over time, from whatever this recording has of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from ...balloon_counters import ADDED_UP, GAUGES, HOSTS_ACTUAL, HOSTS_FULL, INFLATED, LEAKED
from ...schema import BALLOON_PAGE_BYTES
from ..balloon_result import BalloonSize, BalloonStep
from ..model import Analysis
from ..sizes import MIB
from ..terms import Quality

_TOTAL: Final = "meminfo.MemTotal_bytes"
_TARGET: Final = "vmmemctl.target_pages"
LONG_STEP_S: Final = 1.0
"""A run of the balloon's work takes 0.2 s where it sleeps, and milliseconds else."""
Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Size:
    """The balloon in MiB at each time, and which counter says so."""

    time_s: Floats
    mib: Floats
    source: str

    def at(self, time_s: float) -> float:
        """MiB at the last reading not after `time_s` (the first reading before that)."""
        position = int(np.searchsorted(self.time_s, time_s, side="right")) - 1
        return float(self.mib[max(position, 0)])


def sampled_size(analysis: Analysis, page_bytes: int) -> Size | None:
    """The size from samples: one of GAUGES, or inflate minus deflate since boot, or else by the host's."""
    samples = analysis.samples
    for name, unit_bytes in GAUGES:
        gauge = samples.get(name)
        if gauge is not None and len(gauge.values):
            return _known(gauge.time_s, gauge.values * ((unit_bytes or page_bytes) / MIB), name)
    up, down = samples.get(INFLATED), samples.get(LEAKED)
    if up is None or down is None or not len(up.values) or len(up.values) != len(down.values):
        return _hosts_size(analysis, page_bytes)
    return _known(up.time_s, (up.values - down.values) * (page_bytes / MIB), ADDED_UP)


def balloon_size(analysis: Analysis, page_bytes: int) -> BalloonSize | None:
    """What samples say of the size over the recording; None where nothing does."""
    size = sampled_size(analysis, page_bytes)
    if size is None:
        return None
    start, end, lowest, highest = (
        round(float(mib) * MIB) for mib in (size.mib[0], size.mib[-1], size.mib.min(), size.mib.max())
    )
    target = analysis.samples.get(_TARGET) if size.source == GAUGES[0][0] else None
    target_bytes = None if target is None else round(float(target.values[-1]) * BALLOON_PAGE_BYTES)
    quality = Quality.INFERRED if size.source in (ADDED_UP, HOSTS_ACTUAL) else Quality.MEASURED
    return BalloonSize(start, end, lowest, highest, target_bytes, size.source, quality)


def _hosts_size(analysis: Analysis, page_bytes: int) -> Size | None:
    """What the guest lacks of the most that it has had, by the host and MemTotal (as `HostsView` has it), moved by the
    steps since each reading."""
    full, actual = analysis.samples.get(HOSTS_FULL), analysis.samples.get(HOSTS_ACTUAL)
    if full is None or actual is None:
        return None
    read_s, most = full.time_s, full.values
    total = analysis.samples.get(_TOTAL)
    if total is not None:
        so_far = np.append(0.0, np.maximum.accumulate(total.values))
        most = np.maximum(most, so_far[np.searchsorted(total.time_s, read_s, side="right")])
    lacks = (most - actual.values[np.searchsorted(actual.time_s, read_s)]) / MIB
    steps = sorted(analysis.steps, key=lambda step: step.end_s)
    ends_s = np.array([step.end_s for step in steps])
    net = np.cumsum([0, *(step.pages for step in steps)]) * (page_bytes / MIB)
    time_s = np.unique(np.concatenate((read_s, ends_s[ends_s > read_s[0]])))
    last = np.searchsorted(read_s, time_s, side="right") - 1
    moved = [net[np.searchsorted(ends_s, at_s, side="right")] for at_s in (time_s, read_s[last])]
    return _known(time_s, np.maximum(lacks[last] + moved[0] - moved[1], 0.0), HOSTS_ACTUAL)


def _known(time_s: Floats, mib: Floats, source: str) -> Size | None:
    kept = np.isfinite(mib)
    return Size(time_s[kept], mib[kept], source) if kept.any() else None


def stepped_size(
    steps: Sequence[BalloonStep], page_bytes: int, base_mib: float, end_s: float | None = None
) -> Size | None:
    """The size from the steps seen, on top of `base_mib` at time zero, drawn on to `end_s` if given.

    A step counts from its end. One longer than LONG_STEP_S is many that were joined (`step_log.py`) and counts evenly
    over its time: else pages that went to and fro in it would all be in the balloon for a moment.
    """
    if not steps:
        return None
    begin_s, last_s, pages = (np.array(column) for column in zip(*map(_bounds, steps), strict=True))
    begin_s = np.minimum(np.maximum(begin_s, 0.0), last_s)
    jumps = last_s - begin_s <= LONG_STEP_S
    begin_s, of_s = begin_s[~jumps], last_s[~jumps]
    time_s = np.unique(np.concatenate(([0.0], begin_s, last_s, [max(last_s.max(), end_s or 0.0)])))
    moved, pace = np.zeros(len(time_s)), np.zeros(len(time_s))
    np.add.at(moved, np.searchsorted(time_s, last_s[jumps]), pages[jumps])
    rate = pages[~jumps] / (of_s - begin_s)
    np.add.at(pace, np.searchsorted(time_s, begin_s), rate)
    np.add.at(pace, np.searchsorted(time_s, of_s), -rate)
    moved[1:] += np.cumsum(pace)[:-1] * np.diff(time_s)
    return Size(time_s, base_mib + np.cumsum(moved) * (page_bytes / MIB), "events")


def _bounds(step: BalloonStep) -> tuple[float, float, int]:
    return step.start_s, step.end_s, step.pages


def balloon_mib(analysis: Analysis, page_bytes: int, time_s: float) -> float | None:
    """The balloon's size at a time, or None where nothing tells."""
    sampled = sampled_size(analysis, page_bytes)
    if sampled is not None:
        return max(0.0, sampled.at(time_s))
    earlier = [step for step in analysis.steps if step.end_s <= time_s]
    stepped = stepped_size(earlier, page_bytes, 0.0)
    return None if stepped is None else max(0.0, float(stepped.mib[-1]))


def balloon_pages(analysis: Analysis, page_bytes: int, time_s: float) -> int | None:
    """The balloon's size at a time in guest pages, or None where nothing tells."""
    size = balloon_mib(analysis, page_bytes, time_s)
    return None if size is None else round(size * MIB / page_bytes)
