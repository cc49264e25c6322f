"""Episodes and their ladders: what each tier supplied, in which order, at what cost."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterable
from typing import Final

import numpy as np
import numpy.typing as npt

from ...distinct_values import distinct_values
from ...schema import DEF_PRIORITY
from ..balloon.runs import Runs
from ..balloon.step_columns import StepColumns
from ..stream.attribution import RUNG_OF_SCOPE, RUNGS
from ..stream.cells import Cells
from ..stream.grouping import groups
from ..stream.intervals import merge, union_length_by_group
from ..stream.stretch import COUNTING_ENDS, WITH_SLAB, PointRows, Stretch
from ..terms import Scope, Tier
from .episode_ladder import EpisodeLadder
from .past_episodes import PastEpisode, PastEpisodes
from .reclaimers import TASKS, KernelThreads
from .rung import Rung, Share
from .unseen_ends import UnseenEnds
from .waits import Waits

I64 = npt.NDArray[np.int64]

_ALL: Final = -1
"""All reclaimers together."""
_TID_BITS: Final = 32


class Ladders:
    """Builds episodes and ladders from stretches. `episodes` are those that may still get something, behind the `past`
    ones."""

    def __init__(self, gap_ns: int) -> None:
        self._gap_ns = gap_ns
        self._tids: dict[int, set[int]] = {}
        self._open_from = 0
        self._unseen_ends = UnseenEnds()
        self.threads = KernelThreads()
        self.past = PastEpisodes()
        self.episodes: list[EpisodeLadder] = []
        self.proactive = EpisodeLadder(0, 0)

    def total(self) -> dict[int, Rung]:
        """One ladder over the whole recording, by tier."""
        total = EpisodeLadder(0, 0)
        self.past.add_to(total)
        for ladder in (*self.episodes, self.proactive):
            total.add(ladder)
        for number, rung in total.rungs.items():
            rung.tids |= self._tids.get(number, set())
        return total.by_tier()

    def all_episodes(self) -> list[PastEpisode]:
        """Every episode; nothing more will be taken."""
        return [*self.past.episodes(), *map(PastEpisode, self.episodes)]

    def keep_past(self, before_ns: int) -> None:
        """Keep apart, once for all, the episodes that were over before a time: nothing earlier will come."""
        over = bisect_left(self.episodes, before_ns, key=lambda episode: episode.end_ns)
        over = min(over, self._open_from)
        self.past.take(self.episodes[:over])
        self.episodes, self._open_from = self.episodes[over:], self._open_from - over

    def notified(self, calls: Runs) -> None:
        """Take calls of the balloon's OOM callback."""
        if not len(calls) or not self.episodes:
            return
        episodes = self.episodes[self._index_at(int(calls.begin_ns.min())) :]
        starts_ns = [episode.start_ns for episode in episodes]
        for number, rows in groups(np.maximum(np.searchsorted(starts_ns, calls.begin_ns, side="right") - 1, 0)):
            episodes[number].notified(calls.take(rows))

    def leak(self, steps: StepColumns) -> None:
        """Take pages that left the balloon in need; those that no tier took are nobody's supply."""
        steps = steps.take(steps.rung >= 0)
        if not len(steps.rung):
            return
        first, last = (self._index_at(int(time_ns)) for time_ns in (steps.begin_ns.min(), steps.begin_ns.max()))
        episodes = self.episodes[first : last + 1]
        keys = _keys(np.asarray([episode.start_ns for episode in episodes], np.int64), steps.begin_ns, steps.rung)
        gentle = np.where(steps.priority == DEF_PRIORITY, steps.pages, 0)
        for key, rows in groups(keys):
            episode, number = divmod(key, RUNGS)
            rung = [*episodes, self.proactive][episode].rung(number, int(steps.begin_ns[rows].min()))
            rung.balloon_pages -= int(steps.pages[rows].sum())
            rung.balloon_pages_at_def_priority -= int(gentle[rows].sum())

    def at(self, tier: int, begin_ns: int, end_ns: int) -> EpisodeLadder:
        """Where a tier's pages of that time belong: the episode, or what lies outside of any."""
        if not tier:
            return self.proactive
        episode = self._episode_at(end_ns)
        if episode is not None and episode.start_ns <= end_ns and begin_ns <= episode.end_ns:
            return episode
        return self.past.at(begin_ns, end_ns) or self.proactive

    def _episode_at(self, time_ns: int) -> EpisodeLadder | None:
        """The last episode that began no later, or the first one; None without any."""
        return self.episodes[self._index_at(time_ns)] if self.episodes else None

    def _index_at(self, time_ns: int) -> int:
        return max(bisect_right(self.episodes, time_ns, key=lambda episode: episode.start_ns) - 1, 0)

    def _count_tasks(self) -> None:
        """Episodes before the last get no more tasks: their number is enough."""
        over = range(self._open_from, len(self.episodes) - 1)
        for episode in self.episodes[over.start : over.stop]:
            scopes = [episode.rungs[number] for number in RUNG_OF_SCOPE.values() if number in episode.rungs]
            episode.direct.counted_tasks = len(set().union(*(rung.tids for rung in scopes)))
            for number, rung in episode.rungs.items():
                self._tids.setdefault(number, set()).update(rung.tids)
                rung.counted_tasks, rung.tids = len(rung.tids), set()
        self._open_from = max(self._open_from, over.stop)

    def advance(self, stretch: Stretch) -> None:
        """Take the next stretch."""
        begin_ns, end_ns = stretch.roots_ns
        tier = stretch.spans.tier[stretch.roots]
        lru, retries, kills = stretch.lru, stretch.retries, stretch.kills
        ended = self._unseen_ends.advance(stretch)
        points = [rows.time_ns[rows.tier > Tier.PROACTIVE] for rows in (lru, retries, kills, ended)]
        self._place(begin_ns[tier > 0], end_ns[tier > 0], points)
        self._notified(begin_ns[tier == Tier.OOM_NOTIFY])
        places = [(episode.prelude, episode.waits, episode.memcg_waits) for episode in self._current]
        Waits(self._starts, places).take(stretch)
        self._roots(stretch, begin_ns, end_ns, tier)
        self._lru(stretch)
        self._slab(stretch)
        self._points(stretch)
        self._reported(stretch)
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
            prelude = self._current[key // RUNGS].prelude
            if prelude.until_ns is None:
                prelude.until_ns = int(begin_ns[rows].min())

    def _keys(self, time_ns: I64, rung: I64) -> I64:
        return _keys(self._starts, time_ns, rung)

    def _rung(self, key: int, time_ns: int) -> Rung:
        episode, number = divmod(key, RUNGS)
        return self._current[episode].rung(number, time_ns)

    def _rung_of(self, key: int) -> Rung:
        """One that is there."""
        return self._current[key // RUNGS].rungs[key % RUNGS]

    def _roots(self, stretch: Stretch, begin_ns: I64, end_ns: I64, tier: I64) -> None:
        roots = stretch.roots
        key = self._keys(begin_ns, stretch.rung[roots])
        tid, closed = stretch.spans.tid[roots], stretch.spans.closed[roots]
        unseen = stretch.began_unseen[roots]
        who = self.threads.numbers(stretch.spans.comm[roots])
        cells = Cells(key)
        columns = (cells.keys, cells.least(begin_ns), cells.sums(unseen))
        for present, first_ns, began_unseen in zip(*(column.tolist() for column in columns), strict=True):
            rung = self._rung(present, first_ns)
            rung.timed = True
            rung.of_machine |= present % RUNGS != RUNG_OF_SCOPE[Scope.MEMCG]
            rung.began_unseen |= began_unseen > 0
        self._tasks(key, tid)
        cells = Cells(key * len(self.threads) + who)
        for cell, spans in zip(cells.keys.tolist(), cells.sums(closed).tolist(), strict=True):
            rung = self._rung_of(cell // len(self.threads))
            rung.spans += spans
            rung.share(cell % len(self.threads)).spans += spans
        apart = list(self._busy(key, who, begin_ns, end_ns))
        for present, number, busy_ns in apart:
            _add_busy(self._rung_of(present), number, busy_ns)
        together = [entry for entry in apart if entry[0] % RUNGS >= len(Tier)]
        if len({present % RUNGS for present, _, _ in together}) > 1:
            rows = np.flatnonzero(tier == Tier.DIRECT)
            together = list(self._busy(self._keys(begin_ns[rows], tier[rows]), who[rows], begin_ns[rows], end_ns[rows]))
        for present, number, busy_ns in together:
            _add_busy(self._current[present // RUNGS].direct, number, busy_ns)

    def _busy(self, key: I64, who: I64, begin_ns: I64, end_ns: I64) -> Iterable[tuple[int, int, int]]:
        """Key, reclaimer (`_ALL` for all together) and time covered, in ns."""
        if not who.any():
            busy = union_length_by_group(key, begin_ns, end_ns, len(self._current) * RUNGS)
            for present in np.flatnonzero(busy).tolist():
                yield present, _ALL, int(busy[present])
                yield present, TASKS, int(busy[present])
            return
        width = len(self.threads) + 1
        cell = np.concatenate((key * width, key * width + 1 + who))
        twice_begin, twice_end = (np.concatenate((column, column)) for column in (begin_ns, end_ns))
        busy = union_length_by_group(cell, twice_begin, twice_end, len(self._current) * RUNGS * width)
        for present in np.flatnonzero(busy).tolist():
            yield present // width, present % width - 1, int(busy[present])

    def _tasks(self, key: I64, tid: I64) -> None:
        """Note the tasks of rows by their rungs."""
        for one in distinct_values(key << _TID_BITS | tid).tolist():
            self._rung_of(one >> _TID_BITS).tids.add(one & (1 << _TID_BITS) - 1)

    def _lru(self, stretch: Stretch) -> None:
        lru = stretch.lru
        if not len(lru.at):
            return
        who = self.threads.numbers(lru.comm)
        key, many = self._keys(lru.time_ns, lru.rung), len(self.threads)
        low = int(lru.nid.min())
        nodes = int(lru.nid.max()) - low + 1
        cells = Cells((((key * many + who) * nodes + lru.nid - low) * 2 + lru.is_file) * 2 + lru.loose)
        columns = (
            cells.keys,
            cells.count(),
            cells.least(lru.time_ns),
            cells.sums(lru.pages),
            cells.sums(lru.scanned),
            cells.count_of(lru.silent),
            cells.least(lru.priority),
        )
        for cell, rows, first_ns, pages, scanned, silent, priority in zip(
            *(column.tolist() for column in columns), strict=True
        ):
            rest, loose = divmod(cell, 2)
            rest, is_file = divmod(rest, 2)
            rest, nid = divmod(rest, nodes)
            present, number = divmod(rest, many)
            rung = self._rung(present, first_ns)
            rung.took(pages, is_file=bool(is_file) if lru.is_split else None)
            rung.scanned |= lru.has_pages
            rung.of_machine |= present % RUNGS != RUNG_OF_SCOPE[Scope.MEMCG]
            if lru.has_priority:
                rung.saw_priority(priority)
            if lru.has_nid:
                rung.node_pages[nid + low] = rung.node_pages.get(nid + low, 0) + pages
            rung.spans += loose * rows
            rung.share(number).add(Share(loose * rows, 0, pages, rows * lru.has_pages, scanned, silent))
        self._tasks(key[lru.loose], lru.tid[lru.loose])

    def _slab(self, stretch: Stretch) -> None:
        slab = stretch.slab
        is_told = slab.tier >= 0
        if not is_told.any():
            return
        told = slice(None) if is_told.all() else np.flatnonzero(is_told)
        many, has_priority = len(slab.callbacks), stretch.args.tells("shrink_slab_start", "priority")
        cell = self._keys(slab.end_ns[told], slab.rung[told]) * many + slab.callback[told]
        cells = Cells(cell)
        columns = (
            cells.keys,
            cells.least(slab.begin_ns[told]),
            cells.sums(slab.freed[told]),
            cells.least(slab.priority[told]),
        )
        for one, begin_ns, freed, priority in zip(*(column.tolist() for column in columns), strict=True):
            present, callback = divmod(one, many)
            rung = self._rung(present, begin_ns)
            shrink = int(slab.callbacks[callback])
            rung.objects[shrink] = rung.objects.get(shrink, 0) + freed
            if present % RUNGS > Tier.PROACTIVE and has_priority:
                rung.saw_priority(priority)

    def _points(self, stretch: Stretch) -> None:
        retries, kills, proactive = stretch.retries, stretch.kills, stretch.proactive_pages
        for rung, rows in self._of(retries):
            rung.spans += len(rows.value)
            rung.busy_ns += int(rows.value.sum())
            rung.timed |= bool(rows.value.any())
            rung.of_machine |= not stretch.in_memcg_reclaim(rows.at).all()
            rung.tids.update(rows.tid.tolist())
            rung.share(TASKS).spans += len(rows.value)
            rung.share(TASKS).busy_ns += int(rows.value.sum())
        for rung, rows in self._of(kills):
            rung.spans += len(rows.value)
            rung.kills += len(rows.value)
            rung.tids.update(rows.tid.tolist())
        for rung, rows in self._of(proactive):
            rung.lru_pages += int(rows.value.sum())
            rung.spans += len(rows.value)
            rung.tids.update(rows.tid.tolist())
            who = self.threads.numbers(stretch.comm(rows.at))
            for number, own in _by_reclaimer(who):
                share = rung.share(number)
                share.spans += len(own)
                share.pages += int(rows.value[own].sum())
                share.scanned += int(stretch.args.at(rows.at[own], "reclaim_pages", "nr_scanned").sum())
                share.told += len(own) if stretch.args.tells("reclaim_pages", "nr_reclaimed") else 0

    def _reported(self, stretch: Stretch) -> None:
        for rung, rows in self._of(stretch.reported):
            rung.reports += len(rows.value)
            rung.reported_pages += int(rows.value.sum())
            rung.spans += len(rows.value)
            rung.tids.update(rows.tid.tolist())

    def _reclaimed(self, stretch: Stretch) -> None:
        for kind, ends in stretch.reclaimed.items():
            cells, told = (
                Cells(self._keys(ends.time_ns, ends.rung)),
                stretch.args.tells(COUNTING_ENDS[kind], "nr_reclaimed"),
            )
            columns = (cells.keys, cells.least(ends.time_ns), cells.sums(ends.value))
            for present, first_ns, pages in zip(*(column.tolist() for column in columns), strict=True):
                rung = self._rung(present, first_ns)
                rung.reclaimed_pages += pages
                rung.slab_in_reclaimed |= told and kind in WITH_SLAB
                rung.ends_counted |= told

    def _ended_unseen(self, ended: PointRows) -> None:
        for rung, rows in self._of(ended):
            rung.began_unseen = True
            rung.unseen_pages += int(rows.value.sum())
            rung.spans += len(rows.value)
            rung.tids.update(rows.tid.tolist())
            rung.share(TASKS).spans += len(rows.value)

    def _of(self, points: PointRows) -> Iterable[tuple[Rung, PointRows]]:
        for present, rows in groups(self._keys(points.time_ns, points.rung)):
            chosen = points.take(rows)
            yield self._rung(present, int(chosen.time_ns.min())), chosen


def _by_reclaimer(who: I64) -> Iterable[tuple[int, I64]]:
    """Each reclaimer's number with its positions; nearly always there is one."""
    return groups(who) if len(who) and who.any() else [(TASKS, np.arange(len(who)))]


def _add_busy(rung: Rung, number: int, busy_ns: int) -> None:
    if number == _ALL:
        rung.busy_ns += busy_ns
    else:
        rung.share(number).busy_ns += busy_ns


def _keys(starts: I64, time_ns: I64, rung: I64) -> I64:
    """Episode (by the starts of those that may be meant) and rung (or tier) of each row as one number."""
    episode = np.maximum(np.searchsorted(starts, time_ns, side="right") - 1, 0) if len(starts) > 1 else 0
    keys: I64 = np.where(rung > 0, episode, len(starts)) * RUNGS + rung
    return keys
