"""Reclaim whose begin was not seen: it was under way when the recording, the import or the slice began.

kswapd is known by its name. A shrinker call without any reclaim around it was asked for (drop_caches, which calls every
shrinker at priority 0: drop_slab_node() in mm/shrinker.c), or its task's reclaim began unseen: then its priority tells,
or the end that the task comes to next. Nothing is proactive only because nothing else is known.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Self

import numpy as np
import numpy.typing as npt

from ...batch import Batch, Fields
from ...metadata import Metadata
from ...schema import EVENT_DTYPE, KIND_BY_NAME, MAX_KINDS, Role, SpanKind
from ..terms import Tier
from .attribution import BALLOON_BIT, KSWAPD_BIT, NO_TIER, SLAB_BIT, is_kswapd, tier_of
from .fields_read import NEVER_READ
from .lane import SPAN_CODE, thread_of
from .pairing import Paired

I64 = npt.NDArray[np.int64]

AHEAD_NS: Final = 5_000_000_000
AHEAD_EVENTS: Final = 100_000
"""How far ahead the end of a reclaim that began unseen is looked for, in time and in events."""
_FIRST_NS: Final = 10_000_000_000
"""How long after the first event a kswapd that was awake from the start is looked for: it is seldom silent."""
_BEFORE_NS: Final = 10_000_000_000
"""How long after a call at a priority above 0 one at priority 0 is taken for the same task's last try."""
_MOST_THREADS: Final = 4096
_UNKNOWN_PRIORITY: Final = -1

_OUTER: Final = (
    SpanKind.DIRECT_RECLAIM,
    SpanKind.MEMCG_RECLAIM,
    SpanKind.MEMCG_SOFTLIMIT_RECLAIM,
    SpanKind.NODE_RECLAIM,
    SpanKind.PROACTIVE_RECLAIM,
    SpanKind.DROP_CACHES,
)
_IS_OUTER: Final = np.zeros(MAX_KINDS, np.bool_)
_OUTER_BIT: Final = np.zeros(MAX_KINDS, np.int64)
for _kind in KIND_BY_NAME.values():
    if _kind.span in _OUTER:
        _IS_OUTER[_kind.number] = True
        _OUTER_BIT[_kind.number] = 1 << SPAN_CODE[_kind.span]
_KSWAPDS: Final = (SpanKind.KSWAPD, SpanKind.BALANCE_PGDAT)
_ENDS: Final = frozenset(kind.name for kind in KIND_BY_NAME.values() if kind.span in _OUTER and kind.role is Role.END)
_TELLING: Final = _ENDS | frozenset(
    kind.name for kind in KIND_BY_NAME.values() if kind.span in (*_OUTER, *_KSWAPDS) and kind.role is Role.BEGIN
)
_SLAB: Final = SPAN_CODE[SpanKind.SHRINK_SLAB]
_WAKE, _SLEEP = KIND_BY_NAME["kswapd_wake"], KIND_BY_NAME["kswapd_sleep"]
_BALANCE: Final = KIND_BY_NAME["balance_pgdat_begin"]
_BALANCED: Final = frozenset({"balance_pgdat_begin", "balance_pgdat_end"})


def balance_told(metadata: Metadata) -> bool:
    """Whether balance_pgdat tells when kswapd works: between wake and sleep it also naps, which no event tells."""
    return metadata.kinds_traced >= _BALANCED


@dataclass(frozen=True)
class Telling:
    """What a source tells of the reclaim around shrinker calls: `reclaim` its begins or ends at all, `ends` its ends,
    `priority` that of each call."""

    reclaim: bool
    ends: bool
    priority: bool

    @classmethod
    def of(cls, metadata: Metadata) -> Self:
        """By the recording's plan; one without a plan is taken to tell everything."""
        used, known = metadata.kinds_traced, bool(metadata.plan)
        return cls(
            reclaim=not known or not used.isdisjoint(_TELLING),
            ends=not known or not used.isdisjoint(_ENDS),
            priority="priority" not in metadata.absent_fields.get("shrink_slab_start", ()),
        )


class UnseenReclaim:
    """Decides the tiers of spans, those included whose reclaim began unseen; looks ahead where that takes it."""

    def __init__(self, metadata: Metadata) -> None:
        self._telling = Telling.of(metadata)
        self._balanced = balance_told(metadata)
        self._tried: dict[int, int] = {}
        """When a thread whose reclaim was not seen last called a shrinker at a priority above 0."""
        self._most_tried = _MOST_THREADS

    def tiers(self, batch: Batch, paired: Paired, carried: I64, watermark_ns: int | None) -> tuple[I64, int | None]:
        """The tiers of the paired spans, and from when on events have to wait for what comes after them, if any.

        `carried` are the tiers of the first spans, which were decided before. Without `watermark_ns` nothing comes.
        """
        comm = batch.header["comm"][paired.begin].astype(np.bytes_, copy=False)
        tier = tier_of(paired.kinds_above, comm)
        if self._balanced:
            tier[paired.kinds_above == KSWAPD_BIT] = NO_TIER
        loose = (tier == NO_TIER) & (paired.kinds_above & SLAB_BIT != 0)
        nested = _inside(loose, paired.parent)
        loose[: len(carried)] = False
        tier[: len(carried)] = carried
        if not loose.any():
            return tier, None
        roots = np.flatnonzero(loose & ~nested)
        tier[roots], wait_ns = self._roots(batch, paired, roots, watermark_ns)
        for row in np.flatnonzero(loose & nested).tolist():
            tier[row] = tier[paired.parent[row]]
        return tier, wait_ns

    def _roots(self, batch: Batch, paired: Paired, roots: I64, watermark_ns: int | None) -> tuple[I64, int | None]:
        begin = paired.begin[roots]
        priority = self._priorities(batch, begin)
        thread, time_ns = thread_of(batch)[begin], paired.begin_ns[roots]
        tier = self._by_priority(thread, time_ns, priority)
        tier[paired.kinds_above[roots] & BALLOON_BIT != 0] = Tier.DIRECT
        wait_ns = None
        if self._telling.ends:
            ended, undecided = _next_edges(batch, paired, begin)
            tier = np.where(ended >= 0, ended, tier)
            if watermark_ns is not None:
                undecided &= (time_ns + AHEAD_NS > watermark_ns) & (len(batch) - begin <= AHEAD_EVENTS)
                wait_ns = int(time_ns[undecided].min()) if undecided.any() else None
        self._remember(thread, time_ns, priority, wait_ns)
        return tier, wait_ns

    def _priorities(self, batch: Batch, begin: I64) -> I64:
        priority = np.full(len(batch), _UNKNOWN_PRIORITY)
        if self._telling.priority and "shrink_slab_start" in batch.rows:
            priority[batch.rows["shrink_slab_start"]] = batch.args["shrink_slab_start"]["priority"]
        return priority[begin]

    def _by_priority(self, thread: I64, time_ns: I64, priority: I64) -> I64:
        """Tiers by what the calls themselves tell: a reclaim's calls are at priorities from 12 down, seldom at 0."""
        reclaim = int(Tier.DIRECT) if self._telling.reclaim else NO_TIER
        asked = int(Tier.PROACTIVE) if self._telling.reclaim else NO_TIER
        tier = np.where(priority > 0, reclaim, np.where(priority == 0, int(Tier.PROACTIVE), asked))
        tried: dict[int, int] = {}
        for row in np.flatnonzero(priority >= 0).tolist() if (priority > 0).any() or self._tried else ():
            tid, now_ns = int(thread[row]), int(time_ns[row])
            if priority[row]:
                tried[tid] = now_ns
            elif now_ns - tried.get(tid, self._tried.get(tid, now_ns - _BEFORE_NS)) < _BEFORE_NS:
                tier[row] = reclaim
        return tier

    def _remember(self, thread: I64, time_ns: I64, priority: I64, until_ns: int | None) -> None:
        tried = np.flatnonzero(priority > 0)
        if until_ns is not None:
            tried = tried[time_ns[tried] < until_ns]
        self._tried.update(zip(thread[tried].tolist(), time_ns[tried].tolist(), strict=True))
        if len(self._tried) > self._most_tried:
            since_ns = int(time_ns.max()) - _BEFORE_NS
            self._tried = {tid: tried_ns for tid, tried_ns in self._tried.items() if tried_ns > since_ns}
            self._most_tried = max(_MOST_THREADS, 2 * len(self._tried))


def _inside(chosen: npt.NDArray[np.bool_], parent: I64) -> npt.NDArray[np.bool_]:
    """Which rows' parents are chosen ones."""
    return (parent >= 0) & chosen[parent]


def _next_edges(batch: Batch, paired: Paired, begin: I64) -> tuple[I64, npt.NDArray[np.bool_]]:
    """What each thread comes to after these positions: the tier of the reclaim that ends there although its begin was
    not seen (NO_TIER if it is anything else), and where there is nothing yet."""
    kind = batch.header["kind"].astype(np.int64)
    edges = np.flatnonzero(_IS_OUTER[np.minimum(kind, MAX_KINDS - 1)])
    thread = thread_of(batch)
    order = np.lexsort((edges, thread[edges]))
    edges = edges[order]
    keys = _keys(thread[edges], edges, len(batch))
    at = np.searchsorted(keys, _keys(thread[begin], begin, len(batch)))
    next_edge = np.append(edges, -1)[at]
    same = (next_edge >= 0) & (thread[next_edge] == thread[begin])
    time_ns = batch.time_ns
    near = (time_ns[next_edge] - time_ns[begin] < AHEAD_NS) & (next_edge - begin < AHEAD_EVENTS)
    unseen = same & near & np.isin(next_edge, paired.orphans)
    tiers = tier_of(_OUTER_BIT[kind[next_edge]], batch.header["comm"][next_edge].astype(np.bytes_, copy=False))
    return np.where(unseen, tiers, NO_TIER), ~same


def _keys(thread: I64, position: I64, events: int) -> I64:
    return thread * (events + 1) + position


class AwakeFromTheStart:
    """Gives a kswapd that was at work before anything was seen the begin that its run needs, at its first event."""

    def __init__(self, left_out: Fields = NEVER_READ, *, balanced: bool = False) -> None:
        """`left_out`: arguments that events do not have; `balanced`: balance_pgdat tells of its work; awake without it,
        it had a nap or had only woken."""
        self._left_out = left_out
        self._begin = _BALANCE if balanced else _WAKE
        self._code = SPAN_CODE[SpanKind.BALANCE_PGDAT if balanced else SpanKind.KSWAPD]
        self._idle = frozenset(kind.number for kind in ((_WAKE, _BALANCE, _SLEEP) if balanced else (_WAKE,)))
        self._until_ns: int | None = None
        self._known: set[int] = set()
        self.begun: dict[int, int] = {}
        """Such a run's thread and the time at which it was first seen."""

    def begin(self, due: Batch) -> Batch:
        """The events in time order with these begins among them."""
        if not len(due):
            return due
        time_ns = due.time_ns
        if self._until_ns is None:
            self._until_ns = int(time_ns[0]) + _FIRST_NS
        if time_ns[0] > self._until_ns:
            return due
        rows = np.flatnonzero(is_kswapd(due.header["comm"].astype(np.bytes_, copy=False)) & (time_ns <= self._until_ns))
        tids = due.header["tid"][rows].astype(np.int64)
        new, first = np.unique(tids, return_index=True)
        awake = [
            int(row)
            for tid, row in zip(new.tolist(), rows[first].tolist(), strict=True)
            if tid not in self._known and int(due.header["kind"][row]) not in self._idle
        ]
        self._known.update(new.tolist())
        self.begun |= {int(due.header["tid"][row]): int(time_ns[row]) for row in awake}
        return _with_begins(due, [(row, self._begin_at(due, row)) for row in sorted(awake)])

    def began_unseen(self, code: I64, tid: I64, begin_ns: I64) -> npt.NDArray[np.bool_]:
        """Which spans are such runs."""
        runs = code == self._code
        for row in np.flatnonzero(runs).tolist() if self.begun else ():
            runs[row] = self.begun.get(int(tid[row])) == int(begin_ns[row])
        return runs if self.begun else np.zeros(len(code), np.bool_)

    def _begin_at(self, due: Batch, row: int) -> Batch:
        """A begin of the thread whose event is at `row`, at the same time; its node is in the thread's name."""
        record = np.zeros(1, EVENT_DTYPE)
        for name, column in due.header.items():
            record[name] = column[row]
        record["kind"] = self._begin.number
        node = bytes(due.header["comm"][row]).rstrip(b"\0").removeprefix(b"kswapd")
        record.view(self._begin.record_dtype)["nid"] = int(node) if node.isdigit() else -1
        return Batch.from_records(record).without(self._left_out)


def _with_begins(due: Batch, begins: list[tuple[int, Batch]]) -> Batch:
    parts, done = [], 0
    for row, begin in begins:
        parts += [due.between(done, row), begin]
        done = row
    return Batch.concat([*parts, due.between(done, len(due))])
