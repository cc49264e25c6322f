"""Activity over time in a bounded number of buckets."""

from __future__ import annotations

from typing import ClassVar, Final

import numpy as np
import numpy.typing as npt

from ..curves import Timeline
from ..stream.intervals import merge, overlap, overlapping_until
from ..stream.stretch import LruRows, Stretch
from ..terms import Tier
from .thinning_log import ThinningLog

I64 = npt.NDArray[np.int64]

_FIRST_BUCKET_NS: Final = 1_000_000
_MOST_BUCKETS: Final = 4096
_MOST_MOMENTS: Final = 8192
_MOST_SPANS: Final = 8192
_TARGET_CHANGE: Final = "target_change"


class TimelineBuilder:
    """Adds activity to buckets from `origin_ns` on; when there are too many, two become one. Times are added in ns."""

    written_columns: ClassVar = ("_series",)

    def __init__(self, origin_ns: int) -> None:
        self._origin_ns = origin_ns
        self._bucket_ns = _FIRST_BUCKET_NS
        self._series: dict[str, npt.NDArray[np.float64]] = {}
        self._moments = ThinningLog(_MOST_MOMENTS)
        self._spans = ThinningLog(_MOST_SPANS)

    def advance(self, stretch: Stretch) -> None:
        """Take the next stretch."""
        self.reach(stretch.until_ns)
        self._busy(stretch)
        self._lru(stretch.lru)
        proactive = stretch.proactive_pages
        self._told("proactive.lru_pages", proactive.time_ns, proactive.value)
        self._told("slab.objects", stretch.slab.end_ns, stretch.slab.freed)
        wakeups = stretch.time_ns[stretch.args.all("wakeup_kswapd")[0]]
        self.add("kswapd.wakeups", wakeups, np.ones(len(wakeups), np.int64))
        kills_ns = stretch.kills.time_ns
        self.add("oom.kills", kills_ns, np.ones(len(kills_ns), np.int64))
        self._spans.add(Tier.OOM_KILL.label, kills_ns, kills_ns, np.zeros(len(kills_ns), np.int64))
        retries = stretch.retries
        self._spans.add(Tier.RETRY.label, retries.time_ns - retries.value, retries.time_ns, retries.value)

    def _lru(self, lru: LruRows) -> None:
        if not len(lru.tier):
            return
        self.reach(int(lru.time_ns[-1]))
        index = self._index(lru.time_ns)
        for tier in map(Tier, np.flatnonzero(np.bincount(lru.tier)).tolist()):
            of_tier = lru.tier == tier
            by_list = (("file", of_tier & lru.is_file), ("anon", of_tier & ~lru.is_file))
            for source, chosen in by_list if lru.is_split else (("lru", of_tier),):
                rows = np.flatnonzero(chosen)
                name = f"{tier.label}.{source}_pages"
                self._add(name, index[rows], lru.pages[rows])
                self._moment(name, lru.time_ns[rows], lru.pages[rows])

    def _busy(self, stretch: Stretch) -> None:
        begin_ns, end_ns = stretch.roots_ns
        tier, closed = stretch.spans.tier[stretch.roots], stretch.spans.closed[stretch.roots]
        for present in np.flatnonzero(np.bincount(tier)).tolist():
            label = Tier(present).label
            rows = np.flatnonzero(tier == present)
            self._spread(f"{label}.busy_s", *merge(begin_ns[rows], end_ns[rows]))
            ended = rows[closed[rows]]
            self.add(f"{label}.spans", end_ns[ended], np.ones(len(ended), np.int64))
            self._span(label, stretch, stretch.roots[ended])
            if present == Tier.DIRECT:
                self._wait(f"{label}.stall_s", begin_ns[rows], end_ns[rows])

    def _span(self, label: str, stretch: Stretch, rows: I64) -> None:
        spans = stretch.spans
        whole = rows[~spans.broken[rows]]
        begin_ns, end_ns = spans.begin_ns[whole], spans.end_ns[whole]
        self._spans.add(label, begin_ns, end_ns, end_ns - begin_ns)

    def targets_changed(self, time_ns: I64) -> None:
        """Take when the host changed its target."""
        self._spans.add(_TARGET_CHANGE, time_ns, time_ns, np.zeros(len(time_ns), np.int64))

    def _told(self, name: str, time_ns: I64, value: I64) -> None:
        self.add(name, time_ns, value)
        self._moment(name, time_ns, value)

    def _moment(self, name: str, time_ns: I64, value: I64) -> None:
        some = np.flatnonzero(value)
        self._moments.add(name, time_ns[some], time_ns[some], value[some])

    def add(self, name: str, time_ns: I64, value: I64) -> None:
        """Add values to the buckets of their times."""
        if not len(time_ns):
            return
        self.reach(int(time_ns.max()))
        self._add(name, self._index(time_ns), value)

    def _index(self, time_ns: I64) -> I64:
        """The buckets of times that are reached."""
        return np.clip((time_ns - self._origin_ns) // self._bucket_ns, 0, _MOST_BUCKETS - 1)

    def _add(self, name: str, index: I64, value: I64) -> None:
        if len(index):
            self._of(name)[:] += np.bincount(index, weights=value, minlength=_MOST_BUCKETS)

    def busy(self, tier: Tier, begin_ns: int, end_ns: int) -> tuple[I64, I64, npt.NDArray[np.float64]]:
        """When a tier was at work between two times: begin and end of each piece, and how long in it, in ns."""
        first, last = (max(0, time_ns - self._origin_ns) // self._bucket_ns for time_ns in (begin_ns, end_ns))
        buckets = np.arange(min(first, _MOST_BUCKETS), min(last + 1, _MOST_BUCKETS))
        since_ns = self._origin_ns + buckets * self._bucket_ns
        from_ns, until_ns = np.maximum(since_ns, begin_ns), np.minimum(since_ns + self._bucket_ns, end_ns)
        share = np.maximum(until_ns - from_ns, 0) / self._bucket_ns
        return from_ns, until_ns, self._series.get(f"{tier.label}.busy_s", np.zeros(_MOST_BUCKETS))[buckets] * share

    def timeline(self, end_ns: int) -> Timeline:
        """The buckets up to `end_ns`."""
        self.reach(end_ns)
        used = max(1, -(-(end_ns - self._origin_ns) // self._bucket_ns))
        series = {
            name: values[:used] / (1e9 if name.endswith("_s") else 1.0) for name, values in sorted(self._series.items())
        }
        moments, spans = (log.occurrences(self._origin_ns) for log in (self._moments, self._spans))
        return Timeline(self._bucket_ns / 1e9, series, moments, spans)

    def reach(self, time_ns: int) -> None:
        """Widen the buckets until this time has one."""
        while time_ns - self._origin_ns >= self._bucket_ns * _MOST_BUCKETS:
            self._bucket_ns *= 2
            for name, values in self._series.items():
                halved = np.zeros(_MOST_BUCKETS)
                halved[: _MOST_BUCKETS // 2] = values.reshape(-1, 2).sum(axis=1)
                self._series[name] = halved

    def _of(self, name: str) -> npt.NDArray[np.float64]:
        if name not in self._series:
            self._series[name] = np.zeros(_MOST_BUCKETS)
        return self._series[name]

    def _spread(self, name: str, begin_ns: I64, end_ns: I64) -> None:
        if not len(begin_ns):
            return
        buckets, edges = self._between(int(begin_ns[0]), int(end_ns[-1]))
        self._of(name)[buckets] += overlap(edges, edges + self._bucket_ns, begin_ns, end_ns)

    def _wait(self, name: str, begin_ns: I64, end_ns: I64) -> None:
        """Spread intervals that may overlap, each in full."""
        if not len(begin_ns):
            return
        buckets, edges = self._between(int(begin_ns.min()), int(end_ns.max()))
        until = overlapping_until(np.append(edges, edges[-1] + self._bucket_ns), begin_ns, end_ns)
        self._of(name)[buckets] += np.diff(until)

    def _between(self, begin_ns: int, end_ns: int) -> tuple[I64, I64]:
        """The buckets from one time to another, and when each begins."""
        first, last = (time_ns - self._origin_ns for time_ns in (begin_ns, end_ns))
        buckets = np.arange(
            max(first // self._bucket_ns, 0), min(last // self._bucket_ns, _MOST_BUCKETS - 1) + 1, dtype=np.int64
        )
        return buckets, self._origin_ns + buckets * self._bucket_ns
