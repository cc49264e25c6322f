"""Begin and end events of each thread become spans with parents.

Works on a stretch of events in time order and carries the spans that are still open into the next one. The fast way is
vectorised: a stable sort by thread, and most begins have their end next on the thread. Of the others the cumulative
depth tells: at each depth an end belongs to the last begin. Only threads on which that does not come out (a lost event,
a trace that began inside a span) go through `repair`.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Final

import numpy as np
import numpy.typing as npt

from ...batch import Batch
from ...distinct_values import distinct_values
from ...schema import SpanKind
from .grouping import stable_order
from .lane import SPAN_CODE, SYNTHETIC, Lane, by_thread, edge_of, edges, thread_of
from .repair import repair

I64 = npt.NDArray[np.int64]
Flags = npt.NDArray[np.bool_]

_NOTIFIER: Final = SPAN_CODE[SpanKind.OOM_NOTIFIER]
_KSWAPD: Final = SPAN_CODE[SpanKind.KSWAPD]
_SLAB: Final = SPAN_CODE[SpanKind.SHRINK_SLAB]
_NO_SPAN: Final = -1


@dataclass
class Paired:
    """Spans of one stretch in order of their begin; columns of shape (spans,).

    `begin`/`end` are positions in the batch (`end` SYNTHETIC where no event marks it), `parent` an index into these
    columns or -1, `kinds_above` a bit set of the span kinds of the span and its ancestors. `closed` spans ended in this
    stretch; `broken` ones ended without their own end event although their kind has one.
    """

    begin: I64
    end: I64
    begin_ns: I64
    end_ns: I64
    code: I64
    parent: I64
    kinds_above: I64
    closed: Flags
    broken: Flags
    enclosing: I64
    """For each event of the batch the innermost span it lies in, or -1; shape (events,)."""
    orphans: I64
    """Positions of ends without a begin."""


NOTIFIER_BOUND_NS: Final = 50_000_000
"""Longest time a notifier run is taken to last: `leak_balloon` of its 256 pages was measured at 34 ms at most."""


def pair(batch: Batch, watermark_ns: int) -> Paired:
    """Pair a batch in time order whose first events are the begins still open, oldest first.

    `watermark_ns`: all events up to this time are in the batch or were in an earlier one.
    """
    threads = _Threads(batch, watermark_ns)
    nest = _Nest(threads, np.zeros(len(batch), np.bool_))
    if len(broken := nest.broken_threads()):
        nest = _Nest(threads, np.isin(thread_of(batch)[threads.position], broken), broken)
    return nest.paired()


class _Threads:
    """A batch's events thread by thread, each at a place; `edge` as in `edges`, `first` those that begin a thread."""

    def __init__(self, batch: Batch, watermark_ns: int) -> None:
        self.batch = batch
        self.edge_at = edges(batch)
        self.position, self.first = by_thread(batch)
        self.edge = edge = self.edge_at[self.position]
        self.begin = np.flatnonzero(self.edge_at > 0)
        self.number = np.empty(len(batch), np.int64)
        """Of each event that is a begin which span it opens."""
        self.number[self.begin] = np.arange(len(self.begin))
        self.ends_next = np.zeros(len(edge), np.bool_)
        """Begins whose end is the thread's next event."""
        self.ends_next[:-1] = (edge[:-1] > 0) & (edge[1:] == -edge[:-1]) & ~self.first[1:]
        self.woken = self._woken_again()
        self.ends_next[self.woken] = False
        self.bounded, self.bound_ns = self._bounded(watermark_ns)

    def _woken_again(self) -> I64:
        """kswapd wakes again without the event of its sleep: its run ends there.

        It may have napped before (mm/vmscan.c, kswapd_try_to_sleep: at most HZ/10), which no event tells.
        """
        own = np.flatnonzero(np.abs(self.edge) == edge_of(SpanKind.KSWAPD))
        wake, thread = self.edge[own] > 0, thread_of(self.batch, self.position[own])
        again: I64 = own[1:][wake[1:] & wake[:-1] & (thread[1:] == thread[:-1])]
        return again

    def _bounded(self, watermark_ns: int) -> tuple[I64, I64]:
        """`notifier:notifier_run` has no end: the thread's next event ends it, or the longest time it can take.

        That event can be one made for the purpose, `oom_notifier_end`. Gives the runs without one, and their ends.
        """
        begin = np.flatnonzero((self.edge == edge_of(SpanKind.OOM_NOTIFIER)) & ~self.ends_next)
        follower = np.minimum(begin + 1, len(self.edge) - 1)
        followed = (follower > begin) & ~self.first[follower]
        begin_ns, next_ns = (self.batch.time_ns[self.position[place]] for place in (begin, follower))
        bound_ns = begin_ns + NOTIFIER_BOUND_NS
        known = followed | (bound_ns <= watermark_ns)
        return begin[known], np.where(followed, np.minimum(next_ns, bound_ns), bound_ns)[known]


class _Nest:
    """How a batch's spans lie in each other. What lies in no other's way is left out of the lane that is nested: begins
    whose end is next, and points."""

    def __init__(self, threads: _Threads, whole: Flags, broken: I64 | None = None) -> None:
        """`whole`: events of threads of which nothing is left out: those `broken`, to be repaired."""
        self._threads = threads
        self._leaf = np.flatnonzero(threads.ends_next & ~whole)
        """Places of begins whose end is next."""
        self._cut = ~whole[threads.bounded]
        self._orphans = np.empty(0, np.int64)
        kept = threads.edge != 0
        kept[self._leaf] = kept[self._leaf + 1] = False
        kept[threads.bounded] = False
        kept |= whole
        self._kept = np.flatnonzero(kept)
        lane = self._with_ends(Lane.of(threads.batch, threads.position[self._kept]))
        if broken is not None:
            lane, self._orphans = repair(lane, broken)
        self._lane, self._depth = lane, _Depth(lane)
        self._real = np.flatnonzero(lane.position >= 0)
        """Of each event of the lane its place in it."""
        span = np.full(len(lane.role) + 1, _NO_SPAN)
        begins = self._depth.begins
        span[begins] = threads.number[lane.position[begins]]
        self._span = span
        """Of each begin of the lane which span it opens; of all else, and at -1, none."""
        self.kinds = np.zeros(len(threads.begin) + 1, np.int64)
        """Of each span in the lane the bits of its own kind and those above it; 0 for others, and at -1."""
        self.kinds[span[begins]] = self._depth.kinds_above[begins]
        self.enclosing = self._enclosing(kept)

    def _with_ends(self, lane: Lane) -> Lane:
        """The lane with ends where kswapd wakes again, and of notifier runs that are not left out."""
        threads = self._threads
        if len(threads.woken):
            at = np.searchsorted(self._kept, threads.woken)
            lane = lane.insert(at, lane.time_ns[at], lane.thread[at], np.full(len(at), _KSWAPD))
        if not self._cut.all():
            runs = threads.bounded[~self._cut]
            at = np.flatnonzero(lane.position >= 0)[np.searchsorted(self._kept, runs)]
            code = np.full(len(at), _NOTIFIER)
            lane = lane.insert(at + 1, threads.bound_ns[~self._cut], lane.thread[at], code)
        return lane

    def _enclosing(self, kept: Flags) -> I64:
        """For each event the innermost span around it."""
        threads, opener = self._threads, self._depth.opener
        size = len(kept)
        around = np.where(opener >= 0, opener[opener], -1) if len(opener) else opener
        after = np.where(self._lane.role == 1, np.arange(len(opener)), np.where(self._lane.role == -1, around, opener))
        starts = np.flatnonzero(kept | threads.first)
        inside = np.full(len(starts), _NO_SPAN)
        inside[kept[starts]] = self._span[after[self._real]]
        span = np.repeat(inside, np.diff(np.append(starts, size)))
        span[self._kept] = self._span[opener[self._real]]
        span[self._leaf + 1] = threads.number[threads.position[self._leaf]]
        enclosing = np.empty(size, np.int64)
        enclosing[threads.position] = span
        return enclosing

    def broken_threads(self) -> I64:
        """Threads whose ends don't match their begins, or on which a kind that can't nests in itself."""
        threads = self._threads
        others = np.flatnonzero(threads.ends_next & (threads.edge != edge_of(SpanKind.SHRINK_SLAB)))
        rows = threads.position[np.concatenate((others, threads.bounded))]
        above = self.kinds[self.enclosing[rows]]
        nested = (above >> (threads.edge_at[rows].astype(np.int64) - 1)) & 1 == 1
        broken: I64 = distinct_values(
            np.concatenate((self._depth.broken_threads(), thread_of(threads.batch, rows[nested])))
        )
        return broken

    def paired(self) -> Paired:
        """The spans."""
        threads, lane = self._threads, self._lane
        begin, batch_ns = threads.begin, threads.batch.time_ns
        code = threads.edge_at[begin].astype(np.int64) - 1
        end, closed = np.full(len(begin), SYNTHETIC), np.zeros(len(begin), np.bool_)
        end[threads.number[threads.position[self._leaf]]] = threads.position[self._leaf + 1]
        ends = np.flatnonzero(lane.role == -1)
        ended = self._span[self._depth.opener[ends]]
        end[ended] = lane.position[ends]
        end_ns = np.where(end >= 0, batch_ns[end], -1) if len(end) else end
        end_ns[ended] = lane.time_ns[ends]
        cut = threads.number[threads.position[threads.bounded[self._cut]]]
        end_ns[cut] = threads.bound_ns[self._cut]
        closed[:] = end >= 0
        closed[ended] = closed[cut] = True
        implicit = (code == _NOTIFIER) | (code == _KSWAPD)
        parent = self.enclosing[begin]
        return Paired(
            begin=begin,
            end=end,
            begin_ns=batch_ns[begin],
            end_ns=end_ns,
            code=code,
            parent=parent,
            kinds_above=self.kinds[parent] | 1 << code,
            closed=closed,
            broken=closed & (end == SYNTHETIC) & ~implicit,
            enclosing=self.enclosing,
            orphans=self._orphans,
        )


class _Depth:
    """How deep each event of a lane lies, and which span opens each level above it."""

    def __init__(self, lane: Lane) -> None:
        self.lane = lane
        self.begins = np.flatnonzero(lane.role == 1)
        size = len(lane.role)
        total = np.cumsum(lane.role)
        first = np.concatenate(([True], lane.thread[1:] != lane.thread[:-1])) if size else np.empty(0, np.bool_)
        starts = np.flatnonzero(first)
        base = np.repeat(total[starts] - lane.role[starts], np.diff(np.append(starts, size)))
        after = total - base
        self.level = np.where(lane.role == -1, after + 1, after)
        """A begin's or end's own level, a point's enclosing one; 0 is outside any span."""
        self.opener = self._openers()

    def _openers(self) -> I64:
        """For an end its begin, for a begin its parent, for a point its span; -1 where there is none.

        It is the last begin before, of those that open the level that the event lies at: all levels at once, since a
        thread that never ends what it begins has as many levels as events.
        """
        order = stable_order(self.level)
        level = self.level[order]
        is_begin = self.lane.role[order] == 1
        last = np.maximum.accumulate(np.where(is_begin, np.arange(len(order)), -1))
        opener = np.empty(len(order), np.int64)
        opener[order] = np.where((last >= 0) & (level[last] == level), order[last], -1)
        begins, level = order[is_begin], level[is_begin]
        keys = level * len(order) + begins
        around = np.searchsorted(keys, keys - len(order)) - 1
        opener[begins] = np.where((around >= 0) & (level[around] == level - 1), begins[around], -1)
        return opener

    def broken_threads(self) -> I64:
        """Threads whose ends don't match their begins, or on which a kind that can't nests in itself."""
        lane, opener = self.lane, self.opener
        ends = np.flatnonzero(lane.role == -1)
        begin = opener[ends]
        bad = (begin < 0) | (lane.thread[begin] != lane.thread[ends]) | (lane.code[begin] != lane.code[ends])
        begins = np.flatnonzero((lane.role == 1) & (lane.code != _SLAB))
        above = self.kinds_above[opener[begins]] * (opener[begins] >= 0)
        nested = (above >> lane.code[begins]) & 1 == 1
        broken: I64 = distinct_values(np.concatenate((lane.thread[ends[bad]], lane.thread[begins[nested]])))
        return broken

    @cached_property
    def kinds_above(self) -> I64:
        """For each begin the bit set of its own kind and its ancestors'; shape of the lane, 0 elsewhere."""
        bits = np.zeros(len(self.level) + 1, np.int64)
        bits[self.begins] = 1 << self.lane.code[self.begins]
        ancestor = np.full(len(bits), -1, np.int64)
        ancestor[self.begins] = self.opener[self.begins]
        here = self.begins[ancestor[self.begins] >= 0]
        while len(here):
            # Each has the bits of twice as many ancestors as before, and knows the one beyond them.
            above = ancestor[here]
            bits[here] |= bits[above]
            ancestor[here] = ancestor[above]
            here = here[ancestor[here] >= 0]
        return bits[:-1]
