"""What the analysis keeps over time: curves in equal buckets, single moments and spans, and readings of counters."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt


@dataclass(slots=True)
class Occurrences:
    """What happened when, in order of `begin_s`, as columns of shape (rows,).

    Each row stands for `count` of them, more than one where there were too many to keep: neighbours in time, from the
    first's begin to the last's end, with the sum of their amounts.
    """

    begin_s: npt.NDArray[np.float64]
    end_s: npt.NDArray[np.float64]
    amount: npt.NDArray[np.float64]
    count: npt.NDArray[np.int64]


@dataclass
class Timeline:
    """Activity in equal buckets of `bucket_s` from time zero, each series of shape (buckets,).

    Series names: `<tier label>.busy_s`, `<tier label>.<file|anon>_pages`, `<tier label>.spans`, `direct.stall_s` (all
    tasks' added up), `slab.objects`, `kswapd.wakeups`, `balloon.inflated_pages`, `balloon.leaked_pages.<cause>`,
    `oom.kills`.

    `moments` has what series of pages and objects are made of, under their names, one row an event where there are few.
    `spans` are the times at work by tier (`background`, `direct`, `retry`, `oom_notify`; amounts in ns),
    the OOM kills (`oom_kill`) and the host's changes of its target (`target_change`).
    """

    bucket_s: float
    series: Mapping[str, npt.NDArray[np.float64]]
    moments: Mapping[str, Occurrences] = field(default_factory=dict)
    spans: Mapping[str, Occurrences] = field(default_factory=dict)


@dataclass
class Quantity:
    """One sampled counter over time; gauges as read, counters as cumulative since boot."""

    time_s: npt.NDArray[np.float64]
    values: npt.NDArray[np.float64]
