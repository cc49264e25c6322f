"""All CPUs' perf buffers as one stream in the order of time.

Each CPU's records are in order by themselves. A pass looks at how far every CPU has written, remembers the time just
before, and merges what it finds up to that time; what is younger waits for the next pass. Where more is there than one
batch takes, the batch ends where the first CPU's part of it does, so that nothing has to be kept anywhere but in the
kernel's buffers.
"""

from __future__ import annotations

import os
import select
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from typing import Final, Protocol

import numpy as np
import numpy.typing as npt

from ..kernel import kernel_time
from ..schema import EVENT_DTYPE
from ..short_records import SHORT_DTYPE, lengthened
from .perf_buffer import PerfBuffer, Slots

Records = npt.NDArray[np.void]
OpenBuffer = Callable[[int], tuple[tuple[int, ...], PerfBuffer]]

_MAX_RECORDS: Final = 1 << 13
"""Most records of a batch, all CPUs together, as in the ring's."""
_MIN_RUN: Final = 64
_LOOK_EVERY_S: Final = 0.075
_RARE_S: Final = 0.5
"""Records further apart than this ring each; where they come closer together, looking is cheaper."""
_RECORDS: Final = {dtype.itemsize: dtype for dtype in (SHORT_DTYPE, EVENT_DTYPE)}


class Waiting(Protocol):
    """What lets the next record wake the reader: `tracer.probes.bell.Bell`."""

    @property
    def is_waiting(self) -> bool:
        """Whether no record has come since `wait`."""

    def wait(self) -> None:
        """Let the next record wake the reader; one that is being written just now may not."""


@dataclass
class _Opened:
    """A CPU's events and buffer; `end` is how far this pass reads."""

    cpu: int
    events: tuple[int, ...]
    buffer: PerfBuffer
    end: int = 0

    @property
    def has_bell(self) -> bool:
        """Whether a record can wake the reader by itself."""
        return len(self.events) > 1


class PerfBuffers:
    """The reading end of the perf transport. Not thread-safe: one reader."""

    def __init__(self, open_buffer: OpenBuffer, online: Callable[[], frozenset[int]], bell: Waiting | None) -> None:
        """`open_buffer(cpu)` gives an event that is in the map, and the CPU's `bell` if it has one, and the buffer.

        It raises OSError where the CPU is gone.
        """
        self._open_buffer = open_buffer
        self._online = online
        self._bell = bell
        self._epoll = select.epoll()
        self._current: dict[int, _Opened] = {}
        self._left: list[_Opened] = []
        self._lost: dict[int, int] = {}
        self._malformed = 0
        try:
            for cpu in sorted(online()):
                self._open(cpu)
        except BaseException:
            self.close()
            raise
        self._read_before = self.read_bytes
        self._hung_s = 0.0

    @property
    def fd(self) -> int:
        """Readable once a buffer has reached its watermark."""
        return self._epoll.fileno()

    def longest_wait_s(self) -> float | None:
        """To be asked before waiting for `fd`: when to look although it says nothing; None for never.

        Below its watermark a buffer wakes nobody. Where the last look found nothing, or records are rare, the bell does
        from now on; the look after that finds what was being written while it was hung.
        """
        now_s = time.monotonic()
        many = self.read_bytes != self._read_before and now_s - self._hung_s < _RARE_S
        self._read_before = self.read_bytes
        if many or self._bell is None or not all(one.has_bell for one in self._current.values()):
            return _LOOK_EVERY_S
        if self._bell.is_waiting:
            return None
        self._bell.wait()
        self._hung_s = now_s
        return _LOOK_EVERY_S

    @property
    def fullness(self) -> float:
        """The fullest buffer's share that is not read yet."""
        return max((_unread(one) / one.buffer.size for one in self._all), default=0.0)

    @property
    def written_bytes(self) -> int:
        """How far the kernel has written, all buffers together."""
        return sum(one.buffer.written_bytes for one in self._all)

    @property
    def read_bytes(self) -> int:
        """How far `batches` has read, all buffers together."""
        return sum(one.buffer.read_bytes for one in self._all)

    @property
    def malformed(self) -> int:
        """Samples that were no record of ours; 0 unless something is badly wrong."""
        return self._malformed + sum(one.buffer.malformed for one in self._all)

    @property
    def lost_by_cpu(self) -> dict[int, int]:
        """What the buffers themselves told of lost records so far, by CPU."""
        lost = dict(self._lost)
        for one in self._all:
            lost[one.cpu] = lost.get(one.cpu, 0) + one.buffer.lost
        return lost

    def batches(self) -> Iterator[Records]:
        """Every record that was there at the call, in the order of their times; a batch has one size."""
        now_ns, opened = kernel_time.now_ns(), self._all
        for one in opened:
            one.end = one.buffer.written_bytes
        while len(records := self._batch(opened, now_ns)):
            yield records

    def refresh(self) -> None:
        """Open the buffers of CPUs that came online, and forget what CPUs that went offline left, once it is read."""
        online = self._online()
        for cpu in self._current.keys() - online:
            self._left.append(self._current.pop(cpu))
        for cpu in online - self._current.keys():
            with suppress(OSError):  # gone again: the next look will tell
                self._open(cpu)
        for one in [one for one in self._left if not _unread(one)]:
            self._left.remove(one)
            self._forget(one)

    def close(self) -> None:
        """Unmap and close every buffer; idempotent."""
        for one in self._all:
            self._forget(one)
        self._current.clear()
        self._left.clear()
        self._epoll.close()

    @property
    def _all(self) -> list[_Opened]:
        return [*self._current.values(), *self._left]

    def _open(self, cpu: int) -> None:
        events, buffer = self._open_buffer(cpu)
        self._current[cpu] = _Opened(cpu, events, buffer)
        self._epoll.register(events[0], select.EPOLLIN)

    def _forget(self, one: _Opened) -> None:
        self._lost[one.cpu] = self._lost.get(one.cpu, 0) + one.buffer.lost
        self._malformed += one.buffer.malformed
        one.buffer.close()
        for event in one.events:
            os.close(event)

    def _batch(self, opened: list[_Opened], limit_ns: int) -> Records:
        active = [one for one in opened if one.buffer.read_bytes < one.end]
        most = max(_MAX_RECORDS // max(len(active), 1), _MIN_RUN)
        runs = [(one, run) for one in active if len(run := one.buffer.run(one.end, most))]
        # Only a CPU that has more than its run can limit the others to what is surely not later than its next record.
        short = [run["time_ns"][-1] for one, run in runs if _has_more(one, run)]
        limit = np.uint64(min([limit_ns, *map(int, short)]))
        parts = [(one, run[: _not_later(run, limit)]) for one, run in runs]
        records = _merged([part for _, part in parts if len(part)])
        for one, part in parts:
            one.buffer.take(part.nbytes)
        for one in active:
            one.buffer.release()
        return records


def _unread(one: _Opened) -> int:
    return one.buffer.written_bytes - one.buffer.read_bytes


def _has_more(one: _Opened, run: Slots) -> bool:
    return one.buffer.read_bytes + len(run) * run.itemsize < one.end


def _not_later(run: Slots, limit: np.uint64) -> int:
    """How many of a run's records, from its front, are not later than the limit."""
    if run["time_ns"][-1] <= limit:
        return len(run)
    return int(np.searchsorted(run["time_ns"], limit, "right"))


def _merged(parts: list[Slots]) -> Records:
    lengths = {part["record"].itemsize for part in parts} or {SHORT_DTYPE.itemsize}
    dtype = _RECORDS[max(lengths)]
    records = np.empty(sum(map(len, parts)), dtype)
    whole = records.view(f"V{dtype.itemsize}")
    if len(parts) == 1:
        whole[:] = parts[0]["record"]
    elif parts:
        order = np.argsort(np.concatenate([part["time_ns"] for part in parts]), kind="stable")
        place = np.empty(len(order), np.intp)
        place[order] = np.arange(len(order))
        start = 0
        for part in parts:
            own = part["record"]
            if len(lengths) > 1:
                own = lengthened(own.view(_RECORDS[own.itemsize])).view(whole.dtype)
            whole[place[start : start + len(part)]] = own
            start += len(part)
    return records
