"""Importing what is heavy: numpy and what stands on it."""

from __future__ import annotations

import mmap
import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from ..errors import is_out_of_memory

_ADDRESS_SPACE_BYTES: Final = 112 << 20
"""What numpy takes with one thread (75 MiB, measured), what is imported with it, and some more: OpenBLAS ends the
process where it gets less."""
_BLAS_THREADS: Final = "OPENBLAS_NUM_THREADS"


@contextmanager
def loading() -> Iterator[None]:
    """Import inside: Ctrl-C waits, and numpy's linear algebra, not used here, starts no threads.

    Raises MemoryError where the address space is too small (`ulimit -v`).
    """
    _require_address_space()
    with interrupted_afterwards(), _one_blas_thread():
        try:
            yield
        except (ImportError, OSError, SystemError) as error:
            # CPython's SystemError: an import that failed without a word.
            if isinstance(error, SystemError) or is_out_of_memory(error):
                raise MemoryError from error
            raise


@contextmanager
def interrupted_afterwards() -> Iterator[None]:
    """Ctrl-C waits for the end of the block: numpy makes an ImportError of one that comes while it is imported.

    By a handler, since a signal mask is a thread's own: the kernel gives the signal to a thread that takes it.
    """
    came: list[int] = []
    before = signal.signal(signal.SIGINT, lambda number, _frame: came.append(number))
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)
        if came:
            signal.raise_signal(signal.SIGINT)


@contextmanager
def _one_blas_thread() -> Iterator[None]:
    """OpenBLAS else starts a thread a CPU, each with memory of its own. Children don't inherit it."""
    before = os.environ.get(_BLAS_THREADS)
    os.environ[_BLAS_THREADS] = "1"
    try:
        yield
    finally:
        del os.environ[_BLAS_THREADS]
        if before is not None:
            os.environ[_BLAS_THREADS] = before


def _require_address_space() -> None:
    try:
        mmap.mmap(-1, _ADDRESS_SPACE_BYTES, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS, prot=0).close()
    except OSError as error:
        raise MemoryError from error
