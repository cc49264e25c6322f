"""Begin and end events of each thread become spans with parents.

Works on a stretch of events in time order and carries the spans that are still open into the next one. The fast way is
vectorised: a stable sort by thread, cumulative depth, and at each depth an end belongs to the last begin. Only threads
on which that does not come out (a lost event, a trace that began inside a span) go through `repair`.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Final

import numpy as np
import numpy.typing as npt

from ...batch import Batch
from ...schema import SpanKind
from .grouping import stable_order
from .lane import SPAN_CODE, SYNTHETIC, Lane, lane_of
from .repair import repair

I64 = npt.NDArray[np.int64]

_NOTIFIER: Final = SPAN_CODE[SpanKind.OOM_NOTIFIER]
_KSWAPD: Final = SPAN_CODE[SpanKind.KSWAPD]
_SLAB: Final = SPAN_CODE[SpanKind.SHRINK_SLAB]


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
    closed: npt.NDArray[np.bool_]
    broken: npt.NDArray[np.bool_]
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
    lane = _end_notifiers(_end_kswapd(lane_of(batch)), watermark_ns)
    depth = _Depth(lane)
    orphans = np.empty(0, np.int64)
    if len(broken_threads := depth.broken_threads()):
        lane, orphans = repair(lane, broken_threads)
        depth = _Depth(lane)
    return _spans(lane, depth, len(batch), orphans)


def _end_notifiers(lane: Lane, watermark_ns: int) -> Lane:
    """`notifier:notifier_run` has no end: the thread's next event ends it, or the longest time it can take.

    That event can be one made for the purpose, `oom_notifier_end`.
    """
    begin = np.flatnonzero((lane.code == _NOTIFIER) & (lane.role == 1))
    if not len(begin):
        return lane
    follower = np.minimum(begin + 1, len(lane.thread) - 1)
    followed = (follower > begin) & (lane.thread[follower] == lane.thread[begin])
    open_end = ~(followed & (lane.code[follower] == _NOTIFIER) & (lane.role[follower] == -1))
    begin, follower, followed = begin[open_end], follower[open_end], followed[open_end]
    bound = lane.time_ns[begin] + NOTIFIER_BOUND_NS
    end_ns = np.where(followed, np.minimum(lane.time_ns[follower], bound), bound)
    known = followed | (bound <= watermark_ns)
    begin, end_ns = begin[known], end_ns[known]
    return lane.insert(begin + 1, end_ns, lane.thread[begin], np.full(len(begin), _NOTIFIER))


def _end_kswapd(lane: Lane) -> Lane:
    """kswapd wakes again without the event of its sleep: its run ends there.

    It may have napped before (mm/vmscan.c, kswapd_try_to_sleep: at most HZ/10), which no event tells.
    """
    own = np.flatnonzero((lane.code == _KSWAPD) & (lane.role != 0))
    wake = lane.role[own] == 1
    same = lane.thread[own[1:]] == lane.thread[own[:-1]]
    again = own[1:][wake[1:] & wake[:-1] & same]
    if not len(again):
        return lane
    return lane.insert(again, lane.time_ns[again], lane.thread[again], np.full(len(again), _KSWAPD))


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
        broken: I64 = np.unique(np.concatenate((lane.thread[ends[bad]], lane.thread[begins[nested]])))
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


def _spans(lane: Lane, depth: _Depth, events: int, orphans: I64) -> Paired:
    in_lane = np.full(events, -1, np.int64)
    in_lane[lane.position[depth.begins]] = depth.begins
    begins = in_lane[in_lane >= 0]
    number = np.full(len(lane.role) + 1, -1, np.int64)
    number[begins] = np.arange(len(begins))

    ends = np.flatnonzero(lane.role == -1)
    spans_ended = number[depth.opener[ends]]
    end = np.full(len(begins), SYNTHETIC)
    end_ns = np.full(len(begins), -1, np.int64)
    closed = np.zeros(len(begins), np.bool_)
    end[spans_ended] = lane.position[ends]
    end_ns[spans_ended] = lane.time_ns[ends]
    closed[spans_ended] = True

    enclosing = np.full(events, -1, np.int64)
    real = np.flatnonzero(lane.position >= 0)
    enclosing[lane.position[real]] = number[depth.opener[real]]
    code = lane.code[begins]
    implicit = (code == _NOTIFIER) | (code == _KSWAPD)
    return Paired(
        begin=lane.position[begins],
        end=end,
        begin_ns=lane.time_ns[begins],
        end_ns=end_ns,
        code=code,
        parent=number[depth.opener[begins]],
        kinds_above=depth.kinds_above[begins],
        closed=closed,
        broken=closed & (end == SYNTHETIC) & ~implicit,
        enclosing=enclosing,
        orphans=orphans,
    )
