"""What a shortage of memory is judged by, at moments of the recording: sums since its start, and counters as read."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import IntEnum
from typing import Final

import numpy as np
import numpy.typing as npt

from ...balloon_counters import GAUGES, INFLATED, LEAKED
from ...batch import Samples
from ...distinct_values import distinct_values
from ...metadata import Metadata
from ...schema import SAMPLE_NULL, SpanKind
from ..balloon.step_columns import CAUSES, StepColumns
from ..stream.attribution import BALLOON_BIT, RUNG_OF_SCOPE
from ..stream.growing import Growing
from ..stream.pieces import joined
from ..stream.stretch import Stretch
from ..terms import Cause, Scope, Tier
from ..totals.kills import Kill, KillReason, reason_for
from .hosts_view import HostsView
from .time_sums import Sums, Union, Waited

I64 = npt.NDArray[np.int64]
F64 = npt.NDArray[np.float64]

_READ_EACH_NS: Final = 250_000_000
"""Of readings that come faster only the first of each such piece of time is looked at."""
_WAIT_EACH_NS: Final = 1_000_000_000
_DUE_NS: Final = 5_000_000_000
_DUE_ROWS: Final = 1 << 16
_KILL_TOLD_NS: Final = 1_000_000_000
"""How long after a kill the end of out_of_memory() may tell whose memory was short."""
_OF_OTHERS: Final = (KillReason.MEMCG, KillReason.SYSRQ)
_GLOBAL: Final = RUNG_OF_SCOPE[Scope.GLOBAL]
_NO_PRIORITY: Final = np.iinfo(np.int64).max
_NONE: Final = np.empty(0, np.int64)
_COMPACTION: Final = CAUSES.index(Cause.COMPACTION)
_STOLEN_BY: Final = tuple(f"vmstat.pgsteal_{who}" for who in ("kswapd", "direct", "khugepaged", "proactive"))


class Column(IntEnum):
    """What a tick knows; counters are since boot and NaN where unread, sums since the recording's start."""

    EVICTED = 0
    RECLAIMED = 1
    """File and anonymous pages, on whosever behalf."""
    UNTOLD = 2
    """Reclaimed pages that no reclaimer's counter has: a memory cgroup's own, before Linux 7.3."""
    REFAULTED = 3
    FULL_US = 4
    TOTAL_BYTES = 5
    AVAILABLE_BYTES = 6
    CACHE_BYTES = 7
    """What MemAvailable counts beside free memory: file pages of the LRU lists, and reclaimable slab."""
    FILE_PAGES = 8
    DROPS = 9
    HELD = 10
    WAITED_NS = 11
    WAITING_NS = 12
    WAITS = 13
    MEMCG_PAGES = 14
    ASKED_PAGES = 15
    """Reclaimed because somebody asked for it (memory.reclaim)."""
    PAGED_OUT = 16
    """By DAMON and MADV_PAGEOUT."""
    GAVE = 17
    TOOK = 18
    KILLS = 19
    PRIORITY = 20
    """The lowest since the tick before, NaN without a scan."""
    FULL_BYTES = 21
    """The guest's memory with an empty balloon, where the host's log alone tells what the balloon holds, else NaN."""


_SUMS: Final = (
    Column.WAITS,
    Column.MEMCG_PAGES,
    Column.ASKED_PAGES,
    Column.PAGED_OUT,
    Column.GAVE,
    Column.TOOK,
    Column.KILLS,
)
_READ: Final = Column.HELD + 1
"""So many columns are counters, the first ones."""


@dataclass(frozen=True)
class Ticks:
    """Moments in ascending order, and `values` of shape (len(time_ns), len(Column))."""

    time_ns: I64
    values: F64

    def __len__(self) -> int:
        return len(self.time_ns)

    @classmethod
    def none(cls) -> Ticks:
        """A table without rows."""
        return cls(np.empty(0, np.int64), np.empty((0, len(Column))))

    def and_then(self, later: Ticks) -> Ticks:
        """These and later ones."""
        return Ticks(np.concatenate((self.time_ns, later.time_ns)), np.concatenate((self.values, later.values)))

    def take(self, rows: I64) -> Ticks:
        """Only these."""
        return Ticks(self.time_ns[rows], self.values[rows])

    def since(self, row: int) -> Ticks:
        """From a row on."""
        return Ticks(self.time_ns[row:].copy(), self.values[row:].copy())


class TickMaker:
    """Takes the stream and makes ticks of readings, and of waits, once all is known up to them."""

    def __init__(self, metadata: Metadata) -> None:
        self._metadata, self._page_bytes = metadata, metadata.page_size_bytes
        self._kills: list[Kill] = []
        self._read: list[Samples] = []
        self._known_ns, self._known = np.asarray([-1], np.int64), np.full((1, _READ), np.nan)
        self._newest_ns = self._due_ns = -1
        self._chosen_reads, self._chosen_waits = _FirstOfEach(_READ_EACH_NS), _FirstOfEach(_WAIT_EACH_NS)
        self._waits_ns: list[I64] = []
        self._waited, self._waiting = Waited(), Union()
        self._sums = {column: Sums() for column in _SUMS}
        self._net = Sums()
        self._host = HostsView(metadata.page_size_bytes)
        self._scanned = Growing()

    def advance(self, stretch: Stretch) -> None:
        """Take the next stretch's waits for the machine's memory, the balloon's own left out, and what memory cgroups
        and others reclaimed otherwise."""
        spans = stretch.spans
        waits = spans.is_root & (spans.tier == Tier.DIRECT) & (stretch.rung == _GLOBAL)
        waits &= spans.kinds_above & BALLOON_BIT == 0
        if waits.any():
            begin_ns, end_ns = stretch.clipped(waits)
            self._waited.add(begin_ns, end_ns)
            self._waiting.add(begin_ns, end_ns)
            ends_ns = spans.end_ns[waits & spans.closed & ~spans.broken]
            self._sums[Column.WAITS].add(ends_ns, np.ones(len(ends_ns), np.int64))
            began_ns = spans.begin_ns[waits]
            moments_ns = np.concatenate((began_ns[began_ns >= stretch.from_ns], ends_ns))
            self._waits_ns.append(np.sort(moments_ns))
        ended = stretch.reclaimed[SpanKind.MEMCG_RECLAIM]
        self._sums[Column.MEMCG_PAGES].add(ended.time_ns, ended.value)
        for ended in stretch.reclaimed.values():
            asked = ended.tier == Tier.PROACTIVE
            self._sums[Column.ASKED_PAGES].add(ended.time_ns[asked], ended.value[asked])
        self._sums[Column.PAGED_OUT].add(stretch.proactive_pages.time_ns, stretch.proactive_pages.value)
        if stretch.lru.has_priority:
            scans = np.flatnonzero((stretch.lru.tier == Tier.DIRECT) & (stretch.lru.rung == _GLOBAL))
            self._scanned.add(stretch.lru.time_ns[scans], stretch.lru.priority[scans])

    def kill(self, kills: Iterable[Kill]) -> None:
        """Take kills; a memory cgroup's and those that somebody asked for are left out."""
        self._kills += kills

    def sample(self, samples: Samples) -> None:
        """Take the guest's readings, oldest first."""
        self._read.append(samples)

    def hosts_sample(self, samples: Samples) -> None:
        """Take the host's readings, oldest first."""
        self._host.add(samples)

    def step(self, steps: StepColumns) -> None:
        """Take the balloon's steps."""
        if not len(steps):
            return
        left = steps.take((steps.pages < 0) & (steps.cause != _COMPACTION))
        self._sums[Column.GAVE].add(left.end_ns, -left.pages)
        took = steps.take(steps.pages > 0)
        self._sums[Column.TOOK].add(took.end_ns, took.pages)
        self._net.add(steps.end_ns, steps.pages)

    def is_due(self, until_ns: int) -> bool:
        """Whether enough came to be worth a look: many ticks take hardly longer than one."""
        return until_ns - self._due_ns >= _DUE_NS or len(self._scanned) >= _DUE_ROWS

    def due(self, until_ns: int) -> Ticks:
        """The ticks up to a time up to which all is known."""
        self._due_ns = until_ns
        until_ns -= _KILL_TOLD_NS
        self._take_kills(until_ns)
        read_ns, read = self._readings(until_ns)
        waits_ns = np.sort(np.concatenate((_NONE, *self._waits_ns)))
        count = int(np.searchsorted(waits_ns, until_ns, side="right"))
        self._waits_ns = [waits_ns[count:]]
        time_ns = distinct_values(
            np.concatenate((self._chosen_reads.of(read_ns), self._chosen_waits.of(waits_ns[:count])))
        )
        self._host.settle(until_ns, self._net)
        ticks = self._ticks(time_ns[time_ns > self._newest_ns], read_ns, read)
        for sums in (*self._sums.values(), self._net):
            sums.fold(until_ns)
        self._waited.fold(until_ns)
        self._waiting.fold(until_ns)
        return ticks

    def _take_kills(self, until_ns: int) -> None:
        over = [kill for kill in self._kills if kill.time_ns <= until_ns]
        self._kills = self._kills[len(over) :]
        times_ns = [kill.time_ns for kill in over if reason_for(kill, self._metadata) not in _OF_OTHERS]
        self._sums[Column.KILLS].add(np.asarray(times_ns, np.int64), np.ones(len(times_ns), np.int64))

    def last(self, end_ns: int) -> Ticks:
        """One more at the recording's end."""
        self._host.settle(end_ns, self._net)
        time_ns = np.asarray([end_ns] if end_ns > self._newest_ns else [], np.int64)
        return self._ticks(time_ns, self._known_ns, self._known)

    def _readings(self, until_ns: int) -> tuple[I64, F64]:
        """Those up to a time, with the last one before them; a counter that could not be read stays what it was."""
        new = [(samples.time_ns, _counters(samples, self._page_bytes)) for samples in joined(self._read)]
        self._read = []
        for times, rows in (zip(*new, strict=True),) if new else ():
            self._known_ns = np.concatenate((self._known_ns, *times))
            self._known = np.concatenate((self._known, *rows))
        count = int(np.searchsorted(self._known_ns, until_ns, side="right"))
        times_ns, values = self._known_ns[:count], _carried_on(self._known[:count])
        self._known_ns = np.append(times_ns[-1], self._known_ns[count:])
        self._known = np.concatenate((values[-1:], self._known[count:]))
        return times_ns, values

    def _ticks(self, time_ns: I64, read_ns: I64, read: F64) -> Ticks:
        if not len(time_ns):
            return Ticks.none()
        values = np.full((len(time_ns), len(Column)), np.nan)
        values[:, :_READ] = read[np.maximum(np.searchsorted(read_ns, time_ns, side="right") - 1, 0)]
        values[:, Column.WAITED_NS] = self._waited.until(time_ns)
        values[:, Column.WAITING_NS] = self._waiting.until(time_ns)
        for column, sums in self._sums.items():
            values[:, column] = sums.until(time_ns)
        self._fill_held(time_ns, values)
        values[:, Column.PRIORITY] = self._lowest(time_ns)
        self._newest_ns = int(time_ns[-1])
        return Ticks(time_ns, values)

    def _fill_held(self, time_ns: I64, values: F64) -> None:
        """What the balloon holds where the guest's counters do not say it: what the host's log tells, and no less than
        what was seen to enter it."""
        host = self._host.at(time_ns, values[:, Column.TOTAL_BYTES], self._net)
        seen = self._net.until(time_ns)
        uncounted = np.isnan(values[:, Column.HELD])
        held = np.fmax(np.where(seen > 0, seen, np.nan), host.held_pages)
        for column, filled in ((Column.HELD, held), (Column.FULL_BYTES, host.full_bytes)):
            values[uncounted, column] = filled[uncounted]
        for column, moved in ((Column.GAVE, host.gave_pages), (Column.TOOK, host.took_pages)):
            values[uncounted, column] = np.maximum(values[:, column], moved)[uncounted]

    def _lowest(self, time_ns: I64) -> F64:
        """The lowest priority in each piece of time that ends with a tick."""
        lowest = np.full(len(time_ns) + 1, _NO_PRIORITY)
        scan_ns, priority = self._scanned.columns()
        np.minimum.at(lowest, np.searchsorted(time_ns, scan_ns), priority)
        later = scan_ns > time_ns[-1]
        self._scanned.replace(scan_ns[later], priority[later])
        return np.where(lowest == _NO_PRIORITY, np.nan, lowest)[:-1]


def global_pages(more: F64, *columns: Column) -> list[F64]:
    """The machine's own share of reclaimed or refaulted pages, by differences of ticks of shape (n, len(Column)); NaN
    where not sampled.

    `pgsteal_file` and `_anon` count memory cgroups' reclaim at their own limits, too (shrink_inactive_list() in
    mm/vmscan.c). What that was by events, or by the counters of reclaimers, which leave it out, is taken off.
    """
    memcg = np.maximum(np.maximum(more[:, Column.MEMCG_PAGES], np.nan_to_num(more[:, Column.UNTOLD])), 0)
    return [np.maximum(more[:, column] - memcg, 0) for column in columns]


def _counters(samples: Samples, page_bytes: int) -> F64:
    """The first _READ columns of readings."""
    values = np.empty((len(samples), _READ))
    file_pages = _column(samples, "vmstat.pgsteal_file")
    by_reclaimer = np.column_stack([_column(samples, name) for name in _STOLEN_BY])
    values[:, Column.EVICTED] = file_pages
    stolen = by_reclaimer[:, 0] + by_reclaimer[:, 1] + np.nansum(by_reclaimer[:, 2:], axis=1)
    values[:, Column.RECLAIMED] = file_pages + _column(samples, "vmstat.pgsteal_anon")
    values[:, Column.UNTOLD] = values[:, Column.RECLAIMED] - stolen
    values[:, Column.REFAULTED] = _refaults(samples)
    values[:, Column.FULL_US] = _column(samples, "psi.memory.full_total_us")
    values[:, Column.TOTAL_BYTES] = _column(samples, "meminfo.MemTotal_bytes")
    values[:, Column.AVAILABLE_BYTES] = _column(samples, "meminfo.MemAvailable_bytes")
    lists = _column(samples, "vmstat.nr_active_file") + _column(samples, "vmstat.nr_inactive_file")
    other = np.nan_to_num(_column(samples, "vmstat.nr_kernel_misc_reclaimable"))
    values[:, Column.CACHE_BYTES] = (lists + other) * page_bytes + _column(samples, "meminfo.SReclaimable_bytes")
    values[:, Column.FILE_PAGES] = lists
    values[:, Column.DROPS] = _column(samples, "vmstat.drop_pagecache")
    values[:, Column.HELD] = _held(samples, page_bytes)
    return values


def _refaults(samples: Samples) -> F64:
    """Refaults of file pages; before Linux 5.9 all that were counted were (commit 170b04b7ae49)."""
    by_list = _column(samples, "vmstat.workingset_refault_file")
    return np.where(np.isnan(by_list), _column(samples, "vmstat.workingset_refault"), by_list)


def _held(samples: Samples, page_bytes: int) -> F64:
    """What the balloon holds in guest pages: the best of GAUGES that was read, else what its counters come to."""
    held = np.maximum(_column(samples, INFLATED) - _column(samples, LEAKED), 0)
    for name, unit_bytes in reversed(GAUGES):
        size = _column(samples, name) * ((unit_bytes or page_bytes) / page_bytes)
        held = np.where(np.isnan(size), held, np.floor(size))
    return held


def _column(samples: Samples, name: str) -> F64:
    column = samples.column(name)
    if column is None:
        return np.full(len(samples), np.nan)
    return np.where(column == SAMPLE_NULL, np.nan, column)


def known(value: float) -> int | None:
    """A column's value, None where it is none."""
    return int(value) if np.isfinite(value) else None


def _carried_on(values: F64) -> F64:
    """Each column with the value before it where it is NaN."""
    rows = np.where(np.isnan(values), 0, np.arange(len(values))[:, None])
    carried: F64 = np.take_along_axis(values, np.maximum.accumulate(rows, axis=0), axis=0)
    return carried


class _FirstOfEach:
    """Chooses the first of ascending times in each piece of time."""

    def __init__(self, piece_ns: int) -> None:
        self._piece_ns = piece_ns
        self._last = -1

    def of(self, time_ns: I64) -> I64:
        """Those of the next times."""
        piece = np.append(self._last, time_ns // self._piece_ns)
        self._last = int(piece.max())
        return time_ns[np.diff(np.maximum.accumulate(piece)) > 0]
