"""Inflation and reclaim at the same time."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from enum import StrEnum
from typing import Final

import numpy as np
import numpy.typing as npt

from ..schema import SpanKind
from .attribution import BALLOON_BIT
from .growing import Growing
from .intervals import intersect, merge, overlap
from .lane import SPAN_CODE
from .model import Conflict, Tier
from .runs import Run
from .steps import Step, evidence
from .stretch import Stretch
from .waits import Waits

I64 = npt.NDArray[np.int64]

_PRUNE_ROWS: Final = 10_000


class Actor(StrEnum):
    """Who reclaims while the balloon inflates: its own worker, kswapd woken by it, or somebody else."""

    SELF = "self"
    INDUCED = "induced"
    FOREIGN = "foreign"


class ReclaimTracker:
    """Keeps the reclaiming intervals and reclaimed pages of tiers 1 and 2 that lie near balloon work."""

    def __init__(self) -> None:
        self._reclaiming = {actor: Growing() for actor in Actor}
        self._pages = Growing()
        self._woken_by_balloon: dict[int, bool] = {}
        self._induced: set[int] = set()
        self._newest_run = -1
        self._prune_at = _PRUNE_ROWS
        self.waits = Waits()

    def advance(self, stretch: Stretch) -> None:
        """Take the next stretch."""
        spans = stretch.spans
        reclaiming = spans.is_root & ((spans.tier == Tier.BACKGROUND) | (spans.tier == Tier.DIRECT))
        own = spans.kinds_above & BALLOON_BIT != 0
        induced = self._induced_kswapd(stretch)
        for actor, chosen in (
            (Actor.SELF, own),
            (Actor.INDUCED, induced & ~own),
            (Actor.FOREIGN, ~induced & ~own),
        ):
            begin, end = stretch.clipped(reclaiming & chosen)
            self._reclaiming[actor].add(*merge(begin, end))
        self.waits.add(*stretch.clipped(spans.is_root & (spans.tier == Tier.DIRECT)))
        lru = stretch.lru
        chosen = (lru.tier == Tier.BACKGROUND) | (lru.tier == Tier.DIRECT)
        self._pages.add(lru.time_ns[chosen], lru.pages[chosen])

    def _induced_kswapd(self, stretch: Stretch) -> npt.NDArray[np.bool_]:
        """kswapd runs whose last `wakeup_kswapd` (it is emitted only while kswapd sleeps) came from balloon work."""
        spans = stretch.spans
        runs = np.flatnonzero(spans.code == SPAN_CODE[SpanKind.KSWAPD])
        rows, args = stretch.args.all("wakeup_kswapd")
        if len(runs) or len(rows):
            span = stretch.enclosing[rows]
            above = spans.kinds_above[span] if len(spans) else np.zeros(len(rows), np.int64)
            by_balloon = (span >= 0) & (above & BALLOON_BIT != 0)
            nid = args["nid"].astype(np.int64)
            run_nid = stretch.args.at(spans.begin_at[runs], "kswapd_wake", "nid")
            self._mark(spans.id[runs], spans.begin_at[runs], run_nid, rows, nid, by_balloon)
        induced = np.isin(spans.id, list(self._induced))
        self._induced &= set(spans.id[~spans.closed].tolist())
        return induced

    def _mark(
        self, ids: I64, run_at: I64, run_nid: I64, wake_at: I64, wake_nid: I64, by_balloon: npt.NDArray[np.bool_]
    ) -> None:
        """Positions in a stretch are in time order, so they serve as times; runs at a carried position are known."""
        for node in np.unique(np.concatenate((run_nid, wake_nid))).tolist():
            here = wake_nid == node
            positions, ours = wake_at[here], by_balloon[here]
            for span_id, position in zip(ids[run_nid == node].tolist(), run_at[run_nid == node].tolist(), strict=True):
                before = int(np.searchsorted(positions, position))
                woken = bool(ours[before - 1]) if before else self._woken_by_balloon.get(node, False)
                if woken and span_id > self._newest_run:
                    self._induced.add(span_id)
            if len(ours):
                self._woken_by_balloon[node] = bool(ours[-1])
        self._newest_run = max(self._newest_run, int(ids.max(initial=-1)))

    def prune(self, works_of: Callable[[], Sequence[Run]], until_ns: int, gap_ns: int, horizon_ns: int) -> None:
        """Forget what lies before `until_ns` and away from balloon work, when it is much.

        Conflicts need what lies within `gap_ns` of work, cycles' costs what lies within their horizon too.
        """
        if self._rows() < self._prune_at:
            return
        works = works_of()
        wide = _around(works, gap_ns + horizon_ns, until_ns)
        for actor, interval in self._intervals().items():
            self._reclaiming[actor].replace(*intersect(*interval, *wide))
        self.waits.keep(*wide)
        time_ns, pages = self._pages.columns()
        near = _inside(time_ns, *_around(works, gap_ns, until_ns))
        self._pages.replace(time_ns[near], pages[near])
        self._prune_at = 2 * self._rows() + _PRUNE_ROWS

    def _rows(self) -> int:
        return len(self._pages) + len(self.waits) + sum(len(rows) for rows in self._reclaiming.values())

    def _intervals(self) -> dict[Actor, tuple[I64, I64]]:
        """When each actor reclaimed, as disjoint ascending intervals."""
        for rows in self._reclaiming.values():
            rows.replace(*merge(*rows.columns()))
        return {actor: rows.columns() for actor, rows in self._reclaiming.items()}

    def reclaiming_ns(self, begin_ns: I64, end_ns: I64) -> I64:
        """For each range how much of it somebody reclaimed in."""
        return overlap(begin_ns, end_ns, *_union(list(self._intervals().values())))

    def conflicts(self, steps: Sequence[Step], gap_ns: int, origin_ns: int) -> list[Conflict]:
        """One conflict for each inflating interval that reclaim overlaps."""
        rising = [step for step in steps if step.cause is None]
        begin, end = merge(*_bounds(rising), gap_ns)
        found: list[Conflict] = []
        intervals = self._intervals()
        time_ns, pages = self._pages.columns()
        for start, stop in zip(begin.tolist(), end.tolist(), strict=True):
            window = np.asarray([start]), np.asarray([stop])
            overlaps = {actor: intersect(*window, *interval) for actor, interval in intervals.items()}
            union = _union(list(overlaps.values()))
            if not (union[1] - union[0]).sum():
                continue
            own = [step for step in rising if start <= step.begin_ns <= stop]
            found.append(
                Conflict(
                    id=len(found) + 1,
                    start_s=(int(union[0][0]) - origin_ns) / 1e9,
                    end_s=(int(union[1][-1]) - origin_ns) / 1e9,
                    overlap_s={actor.value: int((high - low).sum()) / 1e9 for actor, (low, high) in overlaps.items()},
                    reclaimed_pages=int(pages[_inside(time_ns, *union)].sum()),
                    inflated_pages=sum(step.pages for step in own),
                    spans=evidence(own),
                )
            )
        return found


def _around(works: Sequence[Run], reach_ns: int, until_ns: int) -> tuple[I64, I64]:
    """Where work is no further than `reach_ns`, and everything from `until_ns` on."""
    begin = [run.begin_ns - reach_ns for run in works]
    end = [run.end_ns + reach_ns for run in works]
    return merge(np.asarray([*begin, until_ns], np.int64), np.asarray([*end, np.iinfo(np.int64).max], np.int64))


def _union(intervals: Sequence[tuple[I64, I64]]) -> tuple[I64, I64]:
    return merge(np.concatenate([low for low, _ in intervals]), np.concatenate([high for _, high in intervals]))


def _bounds(steps: Sequence[Step]) -> tuple[I64, I64]:
    begin = np.asarray([step.begin_ns for step in steps], np.int64)
    return begin, np.asarray([step.end_ns for step in steps], np.int64)


def _inside(time_ns: I64, begin: I64, end: I64) -> npt.NDArray[np.bool_]:
    """Which times lie in the disjoint ascending intervals, edges included."""
    if not len(begin):
        return np.zeros(len(time_ns), np.bool_)
    index = np.searchsorted(begin, time_ns, side="right") - 1
    inside: npt.NDArray[np.bool_] = (index >= 0) & (time_ns <= end[np.maximum(index, 0)])
    return inside
