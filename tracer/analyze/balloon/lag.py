"""How far the guest was off the host's target, where the host's view was recorded."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import numpy as np

from ...balloon_counters import HOSTS_ACTUAL, HOSTS_TARGET
from ..curves import Quantity

LAG_LEAST_BYTES: Final = 1 << 20
"""Less is a run's worth of pages: a size that follows its target is off by as much all the time."""


@dataclass(frozen=True)
class Lag:
    """`lag_s`: time in which the size was off its target by more than LAG_LEAST_BYTES, first and last seen at `start_s`
    and `end_s`; `is_open`: it was so at the last reading."""

    lag_s: float
    most_bytes: float
    start_s: float
    end_s: float
    is_open: bool


def lag_of(samples: Mapping[str, Quantity]) -> Lag | None:
    """The lag in the host's readings; None without two of them, or without any lag."""
    target, actual = samples.get(HOSTS_TARGET), samples.get(HOSTS_ACTUAL)
    if target is None or actual is None or len(target.time_s) < 2:
        return None
    wanted = target.values[np.maximum(np.searchsorted(target.time_s, actual.time_s, side="right") - 1, 0)]
    off = np.where(actual.time_s >= target.time_s[0], np.abs(actual.values - wanted), 0.0)
    is_behind = off > LAG_LEAST_BYTES
    times = actual.time_s[:-1][is_behind[:-1]]
    if not len(times):
        return None
    lag_s = float(np.diff(actual.time_s)[is_behind[:-1]].sum())
    return Lag(lag_s, float(off.max()), float(times[0]), float(times[-1]), bool(is_behind[-1]))
