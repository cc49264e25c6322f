"""Memory that is freed: kept where it is soon asked for again, given back where it is not."""

from __future__ import annotations

import ctypes
import time
from collections.abc import Callable
from contextlib import suppress
from typing import Final

_TRIM_THRESHOLD: Final = -1
_MMAP_THRESHOLD: Final = -3
_ARENA_MAX: Final = -8
"""M_TRIM_THRESHOLD, M_MMAP_THRESHOLD and M_ARENA_MAX, malloc.h of glibc."""


def keep_freed_memory(kept_bytes: int) -> None:
    """Have malloc keep so much that was freed, at most 32 MiB: batches come in the same size as long as work goes on.

    Else each is faulted in, page by page and zeroed, and given back.
    """
    _set(_TRIM_THRESHOLD, kept_bytes)
    _set(_MMAP_THRESHOLD, kept_bytes)


def share_one_heap() -> None:
    """Have threads that start from now on use the heap that there is, for processes whose memory shall not grow.

    Each would have one of its own, with room in it that the others don't find. It costs time only where several threads
    allocate at once; Python lets one run at a time.
    """
    _set(_ARENA_MAX, 1)


def _set(parameter: int, value: int) -> None:
    """Only glibc has these switches (mallopt(3))."""
    with suppress(AttributeError):
        ctypes.CDLL(None).mallopt(parameter, value)


class GivingBack:
    """Gives what was freed back to the kernel, now and then.

    malloc has a heap for each thread. It keeps what is freed below what is in use there, and at its end twice as much
    as the largest piece that was ever freed: after a burst of events a process has twice the memory that it uses. Only
    glibc can be told to give back the former (malloc_trim(3)), and to keep no more than `kept_bytes` of the latter.
    Larger pieces than `apart_bytes` are no part of a heap: columns that are longer at each look would leave holes in it
    that no later one fits into.
    """

    def __init__(
        self,
        every_s: float = 10.0,
        kept_bytes: int = 1 << 20,
        apart_bytes: int = 128 << 10,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        _set(_TRIM_THRESHOLD, kept_bytes)
        _set(_MMAP_THRESHOLD, apart_bytes)
        self._every_s = every_s
        self._clock = clock
        self._next_s = clock() + every_s

    def now_and_then(self) -> None:
        """Give it back, unless that was done a moment ago. Takes milliseconds."""
        if self._clock() >= self._next_s:
            give_back_freed_memory()
            self._next_s = self._clock() + self._every_s


def give_back_freed_memory() -> None:
    """Give all of it back, whichever thread freed it."""
    with suppress(AttributeError):
        ctypes.CDLL(None).malloc_trim(0)
