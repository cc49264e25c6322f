"""One stretch of the stream, in time order, with the rows that the later stages share."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from functools import cached_property
from typing import Final

import numpy as np
import numpy.typing as npt

from ...batch import Batch, Column
from ...schema import KIND_BY_NAME, KIND_BY_NUMBER, RECLAIM_FLAG_FILE, SpanKind
from ..terms import Tier
from .attribution import (
    BALANCE_BIT,
    DIRECT_BITS,
    GLOBAL_BITS,
    KSWAPD_BIT,
    MEMCG_BIT,
    NO_TIER,
    SLAB_BIT,
    TIER_BITS,
    rung_of,
    tier_of,
    tier_of_event,
)
from .grouping import distinct
from .lane import SPAN_CODE
from .spans import Arguments, Spans

I64 = npt.NDArray[np.int64]

COUNTING_ENDS: Final = {
    SpanKind.DIRECT_RECLAIM: "direct_reclaim_end",
    SpanKind.MEMCG_RECLAIM: "memcg_reclaim_end",
    SpanKind.MEMCG_SOFTLIMIT_RECLAIM: "memcg_softlimit_reclaim_end",
    SpanKind.NODE_RECLAIM: "node_reclaim_end",
    SpanKind.BALANCE_PGDAT: "balance_pgdat_end",
}
"""Kinds of reclaim whose end has `nr_reclaimed`."""
WITH_SLAB: Final = frozenset({SpanKind.DIRECT_RECLAIM, SpanKind.BALANCE_PGDAT})
"""Of these, the ones that have slab's pages among it: flush_reclaim_state() in mm/vmscan.c leaves a cgroup's out."""
_TASKS_ENDS: Final = tuple(event for kind, event in COUNTING_ENDS.items() if kind is not SpanKind.BALANCE_PGDAT)

_MOST_OBJECTS: Final = 1 << 36
"""Scanned by one call: more than any machine has."""


@dataclass
class LruRows:
    """`mm_vmscan_lru_shrink_inactive`: pages taken off one LRU list at a time. `at` are the events' positions."""

    at: I64
    time_ns: I64
    tier: I64
    rung: I64
    scanned: I64
    silent: npt.NDArray[np.bool_]
    """Of which the kernel says too little: `scanned` is then only what came of their pages."""
    pages: I64
    is_file: npt.NDArray[np.bool_]
    priority: I64
    nid: I64
    tid: I64
    comm: npt.NDArray[np.bytes_]
    loose: npt.NDArray[np.bool_]
    """Which lie in no span: whose reclaim was not seen."""
    kinds: I64
    """The kinds of spans around each, as bits."""
    is_split: bool = True
    """Whether they tell file from anonymous pages."""
    has_pages: bool = True
    has_priority: bool = True
    has_nid: bool = True


@dataclass
class SlabRows:
    """Closed shrinker calls. `shrink` is the callback's address, `freed` counts objects."""

    span_id: I64
    begin_ns: I64
    end_ns: I64
    tier: I64
    rung: I64
    shrink: I64
    shr: I64
    nid: I64
    scanned: I64
    freed: I64
    cache_items: I64
    priority: I64

    @cached_property
    def callbacks(self) -> I64:
        """The callbacks that were called, ascending."""
        return self._distinct[0]

    @cached_property
    def callback(self) -> I64:
        """Which of `callbacks` each call's is: sorting by a small number is cheaper than by an address."""
        return self._distinct[1]

    @cached_property
    def _distinct(self) -> tuple[I64, I64]:
        return distinct(self.shrink)


@dataclass
class PointRows:
    """Events that count by themselves, with one value each. `at` are their positions."""

    at: I64
    time_ns: I64
    tier: I64
    rung: I64
    tid: I64
    value: I64

    def take(self, rows: I64) -> PointRows:
        """Only these."""
        return PointRows(*(getattr(self, column.name)[rows] for column in fields(self)))


@dataclass
class Stretch:
    """Events after `from_ns` up to `until_ns`, and the spans that touch them (open ones too).

    `orphans` are the positions of ends without a begin; `awake` tells the runs of a kswapd that was awake before.
    `balanced`: balance_pgdat tells when kswapd works, and not its wake and sleep. The first `carried` events are begins
    of spans that were open before, all others are in no other stretch. `at_end`: what is open ends with the recording.
    """

    batch: Batch
    args: Arguments
    spans: Spans
    enclosing: I64
    from_ns: int
    until_ns: int
    orphans: I64
    awake: npt.NDArray[np.bool_]
    balanced: bool
    carried: int = 0
    at_end: bool = False

    @cached_property
    def time_ns(self) -> I64:
        """Each event's time."""
        return self.batch.time_ns

    @cached_property
    def rung(self) -> I64:
        """Each span's rung of the ladder."""
        return rung_of(self.spans.tier, self.spans.kinds_above)

    def in_memcg_reclaim(self, positions: I64) -> npt.NDArray[np.bool_]:
        """Which events lie in reclaim at a memory cgroup's own limit."""
        span = self.enclosing[positions]
        kinds = _of_span(self.spans.kinds_above, span, 0)
        inside: npt.NDArray[np.bool_] = (kinds & MEMCG_BIT != 0) & (kinds & GLOBAL_BITS == 0)
        return inside

    def comm(self, positions: I64) -> npt.NDArray[np.bytes_]:
        """The task names of these events."""
        return self.batch.header["comm"][positions].astype(np.bytes_, copy=False)

    def cgroup_id(self, positions: I64) -> I64:
        """The cgroups that these events' tasks were in, 0 where unknown."""
        return self.batch.header["cgroup_id"][positions].astype(np.int64)

    @cached_property
    def roots(self) -> I64:
        """Rows of the spans that begin a tier."""
        return np.flatnonzero(self.spans.is_root)

    @cached_property
    def roots_ns(self) -> tuple[I64, I64]:
        """Begin and end of `roots` inside the stretch."""
        begin_ns, end_ns = self._clipped
        return begin_ns[self.roots], end_ns[self.roots]

    def clipped(self, chosen: npt.NDArray[np.bool_]) -> tuple[I64, I64]:
        """Begin and end of these spans inside the stretch; an open span reaches its end."""
        begin_ns, end_ns = self._clipped
        rows = np.flatnonzero(chosen)
        return begin_ns[rows], end_ns[rows]

    @cached_property
    def _clipped(self) -> tuple[I64, I64]:
        end_ns = np.where(self.spans.closed, self.spans.end_ns, self.until_ns)
        begin_ns = np.maximum(self.spans.begin_ns, self.from_ns)
        return begin_ns, np.maximum(np.minimum(end_ns, self.until_ns), begin_ns)

    @cached_property
    def lru(self) -> LruRows:
        """Every `lru_shrink_inactive`."""
        rows, args = self.args.all("lru_shrink_inactive")
        span = self.enclosing[rows]
        kinds = _of_span(self.spans.kinds_above, span, 0)
        tier = _of_span(self.spans.tier, span, NO_TIER)
        comm = self.comm(rows)
        outside = np.flatnonzero(tier == NO_TIER)
        tier[outside] = tier_of_event(comm[outside])
        scanned, silent = _scanned(args)
        return LruRows(
            at=rows,
            time_ns=self.time_ns[rows],
            tier=tier,
            rung=rung_of(tier, kinds),
            scanned=scanned,
            silent=silent,
            pages=args["nr_reclaimed"].astype(np.int64),
            is_file=args["reclaim_flags"].astype(np.int64) & RECLAIM_FLAG_FILE != 0,
            priority=args["priority"].astype(np.int64),
            nid=args["nid"].astype(np.int64),
            tid=self._tid(rows),
            comm=comm,
            loose=span < 0,
            kinds=kinds,
            is_split=self.args.tells("lru_shrink_inactive", "reclaim_flags"),
            has_pages=self.args.tells("lru_shrink_inactive", "nr_reclaimed"),
            has_priority=self.args.tells("lru_shrink_inactive", "priority"),
            has_nid=self.args.tells("lru_shrink_inactive", "nid"),
        )

    @cached_property
    def slab(self) -> SlabRows:
        """Every shrinker call that ended with its end event."""
        spans, rows = self.spans, self.spans.ended(SpanKind.SHRINK_SLAB)
        names = ("shrink", "shr", "nid", "total_scan", "cache_items", "priority")
        start = dict(zip(names, self.args.several(spans.begin_at[rows], "shrink_slab_start", names), strict=True))
        total_scan, freed = self.args.several(spans.end_at[rows], "shrink_slab_end", ("total_scan", "retval"))
        return SlabRows(
            span_id=spans.id[rows],
            begin_ns=spans.begin_ns[rows],
            end_ns=spans.end_ns[rows],
            tier=spans.tier[rows],
            rung=self.rung[rows],
            scanned=np.maximum(_held(start.pop("total_scan")) - _held(total_scan), 0),
            freed=np.maximum(freed, 0),
            **start,
        )

    @cached_property
    def reclaimed(self) -> dict[SpanKind, PointRows]:
        """`nr_reclaimed` at the end of direct, memcg, soft limit and node reclaim and of kswapd's balance_pgdat, once
        where one lies in another; WITH_SLAB have slab's pages among it. Of a run of kswapd that began before anything
        was seen it is left out: events tell of the part that was."""
        return {kind: self._ended(kind, event) for kind, event in COUNTING_ENDS.items()}

    def _ended(self, kind: SpanKind, event: str) -> PointRows:
        spans = self.spans
        rows = spans.ended(kind)
        if kind is SpanKind.MEMCG_SOFTLIMIT_RECLAIM:
            rows = rows[spans.kinds_above[rows] & (DIRECT_BITS | BALANCE_BIT) == 1 << SPAN_CODE[kind]]
        rows = rows[~self.awake[rows]]
        end_at = spans.end_at[rows]
        value = self.args.at(end_at, event, "nr_reclaimed")
        return PointRows(end_at, spans.end_ns[rows], spans.tier[rows], self.rung[rows], spans.tid[rows], value)

    @cached_property
    def ended_unseen(self) -> PointRows:
        """Ends of reclaim that began before anything was seen; the value is `nr_reclaimed`, 0 for ends without."""
        rows = np.sort(self.orphans)
        number = self.batch.header["kind"][rows].astype(np.int64)
        bits = np.asarray([_span_bit(kind) for kind in number.tolist()], np.int64)
        span = self.enclosing[rows]
        above = _of_span(self.spans.kinds_above, span, 0)
        tier = tier_of(above | bits, self.comm(rows))
        pages = np.zeros(len(rows), np.int64)
        for event in _TASKS_ENDS:
            chosen = number == KIND_BY_NAME[event].number
            pages[chosen] = self.args.at(rows[chosen], event, "nr_reclaimed")
        kept = (tier >= 0) & (bits & SLAB_BIT == 0) & (above & TIER_BITS == 0)
        if self.balanced:
            # It was napping, and the end of its work was seen or none was under way.
            kept &= bits != KSWAPD_BIT
        rung = rung_of(tier, above | bits)
        rows = rows[kept]
        return PointRows(rows, self.time_ns[rows], tier[kept], rung[kept], self._tid(rows), pages[kept])

    @cached_property
    def began_unseen(self) -> npt.NDArray[np.bool_]:
        """Which spans tell of reclaim that began before anything was seen: a kswapd's run, a shrinker call in a
        reclaim that was not seen."""
        spans = self.spans
        loose = (spans.kinds_above & TIER_BITS == 0) & (spans.kinds_above & SLAB_BIT != 0)
        unseen: npt.NDArray[np.bool_] = loose & (spans.tier > Tier.PROACTIVE)
        return unseen | self.awake

    @cached_property
    def proactive_pages(self) -> PointRows:
        """Given without pressure: `mm_vmscan_reclaim_pages` (DAMON, MADV_PAGEOUT; file and anon not told apart)."""
        rows, args = self.args.all("reclaim_pages")
        return self._points(rows, Tier.PROACTIVE, args["nr_reclaimed"].astype(np.int64))

    @cached_property
    def reported(self) -> PointRows:
        """Free pages that the balloon's driver reported to the host, which is no reclaim; the value is 0 where nothing
        counts them."""
        rows, args = self.args.all("virtballoon_free_page_report")
        return self._points(rows, Tier.PROACTIVE, args["reported_pages"].astype(np.int64))

    @cached_property
    def retries(self) -> PointRows:
        """Allocation retries and throttling; the value is the ns the task was made to wait (0 for a plain retry)."""
        throttled, args = self.args.all("throttled")
        zones, _ = self.args.all("reclaim_retry_zone")
        compactions, _ = self.args.all("compact_retry")
        rows = np.concatenate((throttled, zones, compactions))
        waited = np.zeros(len(rows), np.int64)
        waited[: len(throttled)] = np.maximum(args["usec_delayed"].astype(np.int64), 0) * 1000
        return self._points(rows, Tier.RETRY, waited)

    @cached_property
    def kills(self) -> PointRows:
        """Chosen OOM victims; the value is the victim's process id."""
        rows, args = self.args.all("mark_victim")
        return self._points(rows, Tier.OOM_KILL, args["pid"].astype(np.int64))

    def _points(self, rows: I64, tier: Tier, value: I64) -> PointRows:
        of_tier = np.full(len(rows), int(tier))
        return PointRows(rows, self.time_ns[rows], of_tier, of_tier, self._tid(rows), value)

    def _tid(self, rows: I64) -> I64:
        return self.batch.header["tid"][rows].astype(np.int64)


def _of_span(column: I64, span: I64, outside: int) -> I64:
    """A column at the rows of the spans around events; `outside` for those in none, which have -1."""
    return np.append(column, outside)[span]


def _scanned(args: Mapping[str, Column]) -> tuple[I64, npt.NDArray[np.bool_]]:
    """Pages that each scan looked at, and of which scans that is a lower bound. The multi-gen LRU says `nr_scanned` 0
    of a scan that leaves it too few generations: then at least those are counted that were freed, activated or kept as
    referenced. A scan without any page has no event."""
    outcomes = ("nr_reclaimed", "nr_activate0", "nr_activate1", "nr_ref_keep")
    looked_at = np.sum([args[name].astype(np.int64) for name in outcomes], axis=0)
    said = args["nr_scanned"].astype(np.int64)
    return np.maximum(said, looked_at), said < np.maximum(looked_at, 1)


def _held(objects: I64) -> I64:
    """Counts of a driver's own, which may be anything, so that differences and sums fit into 64 bits."""
    return np.clip(objects, -_MOST_OBJECTS, _MOST_OBJECTS)


def _span_bit(number: int) -> int:
    span = KIND_BY_NUMBER[number].span
    return 1 << SPAN_CODE[span] if span else 0
