"""Single waits for memory of a second and more: what the task got, how hard reclaim tried, where the time went."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, fields
from typing import Final, Self

import numpy as np
import numpy.typing as npt

from ...schema import KIND_BY_NUMBER, KINDS, Role, SpanKind
from ..balloon.columns import Columns
from ..stream.attribution import BALLOON_BIT, SLAB_BIT, scope_of_rung, tier_of_rung
from ..stream.grouping import groups, is_among
from ..stream.lane import SPAN_KINDS
from ..stream.stretch import COUNTING_ENDS, Stretch
from ..terms import Scope, Tier

I64 = npt.NDArray[np.int64]

LONG_NS: Final = 1_000_000_000
VERY_LONG_NS: Final = 10_000_000_000
_MOST: Final = 1000
"""So many long waits are kept, the first that there are, and so many very long ones."""
_LEVELS_NS: Final = (LONG_NS, VERY_LONG_NS)
_NO_PRIORITY: Final = 1 << 15
UNSEEN: Final = -1
"""Id of a wait whose begin was not seen."""
_END_KIND: Final = {kind.span: kind.name for kind in KINDS if kind.span is not None and kind.role is Role.END}


@dataclass(slots=True, eq=False)
class LongStall:
    """One wait; `shrinker_ns` is by callback address.

    `told_pages` are those that its end tells, `lru_pages` those off the LRU lists, None where nothing tells; `scans`
    are scans of these lists, `last_ns` is when something in the wait was seen last. One whose id is UNSEEN began before
    the recording, from whose start it is counted. `end_kind` is the event that ends such a wait. `by_balloon`: it was
    the balloon's own work that waited. `cgroup_id` is the task's, 0 where unknown. `level` says how many thresholds it
    has passed, `kept_at` among the waits of which one it is kept.
    """

    id: int
    tid: int
    comm: str
    tier: Tier
    scope: Scope | None
    end_kind: str
    begin_ns: int
    end_ns: int = 0
    is_open: bool = True
    by_balloon: bool = False
    cgroup_id: int = 0
    told_pages: int | None = None
    lru_pages: int | None = None
    min_priority: int | None = None
    scans: int = 0
    last_ns: int = 0
    throttled_ns: int = 0
    compaction_ns: int = 0
    shrinker_ns: dict[int, int] = field(default_factory=dict)
    level: int = 0
    kept_at: int | None = None

    @property
    def length_ns(self) -> int:
        """How long it was, or has been so far."""
        return self.end_ns - self.begin_ns

    @property
    def pages(self) -> int | None:
        """What the task got: what the end tells, else what came off the LRU lists; None where nothing tells."""
        return self.lru_pages if self.told_pages is None else self.told_pages

    def saw_priority(self, priority: int) -> None:
        """Keep the lowest reclaim priority."""
        self.min_priority = priority if self.min_priority is None else min(self.min_priority, priority)


@dataclass(frozen=True)
class _Inside(Columns):
    """What happened in waits: shrinker calls (by callback), scans of the LRU lists, throttling, compaction.

    `id` is the wait's; `priority` is _NO_PRIORITY where none is told.
    """

    id: I64
    time_ns: I64
    callback: I64
    shrinker_ns: I64
    throttled_ns: I64
    compaction_ns: I64
    scans: I64
    lru_pages: I64
    priority: I64

    @classmethod
    def told(cls, number: I64, time_ns: I64, **columns: I64) -> Self:
        """Rows of the waits with these ids, seen last at these times; what is not given is nothing."""
        none = np.zeros(len(number), np.int64)
        given = {"priority": np.full(len(number), _NO_PRIORITY), **columns}
        return cls(number, time_ns, *(given.get(name.name, none) for name in fields(cls)[2:]))


class LongStalls:
    """Follows waits that are under way, and keeps the long ones."""

    def __init__(self, start_ns: int) -> None:
        self._start_ns = start_ns
        self._open: dict[int, LongStall] = {}
        self._seen_ending: set[int] = set()
        self._kept = [0] * len(_LEVELS_NS)
        self._inside = _Inside.concat(())
        """Of waits that may still become long."""
        self.found: list[LongStall] = []

    def advance(self, stretch: Stretch) -> None:
        """Take the next stretch."""
        spans = stretch.spans
        self._drop(spans.id[spans.broken].tolist())
        rows = _waits(stretch)
        self._inside = self._inside.take(is_among(self._inside.id, spans.id[rows]))
        if len(rows):
            self._inside = _Inside.concat((self._inside, _inside(stretch, rows)))
        end_ns = np.where(spans.closed[rows], spans.end_ns[rows], stretch.until_ns)
        long = rows[end_ns - spans.begin_ns[rows] >= LONG_NS]
        stalls = [self._stall(stretch, row) for row in long.tolist()]
        if stalls:
            self._take_inside(stalls, has_pages=stretch.lru.has_pages)
        self._keep([*self._began_unseen(stretch), *stalls])
        self._open = {stall.id: stall for stall in stalls}

    def _take_inside(self, stalls: list[LongStall], *, has_pages: bool) -> None:
        """Move what happened in long waits to them."""
        by_id = {stall.id: stall for stall in stalls}
        for number, rows in groups(self._inside.id):
            if number in by_id:
                _add(by_id[number], self._inside.take(rows), has_pages=has_pages)
        self._inside = self._inside.take(~is_among(self._inside.id, np.asarray([*by_id], np.int64)))

    def named(self, name_of: Callable[[int], str]) -> list[tuple[LongStall, dict[str, int]]]:
        """The long waits by their begin, each with the time in shrinkers by name."""
        ordered = sorted(self.found, key=lambda stall: (stall.begin_ns, stall.id))
        return [(stall, _by_name(stall.shrinker_ns, name_of)) for stall in ordered]

    def _drop(self, broken: Iterable[int]) -> None:
        """Forget waits of which it turned out that their end was not seen."""
        gone = [self._open.pop(number) for number in broken if number in self._open]
        for stall in gone:
            if stall.kept_at is not None:
                self.found.remove(stall)
                self._kept[stall.kept_at] -= 1

    def _stall(self, stretch: Stretch, row: int) -> LongStall:
        spans, number = stretch.spans, int(stretch.spans.id[row])
        stall = self._open.get(number)
        if stall is None:
            kind, rung = SPAN_KINDS[int(spans.code[row])], int(stretch.rung[row])
            stall = LongStall(
                id=number,
                tid=int(spans.tid[row]),
                comm=bytes(spans.comm[row]).decode("utf-8", "replace"),
                tier=tier_of_rung(rung),
                scope=scope_of_rung(rung),
                end_kind=_END_KIND[kind],
                begin_ns=int(spans.begin_ns[row]),
                by_balloon=bool(spans.kinds_above[row] & BALLOON_BIT),
                cgroup_id=int(stretch.cgroup_id(spans.begin_at[[row]])[0]),
            )
        end_at = int(spans.end_at[row])
        stall.is_open = not spans.closed[row] or end_at < 0
        stall.end_ns = int(spans.end_ns[row]) if spans.closed[row] else stretch.until_ns
        if not stall.is_open and _counts(stretch, stall.end_kind):
            stall.told_pages = int(stretch.args.at(np.asarray([end_at]), stall.end_kind, "nr_reclaimed")[0])
        return stall

    def _began_unseen(self, stretch: Stretch) -> list[LongStall]:
        """Waits that end without a begin, the first of each thread: they may have begun before the recording."""
        ended = stretch.ended_unseen
        waited = (ended.tier == Tier.DIRECT) | (ended.tier == Tier.RETRY)
        long = np.flatnonzero(waited & (ended.time_ns - self._start_ns >= LONG_NS))
        stalls = []
        for row in long.tolist():
            at, tid = int(ended.at[row]), int(ended.tid[row])
            if tid in self._seen_ending or len(self._seen_ending) >= _MOST:
                continue
            self._seen_ending.add(tid)
            end_kind = KIND_BY_NUMBER[int(stretch.batch.header["kind"][at])].name
            stalls.append(
                LongStall(
                    id=UNSEEN,
                    tid=tid,
                    comm=bytes(stretch.comm(np.asarray([at]))[0]).decode("utf-8", "replace"),
                    tier=tier_of_rung(int(ended.rung[row])),
                    scope=scope_of_rung(int(ended.rung[row])),
                    end_kind=end_kind,
                    begin_ns=self._start_ns,
                    end_ns=int(ended.time_ns[row]),
                    cgroup_id=int(stretch.cgroup_id(ended.at[[row]])[0]),
                    is_open=False,
                    told_pages=int(ended.value[row]) if _counts(stretch, end_kind) else None,
                )
            )
        return stalls

    def _keep(self, stalls: list[LongStall]) -> None:
        """Keep those that became long by the end of the stretch, in the order in which they did."""
        for level, least_ns in enumerate(_LEVELS_NS):
            grown = [stall for stall in stalls if stall.level <= level and stall.length_ns >= least_ns]
            for stall in sorted(grown, key=lambda stall: (stall.begin_ns, stall.id)):
                stall.level = level + 1
                if stall.kept_at is None and self._kept[level] < _MOST:
                    stall.kept_at = level
                    self._kept[level] += 1
                    self.found.append(stall)


def _counts(stretch: Stretch, end_kind: str) -> bool:
    """Whether ends of this kind say how many pages were reclaimed."""
    return end_kind in COUNTING_ENDS.values() and stretch.args.tells(end_kind, "nr_reclaimed")


def _waits(stretch: Stretch) -> I64:
    """Rows of the spans in which a task waited that are still open, or were long."""
    spans, rows = stretch.spans, stretch.roots
    rows = rows[_waiting(spans.tier[rows])]
    parent = spans.parent[rows]
    rows = rows[(parent < 0) | ~_waiting(spans.tier[parent])]
    closed = spans.closed[rows]
    long = spans.end_ns[rows] - spans.begin_ns[rows] >= LONG_NS
    return rows[~closed | (long & ~spans.broken[rows])]


def _waiting(tier: I64) -> npt.NDArray[np.bool_]:
    waiting: npt.NDArray[np.bool_] = (tier == Tier.DIRECT) | (tier == Tier.RETRY)
    return waiting


def _inside(stretch: Stretch, rows: I64) -> _Inside:
    """What happened in this stretch in the waits that are these rows of its spans."""
    spans = stretch.spans
    wait = np.full(len(spans), -1)
    wait[rows] = rows
    while len(lower := np.flatnonzero((wait < 0) & (spans.parent >= 0) & (wait[spans.parent] >= 0))):
        wait[lower] = wait[spans.parent[lower]]
    return _Inside.concat(
        (_scans(stretch, wait), _shrinkers(stretch, wait), _throttled(stretch, wait), _compactions(stretch, wait))
    )


def _around(stretch: Stretch, wait: I64, at: I64) -> tuple[I64, I64]:
    """Which events lie in a wait, and the rows of those."""
    span = stretch.enclosing[at]
    around = np.where(span >= 0, wait[span], -1)
    inside = np.flatnonzero(around >= 0)
    return inside, around[inside]


def _scans(stretch: Stretch, wait: I64) -> _Inside:
    lru = stretch.lru
    inside, around = _around(stretch, wait, lru.at)
    told = {"scans": np.ones(len(inside), np.int64), "lru_pages": lru.pages[inside]}
    if lru.has_priority:
        told["priority"] = lru.priority[inside]
    return _Inside.told(stretch.spans.id[around], lru.time_ns[inside], **told)


def _shrinkers(stretch: Stretch, wait: I64) -> _Inside:
    """Calls that ended, those in other calls left out; one that the recording's end cut short counts up to there."""
    spans = stretch.spans
    rows = spans.of(SpanKind.SHRINK_SLAB)
    rows = rows[spans.closed[rows] & ~spans.broken[rows] & (wait[rows] >= 0)]
    parent = spans.parent[rows]
    rows = rows[(parent < 0) | (spans.kinds_above[parent] & SLAB_BIT == 0)]
    shrink, priority = stretch.args.several(spans.begin_at[rows], "shrink_slab_start", ("shrink", "priority"))
    told = {"callback": shrink, "shrinker_ns": spans.end_ns[rows] - spans.begin_ns[rows]}
    if stretch.args.tells("shrink_slab_start", "priority"):
        told["priority"] = priority
    last_ns = np.where(spans.end_at[rows] >= 0, spans.end_ns[rows], spans.begin_ns[rows])
    return _Inside.told(spans.id[wait[rows]], last_ns, **told)


def _throttled(stretch: Stretch, wait: I64) -> _Inside:
    at, _ = stretch.args.all("throttled")
    inside, around = _around(stretch, wait, at)
    waited_ns = stretch.retries.value[: len(at)][inside]
    return _Inside.told(stretch.spans.id[around], stretch.time_ns[at[inside]], throttled_ns=waited_ns)


def _compactions(stretch: Stretch, wait: I64) -> _Inside:
    """Compaction in a wait that is something else."""
    spans = stretch.spans
    rows = spans.of(SpanKind.COMPACTION)
    rows = rows[spans.closed[rows] & ~spans.broken[rows] & (wait[rows] >= 0) & (wait[rows] != rows)]
    spent_ns = spans.end_ns[rows] - spans.begin_ns[rows]
    return _Inside.told(spans.id[wait[rows]], spans.begin_ns[rows], compaction_ns=spent_ns)


def _add(stall: LongStall, inside: _Inside, *, has_pages: bool) -> None:
    stall.scans += int(inside.scans.sum())
    stall.last_ns = max(stall.last_ns, int(inside.time_ns.max()))
    if has_pages and inside.scans.any():
        stall.lru_pages = (stall.lru_pages or 0) + int(inside.lru_pages.sum())
    if (priority := int(inside.priority.min())) != _NO_PRIORITY:
        stall.saw_priority(priority)
    stall.throttled_ns += int(inside.throttled_ns.sum())
    stall.compaction_ns += int(inside.compaction_ns.sum())
    calls = inside.take(inside.callback != 0)
    for callback, rows in groups(calls.callback):
        stall.shrinker_ns[callback] = stall.shrinker_ns.get(callback, 0) + int(calls.shrinker_ns[rows].sum())


def _by_name(shrinker_ns: Mapping[int, int], name_of: Callable[[int], str]) -> dict[str, int]:
    named: dict[str, int] = {}
    for callback, spent_ns in shrinker_ns.items():
        named[name_of(callback)] = named.get(name_of(callback), 0) + spent_ns
    return named
