"""The collector's loop: wait, let records gather, take them in one pass, read counters, say what was lost."""

from __future__ import annotations

import os
import select
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import cache
from typing import Final

import numpy as np
import numpy.typing as npt

from ..balloon_counters import EVENT_COUNTERS, GAUGES
from ..batch import CgroupNames, LostStretch, Samples
from ..kernel import kernel_time
from ..kernel.counters import CounterReader
from ..probes.attach import lost_by_kind
from ..schema import EVENT_DTYPE, KINDS, MAX_KINDS, SpanKind
from .addresses import AddressBook
from .cgroup_book import CgroupBook
from .transport import Buffers

Item = npt.NDArray[np.void] | Samples | LostStretch | CgroupNames | dict[int, str]
"""Records of SHORT_DTYPE or EVENT_DTYPE, counters, a lost stretch, or names not seen before: of cgroups, of kernel
addresses."""

DEFAULT_SAMPLE_INTERVAL_S: Final = 0.25

_LONGEST_PAUSE_S: Final = 0.02
_SHORTEST_PAUSE_S: Final = 0.001
_BUSY_SHARE: Final = 1 / 4
"""So full should the fullest buffer be at each look: the pause before it follows the rate. Fuller than that is a storm,
when nothing is done that can wait."""
_EXTRA_SAMPLE_GAP_NS: Final = 50_000_000
"""Balloon events call for a sample at once, which bounds what has to be inferred between two; at most so often."""
_QUIET_SAMPLES: Final = 20
_QUIET_EVENTS: Final = 32
_QUIET_FACTOR: Final = 4
"""After so many samples with fewer events in between and a balloon of one size, sample so much more rarely until there
are more: a machine on which DAMON pages out now and then is at rest."""
_REST_SAMPLES: Final = _QUIET_SAMPLES + 10
_REST_FACTOR: Final = 8
"""And still more rarely after some more of these: a reading with what belongs to it costs 0.5 ms of CPU."""
_MOST_READING: Final = 1 / 5
"""Readings take no more of a CPU than this, whatever was asked for: on a slow machine they would take what is traced
off it."""
_NAMING_AFTER_NS: Final = 500_000_000
"""New addresses come in groups, and a pass over the kernel's symbols takes 50 ms of CPU: wait for the rest."""
_MISSED_GAP_NS: Final = 1_000_000_000
_QUIET_MISSED_GAP_NS: Final = 30_000_000_000
"""Asking every program for the events it missed takes as long as a reading: so often is enough, and more rarely while
no program tells of anything. The first that does has it asked at once."""
_LAST_RECORDS_NS: Final = 50_000_000
"""How long to wait at the end for records still being written."""

_NS: Final = 1_000_000_000
_ONE: Final = np.uint64(1)
_NO_RECORDS: Final = np.empty(0, EVENT_DTYPE)
_BALLOON_SPANS: Final = (SpanKind.BALLOON_WORK, SpanKind.OOM_NOTIFIER)
_BALLOON_KINDS: Final = frozenset(kind.number for kind in KINDS if kind.span in _BALLOON_SPANS)
_BALLOON_COUNTERS: Final = frozenset((*(name for name, _ in GAUGES), *EVENT_COUNTERS))


@dataclass(frozen=True)
class Sources:
    """What the collector reads. `lost` counts records without room since the start by kind number, `missed` events for
    which the kernel did not run the program. `untold`: records of what the programs still hold when it ends.
    `cgroup_path` gives a cgroup's path by its number, `symbol_name` a kernel function's name by its address; None where
    that takes a pass over /proc/kallsyms."""

    buffers: Buffers
    lost: Callable[[], npt.NDArray[np.uint64]]
    missed: Callable[[], npt.NDArray[np.uint64]]
    counters: CounterReader
    untold: Callable[[], npt.NDArray[np.void]] = lambda: np.empty(0, EVENT_DTYPE)
    cgroup_path: Callable[[int], str | None] = lambda _: None
    symbol_name: Callable[[int], str | None] | None = None


@cache
def _kinds_in(bits: int) -> frozenset[int]:
    return frozenset(number for number in range(MAX_KINDS) if bits >> number & 1)


class _LossCounter:
    """What a loss counter, zero when the programs were loaded, gained between two looks at it."""

    def __init__(self, read: Callable[[], npt.NDArray[np.uint64]], start_ns: int) -> None:
        self._read = read
        self._counts = np.zeros(MAX_KINDS, np.uint64)
        self._read_ns = start_ns

    def forget(self) -> None:
        """Leave out what was lost before now."""
        self._counts, self._read_ns = self._read(), kernel_time.now_ns()

    def since(self) -> Iterator[LostStretch]:
        """A lost stretch, if anything was lost since the last look."""
        now_ns, counts = kernel_time.now_ns(), self._read()
        if (counts != self._counts).any():
            yield LostStretch(self._read_ns, now_ns, lost_by_kind(counts - self._counts))
        self._counts, self._read_ns = counts, now_ns


class Collector:
    """Turns the ring, the loss counters and the kernel's counters into items until told to stop."""

    def __init__(
        self,
        sources: Sources,
        start_ns: int,
        sample_interval_s: float = DEFAULT_SAMPLE_INTERVAL_S,
        turn_s: float | None = None,
    ) -> None:
        """`start_ns` (CLOCK_MONOTONIC) is when the programs were about to be attached: loss is counted from there.

        With `turn_s` `items` gives something at least as often: no records, if nothing else.
        """
        self._sources = sources
        self._turn_s = turn_s
        self._interval_ns = round(sample_interval_s * _NS)
        self._book = AddressBook(sources.symbol_name)
        self._cgroups = CgroupBook(sources.cgroup_path)
        self._stop_fd = os.eventfd(0, os.EFD_NONBLOCK | os.EFD_CLOEXEC)
        self._epoll = select.epoll()
        self._epoll.register(sources.buffers.fd, select.EPOLLIN)
        self._epoll.register(self._stop_fd, select.EPOLLIN)
        self._stopping: list[Callable[[], bool]] = []
        self._stopped = False
        self._lost = _LossCounter(sources.lost, start_ns)
        self._missed = _LossCounter(sources.missed, start_ns)
        self._next_sample_ns = 0
        self._last_sample_ns = 0
        self._least_gap_ns = 0
        self._name_at_ns = 0
        self._next_missed_ns = 0
        self._storm = False
        self._pause_s = _LONGEST_PAUSE_S
        self._looked_ns = start_ns
        self._present: frozenset[int] = frozenset()
        self._lend = False
        self._sample_soon = False
        self._quiet_samples = 0
        self._events = 0
        self._first: Samples | None = None
        self._of_balloon = [place for place, name in enumerate(sources.counters.names) if name in _BALLOON_COUNTERS]
        self._balloon: list[int] = []

    @property
    def present(self) -> frozenset[int]:
        """The kinds, by number, in the records given out last."""
        return self._present

    def stop(self) -> None:
        """End `items` after what is in the ring now; from any thread or signal handler."""
        self._stopped = True
        os.eventfd_write(self._stop_fd, 1)

    def stop_when(self, fd: int, condition: Callable[[], bool]) -> None:
        """End also once `condition()` holds; `fd` readable means to ask at once, else it is asked at each sample."""
        self._stopping.append(condition)
        if fd >= 0:
            self._epoll.register(fd, select.EPOLLIN)

    def begin(self) -> int:
        """Forget what was recorded and lost so far, and read the counters: `items` goes on from there.

        Time zero, CLOCK_MONOTONIC ns: the reading's.
        """
        for _ in self._sources.buffers.batches():
            pass
        self._sources.untold()
        self._lost.forget()
        self._missed.forget()
        self._first = self._sample()
        return self._last_sample_ns

    def items(
        self,
        duration_s: float | None = None,
        before_last: Callable[[], None] = lambda: None,
        *,
        lend: bool = False,
    ) -> Iterator[Item]:
        """Everything until stopped or `duration_s` is over; `before_last` runs before the last look at the ring.

        `lend` gives out records as they lie in the kernel's buffer, good until the next item is asked for; else copies.
        """
        self._lend = lend
        first = self._first or self._sample()
        end_ns = None if duration_s is None else self._last_sample_ns + round(duration_s * _NS)
        yield from (first,) if self._first else self._after_records((first,))
        while not self._over(end_ns):
            yield from self._gathered(end_ns)
            yield from self._due()
            if self._turn_s is not None:
                yield _NO_RECORDS
        before_last()
        yield from self._last()

    def close(self) -> None:
        """Give back the descriptors; idempotent."""
        if self._stop_fd >= 0:
            self._epoll.close()
            os.close(self._stop_fd)
            self._stop_fd = -1

    def _over(self, end_ns: int | None) -> bool:
        if self._stopped or (end_ns is not None and kernel_time.now_ns() >= end_ns):
            return True
        return any(condition() for condition in self._stopping)

    @property
    def _is_quiet(self) -> bool:
        return self._quiet_samples > _QUIET_SAMPLES

    @property
    def _rarer(self) -> int:
        if self._quiet_samples > _REST_SAMPLES:
            return _REST_FACTOR
        return _QUIET_FACTOR if self._is_quiet else 1

    def _wait_s(self, end_ns: int | None) -> float:
        if self._book.naming and not self._storm:
            return 0.0
        until = self._next_sample_ns if end_ns is None else min(self._next_sample_ns, end_ns)
        wait_s, look_s = (until - kernel_time.now_ns()) / _NS, self._sources.buffers.longest_wait_s()
        return max(0.0, min(each for each in (wait_s, look_s, self._turn_s) if each is not None))

    def _gathered(self, end_ns: int | None) -> Iterator[Item]:
        """What came since the last look, once there is something to look at."""
        buffers = self._sources.buffers
        ready = self._epoll.poll(self._wait_s(end_ns))
        if any(fd == buffers.fd for fd, _ in ready):
            time.sleep(self._pause_s)
        elif buffers.written_bytes == buffers.read_bytes:
            return
        yield from self._after_records(self._lost.since())

    def _after_records(self, read: Iterable[Item]) -> Iterator[Item]:
        """What was read just now, behind all records from before: this process may stand still at any point.

        Whoever takes the items may think that nothing earlier comes after them.
        """
        items = tuple(read)
        yield from self._records()
        yield from items

    def _records(self) -> Iterator[npt.NDArray[np.void] | CgroupNames]:
        fullness, now_ns = self._sources.buffers.fullness, kernel_time.now_ns()
        self._storm = fullness > _BUSY_SHARE
        full_in_s = (now_ns - self._looked_ns) / _NS / max(fullness, 1e-9)
        self._pause_s = min(max(full_in_s * _BUSY_SHARE, _SHORTEST_PAUSE_S), _LONGEST_PAUSE_S)
        self._looked_ns = now_ns
        for batch in self._sources.buffers.batches():
            records = batch if self._lend else _copy(batch)
            self._look_at(records)
            yield records
            yield from self._cgroups.take()

    def _look_at(self, records: npt.NDArray[np.void]) -> None:
        kinds = np.ascontiguousarray(records["kind"])
        self._present = present = _kinds_in(int(np.bitwise_or.reduce(_ONE << kinds.astype(np.uint64))))
        self._book.notice(records, kinds, present)
        self._cgroups.notice(records, present)
        of_balloon = not _BALLOON_KINDS.isdisjoint(present)
        self._sample_soon |= of_balloon
        self._events += len(records)
        if of_balloon or self._events >= _QUIET_EVENTS:
            if self._is_quiet:
                self._sample_soon, self._next_missed_ns = True, 0
            self._quiet_samples = 0

    def _due(self) -> Iterator[Item]:
        now_ns = kernel_time.now_ns()
        if now_ns >= self._next_sample_ns or (
            self._sample_soon and now_ns - self._last_sample_ns >= max(_EXTRA_SAMPLE_GAP_NS, self._least_gap_ns)
        ):
            yield from self._after_records((self._sample(), *self._missed_events(now_ns)))
        yield from self._names(now_ns)

    def _names(self, now_ns: int) -> Iterator[dict[int, str]]:
        """In pieces, each between two looks at the records: a storm does not wait for names."""
        if self._storm or not self._book.pending:
            return
        self._name_at_ns = self._name_at_ns or now_ns + (_NAMING_AFTER_NS if self._book.reads_table else 0)
        if now_ns < self._name_at_ns:
            return
        if names := self._book.name_some():
            yield names
        if not self._book.naming:
            self._name_at_ns = 0

    def _missed_events(self, now_ns: int) -> Iterator[LostStretch]:
        if now_ns >= self._next_missed_ns:
            self._next_missed_ns = now_ns + (_QUIET_MISSED_GAP_NS if self._is_quiet else _MISSED_GAP_NS)
            yield from self._missed.since()

    def _sample(self) -> Samples:
        self._sources.buffers.refresh()
        counters = self._sources.counters
        now_ns, begin_ns = kernel_time.now_ns(), time.thread_time_ns()
        values = counters.read()
        self._least_gap_ns = round((time.thread_time_ns() - begin_ns) / _MOST_READING)
        self._sample_soon = False
        self._last_sample_ns = now_ns
        # Not every driver's work is traced: then only the counters tell that it goes on.
        before, self._balloon = self._balloon, values[self._of_balloon].tolist()
        self._quiet_samples = self._quiet_samples + 1 if before in ([], self._balloon) else 0
        self._events = 0
        self._next_sample_ns = now_ns + max(self._interval_ns * self._rarer, self._least_gap_ns)
        return Samples(np.array([now_ns], np.int64), counters.names, values[np.newaxis, :])

    def _last(self) -> Iterator[Item]:
        buffers = self._sources.buffers
        goal, give_up_ns = buffers.written_bytes, kernel_time.now_ns() + _LAST_RECORDS_NS
        while buffers.read_bytes < goal and kernel_time.now_ns() < give_up_ns:
            yield from self._records()
        if len(untold := self._sources.untold()):
            yield untold
        yield from self._lost.since()
        yield from self._missed.since()
        yield self._sample()
        if names := self._book.name_all():
            yield names


def _copy(records: npt.NDArray[np.void]) -> npt.NDArray[np.void]:
    """Record by record, which takes numpy a ninth of the time of field by field."""
    return records.view(f"V{records.itemsize}").copy().view(records.dtype)
