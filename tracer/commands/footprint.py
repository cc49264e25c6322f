"""Keeping a long-running process small."""

from __future__ import annotations

import ctypes
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Final

_ARENA_MAX: Final = -8
"""M_ARENA_MAX, malloc.h of glibc."""
_BLAS_THREADS: Final = "OPENBLAS_NUM_THREADS"


def one_arena() -> None:
    """Have all threads allocate from one heap: each of their own keeps what was once its most. Only glibc has them."""
    with suppress(AttributeError):
        ctypes.CDLL(None).mallopt(_ARENA_MAX, 1)


@contextmanager
def one_blas_thread() -> Iterator[None]:
    """Import numpy inside: its linear algebra, not used here, else starts a thread a CPU. Children don't inherit it."""
    before = os.environ.get(_BLAS_THREADS)
    os.environ[_BLAS_THREADS] = "1"
    try:
        yield
    finally:
        del os.environ[_BLAS_THREADS]
        if before is not None:
            os.environ[_BLAS_THREADS] = before
