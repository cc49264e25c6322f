"""Keeping a long-running process small."""

from __future__ import annotations

import ctypes
from contextlib import suppress
from typing import Final

ANONYMOUS_BOUND_BYTES: Final = 24 << 20
"""The most anonymous memory of a recording process beside its stated buffers. A live test is stricter: beside the queue
of events not yet written."""
STARTING_BYTES: Final = 28 << 20
RUNNING_BYTES: Final = 20 << 20
FILE_BYTES: Final = 16 << 20
"""What `record` takes: anonymous memory at most while it makes its plan (26.6 MiB measured, 5 less where the kernel
maps its types), and while it runs, beside its buffers (17.6); and pages of Python's and libraries' files (15.3). Python
3.11, numpy 2.4, Linux 6.18; a live test measures them again."""

_ARENA_MAX: Final = -8
"""M_ARENA_MAX, malloc.h of glibc."""
KEPT_BYTES: Final = 4 << 20
"""A few batches of records (collect/ring.py) and what becomes of them: what `keep_freed_memory` keeps of a recorder."""


def one_arena() -> None:
    """Have all threads allocate from one heap: each of their own keeps what was once its most. Only glibc has them."""
    with suppress(AttributeError):
        ctypes.CDLL(None).mallopt(_ARENA_MAX, 1)


def give_back() -> None:
    """Return freed memory to the system: what reading the kernel's types and symbols took, before a long run."""
    with suppress(AttributeError):
        ctypes.CDLL(None).malloc_trim(0)
