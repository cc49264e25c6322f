"""How records come out of the kernel: one ring buffer for all CPUs (since 5.8), else a perf buffer for each."""

from __future__ import annotations

import os
from dataclasses import dataclass
from enum import StrEnum
from typing import Final, Self

from ..errors import CannotTraceError
from . import syscalls
from .trials import RUNNING, Trials

MAX_BUFFER_BYTES: Final = 1 << 30
_WAKE_UP_SHARE: Final = 8
"""A reader of a perf buffer is woken when this part (1/8) of it is written anew."""


class Transport(StrEnum):
    """The two ways."""

    RING = "ring"
    PERF = "perf"


@dataclass(frozen=True)
class TransportChoice:
    """The way taken, and why not the better one; empty where it is."""

    transport: Transport
    reason: str = ""


@dataclass(frozen=True)
class BufferSizes:
    """Kernel memory for records: of each buffer, a power of two of at least a page (the kernel's rule), and of all."""

    each_bytes: int
    total_bytes: int

    @classmethod
    def of(cls, transport: Transport, wanted_bytes: int, cpus: int) -> Self:
        """One ring that holds `wanted_bytes`, or buffers for `cpus` that together take no more; at most 1 GiB."""
        page, wanted = os.sysconf("SC_PAGE_SIZE"), min(wanted_bytes, MAX_BUFFER_BYTES)
        if transport is Transport.RING:
            size = 1 << (max(page, wanted) - 1).bit_length()
            return cls(size, size)
        size = 1 << max(page, wanted // cpus).bit_length() - 1
        return cls(size, size * cpus)


def choose_transport(wanted: Transport | None = None, trials: Trials = RUNNING) -> TransportChoice:
    """What `wanted` says, else the ring where the kernel makes one. Raises CannotTraceError for one it can't make."""
    if wanted is Transport.PERF:
        return TransportChoice(wanted, "asked for")
    if not (refusal := trials.why_no_ring()):
        return TransportChoice(Transport.RING)
    if wanted is Transport.RING:
        raise CannotTraceError(f"{refusal} (try: --transport perf)")
    return TransportChoice(Transport.PERF, refusal)


def open_perf_output(map_fd: int, cpu: int, size: int) -> int:
    """Put an event for that CPU's records into the map; its buffer of `size` bytes is for the caller to map.

    Raises OSError: ENODEV where the CPU is offline.
    """
    event = syscalls.open_output_event(cpu, size // _WAKE_UP_SHARE)
    try:
        syscalls.update_element(map_fd, cpu, event)
    except OSError:
        os.close(event)
        raise
    return event
