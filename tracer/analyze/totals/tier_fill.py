"""Pages that only the kernel's counters tell of, given to the tiers and the times that they most likely belong to."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from ..stream.attribution import RUNG_OF_SCOPE, tier_of_rung
from ..terms import Scope, Tier
from .episode_ladder import EpisodeLadder
from .ladder import Ladders
from .rung import Rung
from .tier_gaps import Fill, TierGaps
from .timeline import TimelineBuilder

I64 = npt.NDArray[np.int64]


class TierFill:
    """Spreads pages over the time in which their tier was at work between the two readings; without any, over all."""

    def __init__(self, ladders: Ladders, timeline: TimelineBuilder) -> None:
        self._ladders = ladders
        self._timeline = timeline
        self._given: list[tuple[int, int, int]] = []
        self._includes_memcg = False

    def place(self, gaps: TierGaps) -> None:
        """Take all that was found."""
        self._ladders.past.mark_counted(gaps.missed)
        for ladder in (*self._ladders.episodes, self._ladders.proactive):
            for number, rung in ladder.rungs.items():
                rung.is_counted = tier_of_rung(number) in gaps.missed
        self._includes_memcg = bool(gaps.includes_memcg)
        for fill in gaps.fills:
            self._spread(fill)

    def under_pressure(self, begin_ns: int, end_ns: int) -> int:
        """How many of the pages of tiers 1 and 2 were placed between two times."""
        if not self._given:
            return 0
        since_ns, until_ns, pages = np.asarray(self._given, np.int64).reshape(-1, 3).T
        inside = np.minimum(until_ns, end_ns) - np.maximum(since_ns, begin_ns)
        return round(float((pages * np.maximum(inside, 0) / np.maximum(until_ns - since_ns, 1)).sum()))

    def _spread(self, fill: Fill) -> None:
        begin_ns, end_ns, busy = self._timeline.busy(fill.tier, fill.begin_ns, fill.end_ns)
        if not busy.sum():
            begin_ns, end_ns, busy = np.asarray([fill.begin_ns]), np.asarray([fill.end_ns]), np.ones(1)
        by_source = (("file", fill.file), ("anon", fill.anon), ("lru", fill.unsplit))
        for source, pages in ((source, pages) for source, pages in by_source if pages):
            shares = _shares(pages, busy)
            given = np.flatnonzero(shares)
            self._timeline.add(f"{fill.tier.label}.{source}_pages", begin_ns[given], shares[given])
            rows = zip(begin_ns[given].tolist(), end_ns[given].tolist(), shares[given].tolist(), strict=True)
            for since_ns, until_ns, share in rows:
                self._give(fill, source, since_ns, until_ns, share)

    def _give(self, fill: Fill, source: str, begin_ns: int, end_ns: int, pages: int) -> None:
        ladder = self._ladders.at(fill.tier, begin_ns, end_ns)
        number = self._rung_of(fill, ladder)
        rung = ladder.rungs.get(number) or ladder.rung(number, max(begin_ns, ladder.start_ns))
        if fill.tier:
            self._given.append((begin_ns, end_ns, pages))
        _add(rung, source, pages)
        if total := self._ladders.past.total_of(ladder):
            _add(total.rung(number, rung.first_ns), source, pages)

    def _rung_of(self, fill: Fill, ladder: EpisodeLadder) -> int:
        """The tier, or the scope of direct reclaim: where counters have all scopes in, the only one that was seen."""
        if fill.tier is not Tier.DIRECT:
            return int(fill.tier)
        if fill.in_memcg or not self._includes_memcg:
            return RUNG_OF_SCOPE[Scope.MEMCG if fill.in_memcg else Scope.GLOBAL]
        seen = [number for number in RUNG_OF_SCOPE.values() if number in ladder.rungs]
        return seen[0] if len(seen) == 1 else RUNG_OF_SCOPE[Scope.UNKNOWN]


def _add(rung: Rung, source: str, pages: int) -> None:
    rung.is_counted = True
    rung.missed_pages += pages
    setattr(rung, f"{source}_pages", getattr(rung, f"{source}_pages") + pages)


def _shares(pages: int, weights: npt.NDArray[np.float64]) -> I64:
    """Whole pages in proportion to the weights, which are not all 0."""
    edges = np.concatenate(([0.0], np.cumsum(weights)))
    shares: I64 = np.diff(np.rint(edges * (pages / edges[-1])).astype(np.int64))
    return shares
