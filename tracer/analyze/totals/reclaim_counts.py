"""Pages reclaimed by the kernel's own counters, and by events up to the same moments."""

from __future__ import annotations

from collections.abc import Sequence
from enum import IntEnum
from typing import Final, NamedTuple

import numpy as np
import numpy.typing as npt

from ...batch import Samples
from ...schema import SAMPLE_NULL, SpanKind
from ..stream.growing import Growing
from ..stream.lane import SPAN_CODE
from ..stream.stretch import Stretch
from ..terms import Tier
from .packed_rows import RowLog

I64 = npt.NDArray[np.int64]


class Counter(IntEnum):
    """Who reclaims, as the kernel counts it: `reclaimer_offset` in mm/vmscan.c."""

    KSWAPD = 0
    DIRECT = 1
    KHUGEPAGED = 2
    PROACTIVE = 3

    @property
    def sample(self) -> str:
        """The counter's name in samples."""
        return f"vmstat.pgsteal_{self.name.lower()}"


class Limit(IntEnum):
    """On whose behalf pages were reclaimed; UNSEEN where its begin was not seen."""

    MACHINE = 0
    MEMCG = 1
    UNSEEN = 2


class Told(IntEnum):
    """Further sums: `nr_reclaimed` at the ends of memory cgroups' reclaim, by the tier that it belongs to."""

    MEMCG_DIRECT = len(Counter) * len(Limit) * 2
    MEMCG_PROACTIVE = MEMCG_DIRECT + 1


SUMS: Final = len(Counter) * len(Limit) * 2 + len(Told)
"""How many sums of pages an edge has: by counter, limit and list, then those of Told."""

SLACK_NS: Final = 50_000_000
"""How far an event may be from the counting that it tells of: the kernel counts, then emits, and may be interrupted
in between; another tracer's readings may bear the time of their end."""

_GRID_NS: Final = 1_000_000
_LATE_NS: Final = 60_000_000_000
_NEVER_NS: Final = 1 << 62
_MOST_EDGES: Final = 4096
_LISTS: Final = ("vmstat.pgsteal_file", "vmstat.pgsteal_anon")
_NO_LISTS: Final = (SAMPLE_NULL, SAMPLE_NULL)
_COLUMNS: Final = (1, 1 + SUMS, 1 + 2 * SUMS, 1 + 2 * SUMS + len(Counter), 1 + 2 * SUMS + len(Counter) + len(_LISTS))
"""Where a row's time, `low`, `high`, `counts` and `lists` end."""
_VM_EVENT: Final = "vmstat.pgmajfault"
_KHUGEPAGED: Final = b"khugepaged"
_ASKED_BIT: Final = 1 << SPAN_CODE[SpanKind.PROACTIVE_RECLAIM]
_MEMCG_BITS: Final = 1 << SPAN_CODE[SpanKind.MEMCG_RECLAIM] | 1 << SPAN_CODE[SpanKind.MEMCG_SOFTLIMIT_RECLAIM]
"""Reclaim with a memory cgroup as its target: `cgroup_reclaim` in mm/vmscan.c."""


def code_of(counter: I64, limit: I64, is_file: npt.NDArray[np.bool_]) -> I64:
    """Which of an edge's sums pages belong to."""
    code: I64 = (counter * len(Limit) + limit) * 2 + is_file
    return code


class Edges(NamedTuple):
    """Readings at `time_ns`, shape (edges,), oldest first, each made at some time between that and the next one's.

    `low` are sums of the pages of events surely counted by then, `high` with those that may be, shape (edges, SUMS);
    `counts` the kernel's counters, shape (edges, len(Counter)), 0 for those it has not; `lists` those of file and anon,
    shape (edges, 2), SAMPLE_NULL where they were not read.
    """

    time_ns: I64
    low: I64
    high: I64
    counts: I64
    lists: I64

    def part(self, chosen: slice | I64) -> Edges:
        """Some of them."""
        return Edges(*(column[chosen] for column in self))


class _Reading(NamedTuple):
    time_ns: int
    counts: I64
    lists: tuple[int, int]


class ReclaimCounts:
    """Gathers edges: at most _MOST_EDGES, of which every second goes when there are more."""

    def __init__(self, *, sampled: bool) -> None:
        self._sampled = sampled
        self._rows = Growing()
        self._below = np.zeros(SUMS, np.int64)
        self._readings: list[_Reading] = []
        self._edges = RowLog(_COLUMNS[-1])
        self._edge_ns = -1
        self._stride, self._seen = 1, 0
        self._newest_ns = -1
        self.has = frozenset[str]()
        """Counters that the kernel has."""
        self.by_node = False
        """Whether they are statistics by node, which lag: each CPU keeps some back (mm/vmstat.c)."""

    def advance(self, stretch: Stretch) -> None:
        """Take the next stretch's LRU events and ends of memory cgroups' reclaim."""
        if not self._sampled:
            return
        lru = stretch.lru
        if len(lru.time_ns):
            self._add(lru.time_ns, code_of(*_counter_and_limit(stretch), lru.is_file), lru.pages)
        ended = stretch.reclaimed[SpanKind.MEMCG_RECLAIM]
        if len(ended.time_ns):
            by_tier = np.where(ended.tier == Tier.PROACTIVE, int(Told.MEMCG_PROACTIVE), int(Told.MEMCG_DIRECT))
            self._add(ended.time_ns, by_tier, ended.value)

    def sample(self, samples: Samples) -> None:
        """Take counter readings, oldest first."""
        columns = [samples.column(counter.sample) for counter in Counter]
        if columns[Counter.KSWAPD] is None or columns[Counter.DIRECT] is None:
            return
        self.has = frozenset(samples.names)
        self.by_node = _are_by_node(samples.names)
        none = np.zeros(len(samples), np.int64)
        counts = np.stack([none if column is None else column for column in columns], axis=1)
        lists = [column for name in _LISTS if (column := samples.column(name)) is not None]
        read = (np.column_stack((counts, *lists)) != SAMPLE_NULL).all(axis=1)
        times_ns, by_list = samples.time_ns.tolist(), [column.tolist() for column in lists]
        for row in np.flatnonzero(read).tolist():
            split = (by_list[0][row], by_list[1][row]) if len(by_list) == len(_LISTS) else _NO_LISTS
            self._readings.append(_Reading(times_ns[row], counts[row].copy(), split))

    def settle(self, until_ns: int) -> None:
        """All events up to this time have been taken, and all readings up to it that came by now."""
        ready = 0
        while ready + 1 < len(self._readings) and self._readings[ready + 1].time_ns + SLACK_NS <= until_ns:
            ready += 1
        nexts_ns = [reading.time_ns for reading in self._readings[1 : ready + 1]]
        self._make_edges(self._readings[:ready], nexts_ns)
        del self._readings[:ready]
        self._forget(min(until_ns, self._newest_ns) - _LATE_NS)

    def edges(self) -> Edges:
        """All edges, oldest first; to be asked for once, at the end."""
        self.settle(np.iinfo(np.int64).max)
        self._make_edges(self._readings, [_NEVER_NS] * len(self._readings))
        self._readings = []
        time_ns, low, high, counts, lists = np.split(self._edges.whole(), _COLUMNS[:-1], axis=1)
        return Edges(time_ns[:, 0], low, high, counts, lists)

    def _forget(self, until_ns: int) -> None:
        """Readings may stop, or never begin: events wait a minute for one."""
        if len(self._readings) == 1 and self._readings[0].time_ns <= until_ns:
            reading = self._readings.pop()
            self._make_edges([reading], [_NEVER_NS])
        if not self._readings and until_ns > 0:
            self._take(until_ns)

    def _add(self, time_ns: I64, code: I64, pages: I64) -> None:
        key = time_ns // _GRID_NS * SUMS + code
        order = np.argsort(key, kind="stable")
        key = key[order]
        starts = np.flatnonzero(np.concatenate(([True], key[1:] != key[:-1])))
        self._rows.add(key[starts], np.add.reduceat(pages[order], starts))
        self._newest_ns = max(self._newest_ns, int(time_ns.max()))

    def _make_edges(self, readings: Sequence[_Reading], nexts_ns: Sequence[int]) -> None:
        """Edges of readings, each with the time of the next one; those that are no later than the last are passed."""
        newest_ns = self._edge_ns
        until_ns: list[int] = []
        taken: list[_Reading] = []
        for reading, next_ns in zip(readings, nexts_ns, strict=True):
            if reading.time_ns > newest_ns:
                newest_ns = reading.time_ns
                taken.append(reading)
                until_ns.append(min(next_ns + SLACK_NS, reading.time_ns + _LATE_NS))
        if not taken:
            return
        key, pages = self._rows.columns()
        from_grid = np.asarray([reading.time_ns - SLACK_NS for reading in taken]) // _GRID_NS
        until_grid = np.asarray(until_ns) // _GRID_NS + 1
        low, high = np.split(self._below + _sums_before(key, pages, np.concatenate((from_grid, until_grid))), 2)
        self._take(newest_ns - SLACK_NS)
        for reading, sure, maybe in zip(taken, low, high, strict=True):
            self._keep(np.concatenate(([reading.time_ns], sure, maybe, reading.counts, reading.lists)))
        self._edge_ns = newest_ns

    def _take(self, until_ns: int) -> None:
        """Add up what lies before a time; its rows are forgotten."""
        key, pages = self._rows.columns()
        past = key < until_ns // _GRID_NS * SUMS
        if past.any():
            self._below = self._below + _sums(key[past], pages[past])
            self._rows.replace(key[~past], pages[~past])

    def _keep(self, edge: I64) -> None:
        if len(self._edges) > 1 and (self._seen - 1) % self._stride:
            self._edges.drop_last()
        self._edges.append(edge)
        self._seen += 1
        if len(self._edges) > _MOST_EDGES:
            self._edges.halve()
            self._stride *= 2


def _counter_and_limit(stretch: Stretch) -> tuple[I64, I64]:
    """Each LRU event's counter and limit."""
    lru = stretch.lru
    counter = np.full(len(lru.tier), int(Counter.DIRECT))
    counter[lru.comm == _KHUGEPAGED] = Counter.KHUGEPAGED
    counter[lru.kinds & _ASKED_BIT != 0] = Counter.PROACTIVE
    counter[lru.tier == Tier.BACKGROUND] = Counter.KSWAPD
    limit = np.where(lru.kinds & _MEMCG_BITS != 0, int(Limit.MEMCG), int(Limit.MACHINE))
    limit[lru.loose & (counter != Counter.KSWAPD)] = Limit.UNSEEN
    return counter, limit


def _sums(key: I64, pages: I64) -> I64:
    return np.bincount(key % SUMS, weights=pages, minlength=SUMS).astype(np.int64)


def _sums_before(key: I64, pages: I64, grid: I64) -> I64:
    """The sums of rows before each place of the grid, shape (places, SUMS)."""
    bounds = np.sort(grid * SUMS)
    cell = np.searchsorted(bounds, key, side="right") * SUMS + key % SUMS
    parts = np.bincount(cell, weights=pages, minlength=(len(bounds) + 1) * SUMS).reshape(-1, SUMS)
    before: I64 = np.cumsum(parts, axis=0).astype(np.int64)[np.searchsorted(bounds, grid * SUMS)]
    return before


def _are_by_node(names: tuple[str, ...]) -> bool:
    """/proc/vmstat lists all statistics by node before the first event that is counted by CPU."""
    return _VM_EVENT in names and names.index(Counter.KSWAPD.sample) < names.index(_VM_EVENT)
