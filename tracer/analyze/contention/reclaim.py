"""What the meter is told: reclaim of tiers 1 and 2 by its actors, waiting for it, and the balloon's worker."""

from __future__ import annotations

from typing import Final

import numpy as np
import numpy.typing as npt

from ...distinct_values import distinct_values
from ...metadata import Metadata
from ...schema import SpanKind
from ..balloon.runs import IN_A_THREAD, is_work
from ..stream.attribution import BALLOON_BIT
from ..stream.lane import SPAN_CODE
from ..stream.stretch import Stretch
from ..terms import Tier
from .meter import Actor, Meter

I64 = npt.NDArray[np.int64]

_XEN_THREAD: Final = b"xen-balloon"
"""balloon_init() in drivers/xen/balloon.c calls it so."""
_BEGIN: Final = {SpanKind.BALANCE_PGDAT: "balance_pgdat_begin", SpanKind.KSWAPD: "kswapd_wake"}


class ReclaimTracker:
    """Tells the meter when who reclaimed at tiers 1 and 2, what it gave, who waited, and when the worker worked."""

    def __init__(self, meter: Meter, metadata: Metadata) -> None:
        self._meter = meter
        self._scans = not metadata.plan or "lru_shrink_inactive" in metadata.kinds_traced
        self._in_a_thread = metadata.balloon.driver == IN_A_THREAD
        self._woken_by_balloon: dict[int, bool] = {}
        self._induced: set[int] = set()
        self._newest_run = -1

    def advance(self, stretch: Stretch) -> None:
        """Take the next stretch."""
        spans = stretch.spans
        reclaiming = spans.is_root & ((spans.tier == Tier.BACKGROUND) | (spans.tier == Tier.DIRECT))
        own = spans.kinds_above & BALLOON_BIT != 0
        if self._in_a_thread:
            own |= spans.comm == _XEN_THREAD
        self._meter.worker.add(*stretch.clipped(is_work(spans)))
        induced = self._induced_kswapd(stretch)
        for actor, chosen in (
            (Actor.SELF, own),
            (Actor.INDUCED, induced & ~own),
            (Actor.FOREIGN, ~induced & ~own),
        ):
            self._meter.add_reclaim(actor, *stretch.clipped(reclaiming & chosen))
        self._meter.waits.add(*stretch.clipped(spans.is_root & (spans.tier == Tier.DIRECT)))
        self._pages(stretch)

    def _pages(self, stretch: Stretch) -> None:
        """Pages off the LRU lists; in a source without these events those that reclaim says it got."""
        if self._scans:
            lru = stretch.lru
            chosen = (lru.tier == Tier.BACKGROUND) | (lru.tier == Tier.DIRECT)
            self._meter.pages.add(lru.time_ns[chosen], lru.pages[chosen])
            return
        for ended in stretch.reclaimed.values():
            chosen = (ended.tier == Tier.BACKGROUND) | (ended.tier == Tier.DIRECT)
            self._meter.pages.add(ended.time_ns[chosen], ended.value[chosen])

    def _induced_kswapd(self, stretch: Stretch) -> npt.NDArray[np.bool_]:
        """kswapd's runs whose last `wakeup_kswapd` (it is emitted only while kswapd sleeps) came from balloon work."""
        spans, kind = stretch.spans, SpanKind.BALANCE_PGDAT if stretch.balanced else SpanKind.KSWAPD
        runs = np.flatnonzero(spans.code == SPAN_CODE[kind])
        rows, args = stretch.args.all("wakeup_kswapd")
        if len(runs) or len(rows):
            span = stretch.enclosing[rows]
            above = spans.kinds_above[span] if len(spans) else np.zeros(len(rows), np.int64)
            by_balloon = (span >= 0) & (above & BALLOON_BIT != 0)
            nid = args["nid"].astype(np.int64)
            run_nid = stretch.args.at(spans.begin_at[runs], _BEGIN[kind], "nid")
            self._mark(spans.id[runs], spans.begin_at[runs], run_nid, rows, nid, by_balloon)
        induced = np.zeros(len(spans), np.bool_)
        if self._induced:
            induced[runs] = [run in self._induced for run in spans.id[runs].tolist()]
            self._induced &= set(spans.id[runs[~spans.closed[runs]]].tolist())
        return induced

    def _mark(
        self, ids: I64, run_at: I64, run_nid: I64, wake_at: I64, wake_nid: I64, by_balloon: npt.NDArray[np.bool_]
    ) -> None:
        """Positions in a stretch are in time order, so they serve as times; runs at a carried position are known."""
        for node in distinct_values(np.concatenate((run_nid, wake_nid))).tolist():
            here = wake_nid == node
            positions, ours = wake_at[here], by_balloon[here]
            runs = np.flatnonzero((run_nid == node) & (ids > self._newest_run))
            before = np.searchsorted(positions, run_at[runs])
            known = np.concatenate(([self._woken_by_balloon.get(node, False)], ours))
            self._induced.update(ids[runs[known[before]]].tolist())
            if len(ours):
                self._woken_by_balloon[node] = bool(ours[-1])
        self._newest_run = max(self._newest_run, int(ids.max(initial=-1)))
