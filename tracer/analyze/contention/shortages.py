"""Stretches of time in which the machine is short of memory and the balloon gives nothing."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Final

import numpy as np
import numpy.typing as npt

from ...metadata import Metadata
from .headroom import Headroom
from .shortage_ticks import Column, Ticks, global_pages, known

I64 = npt.NDArray[np.int64]
F64 = npt.NDArray[np.float64]
Flags = npt.NDArray[np.bool_]

STILL_LEAST_NS: Final = 10_000_000_000
"""A balloon that gives nothing for so long does not follow the guest's need: controllers look every few seconds."""
LOOK_BACK_NS: Final = 60_000_000_000
"""The longest piece of time that is judged as one: pages that are read again do so after one round of the load."""
EVICTED_LEAST_BYTES: Final = 64 << 20
"""Evicted page cache below which a share that was read again says little."""
REFAULT_SHARE: Final = 0.3
"""Of evicted page cache, what is read again where it was not the coldest that went."""
WAITING_SHARE: Final = 0.05
"""Of the time, that in which a task waits in direct reclaim, or all of them wait for memory (PSI `full`): one moment in
twenty is felt in latencies."""
RECLAIMED_LEAST_BYTES: Final = 1 << 20
"""Reclaim for the machine, without which PSI says nothing of its memory: compaction and a memory cgroup at its own
limit raise it, too."""
HELD_SHARE: Final = 0.1
"""Of the guest's memory, what a balloon holds that is worth having back."""
HELD_LEAST_BYTES: Final = 64 << 20
"""The same where the guest's memory is not known."""
SHORT_TRACE_WAITED_S: Final = 1.0
"""Waiting that decides in a trace that is shorter than STILL_LEAST_NS and has no readings."""
_WAITING: Final = [Column.WAITING_NS, Column.FULL_US]
_WAITING_UNITS_NS: Final = (1.0, 1e3)
_FILE: Final = (Column.EVICTED, Column.REFAULTED)
_ACTIVITY: Final = [Column.EVICTED, Column.REFAULTED, Column.WAITED_NS, Column.KILLS]
_MORE: Final = (Column.WAITED_NS, Column.WAITING_NS, Column.WAITS, Column.KILLS, Column.FULL_US)


@dataclass(slots=True)
class Shortage:
    """One stretch. What was not sampled, or is not known, is None.

    `holds`: whether the balloon held a good part of the guest's memory all the time, `held_pages` at its end.
    `waiting_ns` is the time in which any task waited in global direct reclaim, `waited_ns` what they waited in all.
    `waiting_share` and `full_share` (PSI `full`) are of the time, 0 to 1, in the worst piece of 10 s.
    """

    start_ns: int
    end_ns: int
    holds: bool
    held_pages: int | None
    full_bytes: int | None
    evicted_pages: int | None
    refault_pages: int | None
    waited_ns: int
    waiting_ns: int
    waits: int
    min_priority: int | None
    full_ns: int | None
    waiting_share: float | None
    full_share: float | None
    kills: int

    @property
    def out_pages(self) -> int | None:
        """File pages that were evicted and not read again: how much more memory this load would use."""
        if self.evicted_pages is None or self.refault_pages is None:
            return None
        return max(self.evicted_pages - self.refault_pages, 0)

    @property
    def reads_again(self) -> bool:
        """Whether a good part of what was evicted was read again."""
        evicted, refaults = self.evicted_pages or 0, self.refault_pages or 0
        return bool(refaults) and refaults >= REFAULT_SHARE * evicted

    @property
    def starves(self) -> bool:
        """Whether the balloon is to blame: it holds what is missing, or it can't be told that it does not."""
        return self.holds and self.helps is not False

    @property
    def thrashes(self) -> bool:
        """Whether the load reads again what was evicted, and no balloon is to blame."""
        return self.reads_again and self.helps is False

    @property
    def helps(self) -> bool | None:
        """Whether what the balloon holds would have been enough for what is out; None where that is not known."""
        if not self.holds or self.held_pages is None:
            return False
        return None if self.out_pages is None else self.out_pages <= self.held_pages


class Shortages:
    """Takes ticks in order and finds the stretches.

    A piece of the last 10 or 60 s without a page out of the balloon is short of memory where much of what was evicted
    was read again, or where the balloon holds a good part and tasks wait, or are killed. Pieces that touch, or nearly
    so, are one stretch. It begins where something began to go on, at most LOOK_BACK_NS before it was found, and ends
    where nothing went on any more.
    """

    def __init__(self, metadata: Metadata) -> None:
        self._page_bytes = metadata.page_size_bytes
        self._memory_bytes = metadata.memory_total_bytes or np.nan
        self._shrinks_total = "deflate_on_oom" not in metadata.balloon.features
        self._is_short_trace = bool(metadata.imported_from) and not metadata.sample_interval_s
        self._rows = Ticks.none()
        self._stretch: _Stretch | None = None
        self.found: list[Shortage] = []
        self.headroom = Headroom(metadata.page_size_bytes)

    def take(self, ticks: Ticks) -> None:
        """Judge the next ticks."""
        if not len(ticks):
            return
        first = len(self._rows)
        rows = _Rows(self._rows.and_then(ticks), self)
        at = np.arange(first, len(rows.time_ns))
        near, far = rows.pieces(at)
        by_far = rows.pays(far, at)
        pays = by_far | rows.pays(near, at)
        begin = np.where(by_far, far, near)
        for row in np.flatnonzero(pays).tolist():
            self._extend(rows, int(begin[row]), int(at[row]), holds=rows.holds_in(int(near[row]), int(at[row])))
        self._note()
        seen = near >= 0
        self.headroom.take(rows.ticks.take(near[seen]), rows.ticks.take(at[seen]))
        kept = int(np.searchsorted(rows.time_ns, rows.time_ns[-1] - LOOK_BACK_NS)) - 1
        self._rows = rows.ticks.since(max(kept, 0))

    def finish(self) -> None:
        """The recording ends."""
        if self._is_short_trace and not self.found and len(self._rows):
            self._short_trace()

    def full_bytes(self, values: F64) -> F64:
        """The guest's memory with what the balloon holds; NaN where neither MemTotal nor the host tells.

        Without DEFLATE_ON_OOM the driver takes the pages out of MemTotal: fill_balloon() calls
        adjust_managed_page_count() in drivers/virtio/virtio_balloon.c, as other drivers always do.
        """
        by_host, total = values[:, Column.FULL_BYTES], values[:, Column.TOTAL_BYTES]
        total = np.where(np.isnan(total), self._memory_bytes, total)
        total = total + (np.nan_to_num(values[:, Column.HELD]) * self._page_bytes if self._shrinks_total else 0)
        return np.where(np.isnan(by_host), total, by_host)

    def holds(self, values: F64) -> Flags:
        """Whether the balloon holds a good part of the guest's memory."""
        full = self.full_bytes(values)
        least = np.where(np.isnan(full), HELD_LEAST_BYTES, HELD_SHARE * full)
        holds: Flags = values[:, Column.HELD] * self._page_bytes >= least
        return holds

    @property
    def evicted_least(self) -> int:
        """EVICTED_LEAST_BYTES in guest pages."""
        return EVICTED_LEAST_BYTES // self._page_bytes

    @property
    def reclaimed_least(self) -> int:
        """RECLAIMED_LEAST_BYTES in guest pages."""
        return RECLAIMED_LEAST_BYTES // self._page_bytes

    def _extend(self, rows: _Rows, begin: int, at: int, *, holds: bool) -> None:
        stretch = self._stretch
        if stretch and stretch.goes_on(rows, begin, at, holds=holds):
            stretch.extend(rows, at)
            return
        self._note()
        after_ns = self.found[-1].end_ns if self.found else 0
        stretch = _Stretch(rows, begin, at, after_ns, holds=holds)
        if stretch.end_ns > stretch.start_ns:
            self._stretch = stretch
            self.found.append(stretch.shortage())

    def _note(self) -> None:
        """What the newest stretch has come to."""
        if self._stretch:
            self.found[-1] = self._stretch.shortage()

    def _short_trace(self) -> None:
        """A trace that ends before it can tell how long the balloon gives nothing: long waiting decides."""
        rows = _Rows(self._rows, self)
        at = len(rows.time_ns) - 1
        begin = int(rows.still[at])
        waited_ns = rows.values[at, Column.WAITED_NS] - rows.values[begin, Column.WAITED_NS]
        too_short = rows.time_ns[at] - rows.time_ns[begin] < STILL_LEAST_NS
        if too_short and waited_ns >= SHORT_TRACE_WAITED_S * 1e9 and rows.holds_in(begin, at):
            self._extend(rows, begin, at, holds=True)
            self.found[-1].waiting_share = None


class _Rows:
    """Ticks, and what is made of neighbours."""

    def __init__(self, ticks: Ticks, shortages: Shortages) -> None:
        self.ticks, self.time_ns, self.values = ticks, ticks.time_ns, ticks.values
        self._shortages = shortages
        self.full_bytes = shortages.full_bytes(ticks.values)
        self.holds = shortages.holds(ticks.values)
        number = np.arange(len(ticks))
        gave = np.diff(self.values[:, Column.GAVE], prepend=self.values[0, Column.GAVE]) != 0
        self.holding = np.maximum.accumulate(np.where(self.holds, 0, number + 1))
        """The first row from which on the balloon held a good part."""
        self.still = np.maximum.accumulate(np.where(gave, number, 0))
        """The first row from which on nothing had left the balloon."""
        self.active = np.flatnonzero((np.diff(self.values[:, _ACTIVITY], axis=0) > 0).any(axis=1)) + 1
        """Rows before which something went on."""
        until = np.full(len(ticks), -1)
        until[self.active] = self.active
        until = np.maximum.accumulate(until)
        self.active_until = np.where(until < 0, number, until)
        """For each row the last one no later, before which something went on; itself where nothing did."""

    def pieces(self, at: I64) -> tuple[I64, I64]:
        """For each row where its short and its long piece of time begin."""
        time_ns, still = self.time_ns[at], self.still[at]
        near = np.searchsorted(self.time_ns, time_ns - STILL_LEAST_NS, side="right") - 1
        far = np.searchsorted(self.time_ns, time_ns - LOOK_BACK_NS)
        return near, np.maximum(np.minimum(far, np.maximum(near, 0)), still)

    def pays(self, begin: I64, end: I64) -> Flags:
        """Whether the machine is short of memory between two rows."""
        begin = np.where(begin < self.still[end], end, begin)
        length_ns = self.time_ns[end] - self.time_ns[begin]
        more = self.values[end] - self.values[begin]
        evicted, refaults = global_pages(more, *_FILE)
        again = (evicted >= self._shortages.evicted_least) & (refaults >= REFAULT_SHARE * evicted)
        middle = np.searchsorted(self.time_ns, self.time_ns[end] - STILL_LEAST_NS // 2, side="right") - 1
        early = self.values[np.maximum(middle, begin)] - self.values[begin]
        waits = _all_along(length_ns, more[:, Column.WAITING_NS], early[:, Column.WAITING_NS])
        full = _all_along(length_ns, more[:, Column.FULL_US] * 1e3, early[:, Column.FULL_US] * 1e3)
        full &= ~self._of_others(more, length_ns)
        held = self.holding[end] <= begin
        pays: Flags = (again | held & (waits | full | (more[:, Column.KILLS] > 0))) & (length_ns >= STILL_LEAST_NS)
        return pays

    def _of_others(self, more: F64, length_ns: I64) -> Flags:
        """Whether PSI tells of something else, where hardly any wait was seen: nothing was reclaimed for the machine,
        or the balloon inflated and made kswapd work, which counts as a stall, too (balance_pgdat() in mm/vmscan.c)."""
        (reclaimed,) = global_pages(more, Column.RECLAIMED)
        waited = more[:, Column.WAITING_NS] >= WAITING_SHARE / 2 * length_ns
        others: Flags = (reclaimed < self._shortages.reclaimed_least) | (more[:, Column.TOOK] > 0)
        return others & ~waited

    def holds_in(self, begin: int, end: int) -> bool:
        """Whether the balloon holds a good part from a row to another."""
        return bool(self.holding[end] <= begin)

    @cached_property
    def shares(self) -> F64:
        """Of the last 10 s and more before each row, the part in which a task waited, and in which all did (NaN where
        unread). Shape (rows, 2)."""
        near, _ = self.pieces(np.arange(len(self.time_ns)))
        begin = np.maximum(near, self.still)
        length_ns = np.maximum(self.time_ns - self.time_ns[begin], STILL_LEAST_NS)
        waited = self.values[:, _WAITING]
        shares: F64 = (waited - waited[begin]) * _WAITING_UNITS_NS / length_ns[:, None]
        return shares

    def active_from(self, row: int) -> int:
        """The last row before something goes on, from a row on."""
        return int(np.append(self.active, row + 1)[np.searchsorted(self.active, row, side="right")]) - 1


def _all_along(length_ns: I64, waited_ns: F64, early_ns: F64) -> Flags:
    """Whether so much was waited of so long, and half of it early enough for the balloon to have given something."""
    least_ns = WAITING_SHARE * length_ns
    along: Flags = (waited_ns >= least_ns) & (early_ns >= least_ns / 2)
    return along


class _Stretch:
    """A stretch that may go on."""

    def __init__(self, rows: _Rows, begin: int, at: int, after_ns: int, *, holds: bool) -> None:
        after = int(np.searchsorted(rows.time_ns, after_ns))
        earliest = int(np.searchsorted(rows.time_ns, rows.time_ns[at] - LOOK_BACK_NS))
        since = max(int(rows.still[at]), int(rows.holding[at]) if holds else 0, after)
        earliest = max(min(earliest, begin), since)
        first = min(rows.active_from(earliest), at)
        self.start_ns = self.end_ns = int(rows.time_ns[first])
        self._holds = holds
        self._first = self._last = rows.values[first].copy()
        self._priority = np.inf
        self._full_bytes = np.nan
        self._waiting_share, self._full_share = 0.0, np.nan
        self.extend(rows, at)

    def goes_on(self, rows: _Rows, begin: int, at: int, *, holds: bool) -> bool:
        """Whether a piece that is short of memory is part of it."""
        same = self._last[Column.GAVE] == rows.values[at, Column.GAVE] and self._holds == holds
        return bool(same and rows.time_ns[begin] <= self.end_ns + STILL_LEAST_NS)

    def extend(self, rows: _Rows, at: int) -> None:
        """Make it last until a row, or the last one before it up to which something went on."""
        waiting, full = rows.shares[at].tolist()
        self._waiting_share, self._full_share = max(self._waiting_share, waiting), np.fmax(self._full_share, full)
        until = int(rows.active_until[at])
        if rows.time_ns[until] <= self.end_ns:
            return
        self._full_bytes = float(rows.full_bytes[until])
        later = slice(int(np.searchsorted(rows.time_ns, self.end_ns, side="right")), until + 1)
        self._priority = min(self._priority, _least(rows.values[later, Column.PRIORITY]))
        self._last, self.end_ns = rows.values[until].copy(), int(rows.time_ns[until])

    def shortage(self) -> Shortage:
        """What it comes to so far."""
        more = (self._last - self._first)[None, :]
        evicted, refaults = (float(pages[0]) for pages in global_pages(more, *_FILE))
        waited, waiting, waits, kills, full_us = (float(more[0, column]) for column in _MORE)
        return Shortage(
            start_ns=self.start_ns,
            end_ns=self.end_ns,
            holds=self._holds,
            held_pages=known(self._last[Column.HELD]),
            full_bytes=known(self._full_bytes),
            evicted_pages=known(evicted),
            refault_pages=known(refaults),
            waited_ns=int(waited),
            waiting_ns=int(waiting),
            waits=int(waits),
            min_priority=known(self._priority),
            full_ns=known(full_us * 1e3),
            waiting_share=self._waiting_share,
            full_share=None if np.isnan(self._full_share) else float(self._full_share),
            kills=int(kills),
        )


def _least(values: F64) -> float:
    known = values[np.isfinite(values)]
    return float(known.min()) if len(known) else np.inf
