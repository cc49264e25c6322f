"""The buffers of either transport, opened, and what both give the collector."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping
from typing import Protocol

import numpy as np
import numpy.typing as npt

from ..kernel.host import online_cpus
from ..probes.attach import UNKNOWN_NUMBER
from ..probes.bell import Bell
from ..probes.transport import BufferSizes, Transport, TransportChoice, open_perf_output
from .perf import PerfBuffers
from .perf_buffer import PerfBuffer
from .ring import Ring

Counts = npt.NDArray[np.uint64]


class Buffers(Protocol):
    """Records on their way out of the kernel, whichever way that is."""

    @property
    def fd(self) -> int:
        """Readable when there is something worth a look."""

    def longest_wait_s(self) -> float | None:
        """To be asked before waiting for `fd`: when to look although it says nothing; None for never."""

    @property
    def fullness(self) -> float:
        """The share of the room that is not read yet, where it is largest."""

    @property
    def written_bytes(self) -> int:
        """How far the kernel has written since the start."""

    @property
    def read_bytes(self) -> int:
        """How far `batches` has read since the start."""

    @property
    def malformed(self) -> int:
        """Records that were none of ours; 0 unless something is badly wrong."""

    def batches(self) -> Iterator[npt.NDArray[np.void]]:
        """What is there at the call, in batches, each good until the next is asked for."""

    def refresh(self) -> None:
        """Follow the machine where it has changed."""

    def close(self) -> None:
        """Unmap; idempotent."""


class Writers(Protocol):
    """Programs that write records: what `Probes` is to the buffers."""

    @property
    def choice(self) -> TransportChoice:
        """Which way their records take."""

    @property
    def sizes(self) -> BufferSizes:
        """How large the buffers are."""

    @property
    def events_fd(self) -> int:
        """The map they write to."""

    @property
    def bell(self) -> Bell | None:
        """What wakes the reader of perf buffers for a single record."""

    def lost(self) -> Counts:
        """Records refused so far by kind number."""

    def lost_by_cpu(self) -> Counts:
        """The same, a row for each possible CPU."""


def open_buffers(probes: Writers) -> tuple[Buffers, Callable[[], Counts]]:
    """The buffers that the programs write to, before `attach`; and what counts lost records by kind number.

    Raises OSError, for perf buffers EPERM beyond what RLIMIT_MEMLOCK and kernel.perf_event_mlock_kb allow.
    """
    if probes.choice.transport is Transport.RING:
        return Ring.map(probes.events_fd, probes.sizes.each_bytes), probes.lost
    size, bell = probes.sizes.each_bytes, probes.bell

    def open_cpu(cpu: int) -> tuple[tuple[int, ...], PerfBuffer]:
        event = open_perf_output(probes.events_fd, cpu, size)
        try:
            buffer = PerfBuffer.map(event, size)
        except OSError:
            os.close(event)
            raise
        try:
            return (event, *([bell.hang(cpu, event)] if bell else [])), buffer
        except OSError:
            return (event,), buffer

    buffers = PerfBuffers(open_cpu, online_cpus, bell)
    return buffers, LossOfPerf(probes.lost_by_cpu, lambda: buffers.lost_by_cpu)


class LossOfPerf:
    """Lost records of perf buffers by kind number, when called.

    The programs count what the kernel refuses them, by kind. Kernels before 5.1 don't tell them: there the buffers
    themselves, a PERF_RECORD_LOST before the CPU's next record, are all there is, and the kind is unknown.
    """

    def __init__(self, counted: Callable[[], Counts], told: Callable[[], Mapping[int, int]]) -> None:
        self._counted = counted
        self._told = told
        self._unknown = 0

    def __call__(self) -> Counts:
        """Shape (MAX_KINDS,); never less than before."""
        counted = self._counted()
        beyond = (max(0, told - int(counted[cpu].sum())) for cpu, told in self._told().items())
        self._unknown = max(self._unknown, sum(beyond))
        total: Counts = counted.sum(axis=0)
        total[UNKNOWN_NUMBER] += np.uint64(self._unknown)
        return total
