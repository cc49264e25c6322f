"""Episodes and their ladders: what each tier supplied, in which order, at what cost."""

from __future__ import annotations

from bisect import bisect_right, insort
from collections.abc import Iterable
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from ...schema import DEF_PRIORITY, SpanKind
from ..balloon.runs import Run
from ..balloon.steps import EVIDENCE_SPANS, Step
from ..model import Cause, Tier
from ..stream.attribution import DIRECT_BITS, GLOBAL_DIRECT_BIT
from ..stream.grouping import groups
from ..stream.intervals import merge, union_length_by_group
from ..stream.stretch import PointRows, Stretch
from .unseen_ends import UnseenEnds

I64 = npt.NDArray[np.int64]

TIERS = len(Tier)

_ADDITIVE = (
    "busy_ns",
    "spans",
    "file_pages",
    "anon_pages",
    "lru_pages",
    "global_pages",
    "global_lru_pages",
    "reclaimed_pages",
    "unseen_pages",
    "missed_pages",
    "kills",
    "balloon_pages",
    "balloon_pages_at_def_priority",
)


@dataclass(slots=True)
class Rung:
    """What one tier supplied in one episode, in ns and pages; `objects` by shrinker callback address.

    `unseen_pages` are those of reclaim that began before anything was seen, beyond what else tells of them; such a rung
    `began_unseen`. A rung is `timed` when something in it had a begin and an end, or told how long it waited. One that
    `is_counted` was held against the kernel's counters, which gave it the `missed_pages` that are among its pages.
    """

    first_ns: int
    busy_ns: int = 0
    spans: int = 0
    tids: set[int] = field(default_factory=set)
    counted_tasks: int = 0
    min_priority: int | None = None
    file_pages: int = 0
    anon_pages: int = 0
    lru_pages: int = 0
    objects: dict[int, int] = field(default_factory=dict)
    global_pages: int = 0
    global_lru_pages: int = 0
    reclaimed_pages: int = 0
    unseen_pages: int = 0
    missed_pages: int = 0
    is_counted: bool = False
    timed: bool = False
    began_unseen: bool = False
    kills: int = 0
    balloon_pages: int = 0
    balloon_pages_at_def_priority: int = 0
    node_pages: dict[int, int] = field(default_factory=dict)

    @property
    def tasks(self) -> int:
        """How many tasks there were: of a rung that gets no more of them only their number is kept."""
        return self.counted_tasks or len(self.tids)

    @property
    def slab_pages(self) -> int | None:
        """What slab gave in global direct reclaim: `nr_reclaimed` without the LRU's share, where that was traced; None
        where LRU events don't tell of all, and where nothing tells of the pages of objects that were freed."""
        if self.missed_pages:
            return None
        return max(self.global_pages - self.global_lru_pages, 0) if self.global_lru_pages else 0

    @property
    def unsplit_pages(self) -> int:
        """Pages off the LRU of unknown kind; all that was reclaimed where nothing tells of the LRU's share alone."""
        if self.is_counted:
            return self.lru_pages
        split = self.file_pages + self.anon_pages + self.lru_pages
        return (self.lru_pages if split else self.reclaimed_pages) + self.unseen_pages

    def saw_priority(self, priority: int) -> None:
        """Keep the lowest reclaim priority."""
        self.min_priority = priority if self.min_priority is None else min(self.min_priority, priority)

    def add(self, other: Rung) -> None:
        """Add another episode's rung of the same tier; the two must not overlap in time."""
        self.first_ns = min(self.first_ns, other.first_ns)
        for name in _ADDITIVE:
            setattr(self, name, getattr(self, name) + getattr(other, name))
        self.tids |= other.tids
        self.timed |= other.timed
        self.is_counted |= other.is_counted
        self.began_unseen |= other.began_unseen
        if other.min_priority is not None:
            self.saw_priority(other.min_priority)
        for shrink, freed in other.objects.items():
            self.objects[shrink] = self.objects.get(shrink, 0) + freed
        for nid, pages in other.node_pages.items():
            self.node_pages[nid] = self.node_pages.get(nid, 0) + pages


@dataclass(slots=True)
class Prelude:
    """What tasks went through in an episode before its first OOM notification."""

    until_ns: int | None = None
    stall_ns: int = 0
    stalls: int = 0
    retries: int = 0
    min_priority: int | None = None

    def includes(self, time_ns: I64) -> npt.NDArray[np.bool_]:
        """Which of these times lie before the notification, as far as it is known."""
        return np.ones(len(time_ns), np.bool_) if self.until_ns is None else time_ns <= self.until_ns


@dataclass(slots=True)
class GlobalWaits:
    """Tasks' waiting for the machine's memory in an episode: global direct reclaim, not a cgroup's or a node's."""

    stall_ns: int = 0
    stalls: int = 0
    min_priority: int | None = None


@dataclass(slots=True)
class EpisodeLadder:
    """One episode, or the tier 0 of the whole recording.

    `notifications`: begin and span id of the first calls of the balloon's OOM callback in it, at most EVIDENCE_SPANS.
    """

    start_ns: int
    end_ns: int
    rungs: dict[int, Rung] = field(default_factory=dict)
    prelude: Prelude = field(default_factory=Prelude)
    waits: GlobalWaits = field(default_factory=GlobalWaits)
    notifications: list[tuple[int, int]] = field(default_factory=list)

    def rung(self, tier: int, time_ns: int) -> Rung:
        """The tier's rung, entered no later than `time_ns`."""
        rung = self.rungs.setdefault(tier, Rung(first_ns=time_ns))
        rung.first_ns = min(rung.first_ns, time_ns)
        return rung


class Ladders:
    """Builds episodes and ladders from stretches."""

    def __init__(self, gap_ns: int) -> None:
        self._gap_ns = gap_ns
        self._tids: dict[int, set[int]] = {}
        self._open_from = 0
        self._unseen_ends = UnseenEnds()
        self.episodes: list[EpisodeLadder] = []
        self.proactive = EpisodeLadder(0, 0)

    def total(self) -> dict[int, Rung]:
        """One ladder over the whole recording."""
        rungs: dict[int, Rung] = {}
        for ladder in (*self.episodes, self.proactive):
            for tier, rung in ladder.rungs.items():
                rungs.setdefault(tier, Rung(first_ns=rung.first_ns)).add(rung)
        for tier, rung in rungs.items():
            rung.tids |= self._tids.get(tier, set())
        return rungs

    def notified(self, calls: Iterable[Run]) -> None:
        """Take calls of the balloon's OOM callback."""
        for run in calls:
            episode = self._episode_at(run.begin_ns)
            if episode is not None and episode.start_ns <= run.begin_ns <= episode.end_ns:
                insort(episode.notifications, (run.begin_ns, run.id))
                del episode.notifications[EVIDENCE_SPANS:]

    def leak(self, step: Step) -> None:
        """Take pages that left the balloon; those that the host wanted, or that no tier took, are nobody's supply."""
        if step.cause is Cause.HOST or step.tier < 0:
            return
        ladder = (self._episode_at(step.begin_ns) if step.tier else None) or self.proactive
        rung = ladder.rung(step.tier, step.begin_ns)
        rung.balloon_pages -= step.pages
        if step.priority == DEF_PRIORITY:
            rung.balloon_pages_at_def_priority -= step.pages

    def at(self, tier: int, begin_ns: int, end_ns: int) -> EpisodeLadder:
        """Where a tier's pages of that time belong: the episode, or what lies outside of any."""
        episode = self._episode_at(end_ns) if tier else None
        met = episode is not None and episode.start_ns <= end_ns and begin_ns <= episode.end_ns
        return episode if met and episode else self.proactive

    def _episode_at(self, time_ns: int) -> EpisodeLadder | None:
        """The last episode that began no later, or the first one; None without any."""
        index = bisect_right(self.episodes, time_ns, key=lambda episode: episode.start_ns) - 1
        return self.episodes[max(index, 0)] if self.episodes else None

    def _count_tasks(self) -> None:
        """Episodes before the last get no more tasks: their number is enough."""
        over = range(self._open_from, len(self.episodes) - 1)
        for episode in self.episodes[over.start : over.stop]:
            for tier, rung in episode.rungs.items():
                self._tids.setdefault(tier, set()).update(rung.tids)
                rung.counted_tasks, rung.tids = len(rung.tids), set()
        self._open_from = max(self._open_from, over.stop)

    def advance(self, stretch: Stretch) -> None:
        """Take the next stretch."""
        roots = stretch.spans.is_root
        begin_ns, end_ns = stretch.clipped(roots)
        tier = stretch.spans.tier[roots]
        lru, retries, kills = stretch.lru, stretch.retries, stretch.kills
        ended = self._unseen_ends.advance(stretch)
        points = [rows.time_ns[rows.tier > Tier.PROACTIVE] for rows in (lru, retries, kills, ended)]
        self._place(begin_ns[tier > 0], end_ns[tier > 0], points)
        self._notified(begin_ns[tier == Tier.OOM_NOTIFY])
        self._preludes(stretch)
        self._roots(stretch, roots, begin_ns, end_ns, tier)
        self._lru(stretch)
        self._slab(stretch)
        self._points(retries, kills, stretch.proactive_pages)
        self._reclaimed(stretch)
        self._ended_unseen(ended)
        self._count_tasks()

    def _place(self, begin_ns: I64, end_ns: I64, points: Iterable[I64]) -> None:
        """Find this stretch's episodes; `self._starts` are those that rows are looked up in."""
        times = np.concatenate(list(points))
        starts, ends = merge(np.concatenate((begin_ns, times)), np.concatenate((end_ns, times)), self._gap_ns)
        first_new = len(self.episodes)
        for start, end in zip(starts.tolist(), ends.tolist(), strict=True):
            last = self.episodes[-1] if self.episodes else None
            if last is not None and start <= last.end_ns + self._gap_ns:
                first_new = min(first_new, len(self.episodes) - 1)
                last.end_ns = max(last.end_ns, end)
            else:
                self.episodes.append(EpisodeLadder(start, end))
        self._current = [*self.episodes[first_new:], self.proactive]
        self._starts = np.asarray([episode.start_ns for episode in self._current[:-1]], np.int64)

    def _notified(self, begin_ns: I64) -> None:
        for key, rows in groups(self._keys(begin_ns, np.full(len(begin_ns), int(Tier.OOM_NOTIFY)))):
            prelude = self._current[key // TIERS].prelude
            if prelude.until_ns is None:
                prelude.until_ns = int(begin_ns[rows].min())

    def _preludes(self, stretch: Stretch) -> None:
        spans, lru, retries = stretch.spans, stretch.lru, stretch.retries
        waited = spans.is_root & spans.closed & ~spans.broken & (spans.tier == Tier.DIRECT)
        begin_ns, end_ns, tier = spans.begin_ns[waited], spans.end_ns[waited], spans.tier[waited]
        for key, rows in groups(self._keys(end_ns, tier)):
            prelude = self._current[key // TIERS].prelude
            early = rows[prelude.includes(end_ns[rows])]
            prelude.stall_ns += int((end_ns[early] - begin_ns[early]).sum())
            prelude.stalls += len(early)
        machine = spans.kinds_above[waited] & DIRECT_BITS == GLOBAL_DIRECT_BIT
        for key, rows in groups(self._keys(end_ns[machine], tier[machine])):
            waits = self._current[key // TIERS].waits
            waits.stall_ns += int((end_ns[machine][rows] - begin_ns[machine][rows]).sum())
            waits.stalls += len(rows)
        for key, rows in groups(self._keys(lru.time_ns[lru.in_global_direct], lru.tier[lru.in_global_direct])):
            waits, lowest = self._current[key // TIERS].waits, int(lru.priority[lru.in_global_direct][rows].min())
            waits.min_priority = lowest if waits.min_priority is None else min(waits.min_priority, lowest)
        for key, rows in groups(self._keys(retries.time_ns, retries.tier)):
            prelude = self._current[key // TIERS].prelude
            prelude.retries += int(prelude.includes(retries.time_ns[rows]).sum())
        for key, rows in groups(self._keys(lru.time_ns, lru.tier)):
            prelude = self._current[key // TIERS].prelude
            early = rows[prelude.includes(lru.time_ns[rows])]
            if len(early) and key % TIERS == Tier.DIRECT:
                lowest = int(lru.priority[early].min())
                prelude.min_priority = lowest if prelude.min_priority is None else min(prelude.min_priority, lowest)

    def _keys(self, time_ns: I64, tier: I64) -> I64:
        """Episode and tier of each row as one number."""
        episode = np.maximum(np.searchsorted(self._starts, time_ns, side="right") - 1, 0)
        episode = np.where(tier > 0, episode, len(self._starts))
        return episode * TIERS + tier

    def _rung(self, key: int, time_ns: int) -> Rung:
        episode, tier = divmod(key, TIERS)
        return self._current[episode].rung(tier, time_ns)

    def _roots(self, stretch: Stretch, roots: npt.NDArray[np.bool_], begin_ns: I64, end_ns: I64, tier: I64) -> None:
        key = self._keys(begin_ns, tier)
        tid, closed = stretch.spans.tid[roots], stretch.spans.closed[roots]
        unseen = stretch.began_unseen[roots]
        busy = union_length_by_group(key, begin_ns, end_ns, len(self._current) * TIERS)
        for present, rows in groups(key):
            rung = self._rung(present, int(begin_ns[rows].min()))
            rung.busy_ns += int(busy[present])
            rung.spans += int(closed[rows].sum())
            rung.timed = True
            rung.began_unseen |= bool(unseen[rows].any())
            rung.tids.update(np.unique(tid[rows]).tolist())

    def _lru(self, stretch: Stretch) -> None:
        lru = stretch.lru
        for present, rows in groups(self._keys(lru.time_ns, lru.tier)):
            rung = self._rung(present, int(lru.time_ns[rows].min()))
            pages, is_file = lru.pages[rows], lru.is_file[rows]
            rung.file_pages += int(pages[is_file].sum())
            rung.anon_pages += int(pages[~is_file].sum())
            rung.global_lru_pages += int(pages[lru.in_global_direct[rows]].sum())
            rung.saw_priority(int(lru.priority[rows].min()))
            loose = rows[lru.loose[rows]]
            rung.spans += len(loose)
            rung.tids.update(np.unique(lru.tid[loose]).tolist())
            for nid, own in groups(lru.nid[rows]):
                rung.node_pages[nid] = rung.node_pages.get(nid, 0) + int(pages[own].sum())

    def _slab(self, stretch: Stretch) -> None:
        slab = stretch.slab
        told = np.flatnonzero(slab.tier >= 0)
        for present, of_told in groups(self._keys(slab.end_ns[told], slab.tier[told])):
            rows = told[of_told]
            rung = self._rung(present, int(slab.begin_ns[rows].min()))
            for callback, own in groups(slab.callback[rows]):
                shrink = int(slab.callbacks[callback])
                rung.objects[shrink] = rung.objects.get(shrink, 0) + int(slab.freed[rows[own]].sum())
            if present % TIERS > Tier.PROACTIVE:
                rung.saw_priority(int(slab.priority[rows].min()))

    def _points(self, retries: PointRows, kills: PointRows, proactive: PointRows) -> None:
        for rung, rows in self._of(retries):
            rung.spans += len(rows.value)
            rung.busy_ns += int(rows.value.sum())
            rung.timed |= bool(rows.value.any())
            rung.tids.update(rows.tid.tolist())
        for rung, rows in self._of(kills):
            rung.spans += len(rows.value)
            rung.kills += len(rows.value)
            rung.tids.update(rows.tid.tolist())
        for rung, rows in self._of(proactive):
            rung.lru_pages += int(rows.value.sum())
            rung.spans += len(rows.value)
            rung.tids.update(rows.tid.tolist())

    def _reclaimed(self, stretch: Stretch) -> None:
        for kind, rows in stretch.reclaimed.items():
            for rung, own in self._of(rows):
                rung.reclaimed_pages += int(own.value.sum())
                if kind is SpanKind.DIRECT_RECLAIM:
                    rung.global_pages += int(own.value.sum())

    def _ended_unseen(self, ended: PointRows) -> None:
        for rung, rows in self._of(ended):
            rung.began_unseen = True
            rung.unseen_pages += int(rows.value.sum())
            rung.spans += len(rows.value)
            rung.tids.update(rows.tid.tolist())

    def _of(self, points: PointRows) -> Iterable[tuple[Rung, PointRows]]:
        for present, rows in groups(self._keys(points.time_ns, points.tier)):
            chosen = PointRows(points.time_ns[rows], points.tier[rows], points.tid[rows], points.value[rows])
            yield self._rung(present, int(chosen.time_ns.min())), chosen
