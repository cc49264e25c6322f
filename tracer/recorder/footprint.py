"""Keeping a long-running process small."""

from __future__ import annotations

import ctypes
from contextlib import suppress
from typing import Final

from ..buffer_sizes import block_events

ANONYMOUS_BOUND_BYTES: Final = 24 << 20
"""The most anonymous memory of a recording process beside its stated buffers. A live test is stricter: beside the queue
of events not yet written."""
STARTING_BYTES: Final = 23 << 20
RUNNING_BYTES: Final = 15 << 20
FILE_BYTES: Final = 15 << 20
"""What `record` takes: anonymous memory at most while it makes its plan (21.6 MiB measured, 5.3 less where the
kernel maps its types), and while it runs, beside its buffers (14.2); and pages of Python's and libraries' files (14.7).
Python 3.11, numpy 2.4, Linux 6.18; a live test measures them again."""

_ARENA_MAX: Final = -8
"""M_ARENA_MAX, malloc.h of glibc."""
_KEPT_EVENT_BYTES: Final = 256


def kept_bytes(queue_bytes: int) -> int:
    """What `keep_freed_memory` keeps of a recorder: a few of its queue's blocks, and what becomes of them."""
    return block_events(queue_bytes) * _KEPT_EVENT_BYTES


def one_arena() -> None:
    """Have all threads allocate from one heap: each of their own keeps what was once its most. Only glibc has them."""
    with suppress(AttributeError):
        ctypes.CDLL(None).mallopt(_ARENA_MAX, 1)


def give_back() -> None:
    """Return freed memory to the system: what reading the kernel's types and symbols took, before a long run."""
    with suppress(AttributeError):
        ctypes.CDLL(None).malloc_trim(0)
