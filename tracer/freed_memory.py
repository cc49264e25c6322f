"""Memory that is freed: kept where it is soon asked for again, given back where it is not."""

from __future__ import annotations

import ctypes
import time
from collections.abc import Callable
from contextlib import suppress
from typing import Final

_TRIM_THRESHOLD: Final = -1
_MMAP_THRESHOLD: Final = -3
"""M_TRIM_THRESHOLD and M_MMAP_THRESHOLD, malloc.h of glibc."""


def keep_freed_memory(kept_bytes: int) -> None:
    """Have malloc keep so much that was freed, at most 32 MiB: batches come in the same size as long as work goes on.

    Else each is faulted in, page by page and zeroed, and given back. Only glibc has these switches (mallopt(3)).
    """
    with suppress(AttributeError):
        mallopt = ctypes.CDLL(None).mallopt
        mallopt(_TRIM_THRESHOLD, kept_bytes)
        mallopt(_MMAP_THRESHOLD, kept_bytes)


class GivingBack:
    """Gives what was freed back to the kernel, now and then.

    malloc has a heap for each thread. It keeps what is freed below what is in use there, and at its end twice as much
    as the largest piece that was ever freed: after a burst of events a process has twice the memory that it uses. Only
    glibc can be told to give back the former (malloc_trim(3)), and to keep no more than `kept_bytes` of the latter.
    """

    def __init__(
        self, every_s: float = 10.0, kept_bytes: int = 4 << 20, clock: Callable[[], float] = time.monotonic
    ) -> None:
        keep_freed_memory(kept_bytes)
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
