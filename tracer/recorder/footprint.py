"""Keeping a long-running process small."""

from __future__ import annotations

import ctypes
from contextlib import suppress
from typing import Final

ANONYMOUS_BOUND_BYTES: Final = 32 << 20
"""The most anonymous memory of a recording process beside its stated buffers. A live test is stricter: beside the queue
of events not yet written."""

_ARENA_MAX: Final = -8
_TRIM_THRESHOLD: Final = -1
_MMAP_THRESHOLD: Final = -3
"""M_ARENA_MAX, M_TRIM_THRESHOLD and M_MMAP_THRESHOLD, malloc.h of glibc."""
_KEPT_BYTES: Final = 4 << 20
"""A few batches of records (collect/ring.py) and what becomes of them."""


def one_arena() -> None:
    """Have all threads allocate from one heap: each of their own keeps what was once its most. Only glibc has them."""
    with suppress(AttributeError):
        ctypes.CDLL(None).mallopt(_ARENA_MAX, 1)


def keep_freed_memory() -> None:
    """Have malloc keep a few MiB that were freed: records come in batches of the same size for as long as it records.

    Else each batch is faulted in, page by page and zeroed, and given back.
    """
    with suppress(AttributeError):
        mallopt = ctypes.CDLL(None).mallopt
        mallopt(_TRIM_THRESHOLD, _KEPT_BYTES)
        mallopt(_MMAP_THRESHOLD, _KEPT_BYTES)


def give_back() -> None:
    """Return freed memory to the system: what reading the kernel's types and symbols took, before a long run."""
    with suppress(AttributeError):
        ctypes.CDLL(None).malloc_trim(0)
