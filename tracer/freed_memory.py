"""Memory that is freed and soon asked for again."""

from __future__ import annotations

import ctypes
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
