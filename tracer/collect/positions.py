"""Positions in memory shared with the kernel, and the order of accesses to it.

A reader must load the writer's position before what lies below it, and must have read a record before it stores its own
position beyond it. CPython and numpy add nothing to the danger: each access here is one compiled call that neither the
interpreter nor a compiler moves across another, and a position is aligned, eight bytes, moved by one instruction. What
is left is the processor. x86 keeps loads in the order of loads, and stores behind every earlier load (Intel SDM volume
3, 9.2.2), so plain accesses do. Others (arm64, ppc64le, s390x, riscv64) get acquire and release from libatomic, the
compiler's own library, through ctypes.
"""

from __future__ import annotations

import ctypes
import platform
from collections.abc import Callable
from typing import Any, Final

import numpy as np

from ..errors import CannotTraceError

_LIBRARY: Final = "libatomic.so.1"
_ACQUIRE, _RELEASE = 2, 3
"""memory_order_acquire and memory_order_release, C11 7.17.1 in GCC's numbering (__ATOMIC_ACQUIRE, __ATOMIC_RELEASE)."""


class PlainPosition:
    """A position where plain loads and stores are ordered as a ring needs them: x86."""

    def __init__(self, buffer: Any, offset: int = 0) -> None:  # noqa: ANN401 - any buffer
        self._value = np.frombuffer(buffer, np.uint64, 1, offset)

    def load(self) -> int:
        """The position; what was written before it is seen by later reads."""
        return int(self._value[0])

    def store(self, position: int) -> None:
        """Publish the position; earlier reads are over."""
        self._value[0] = position


class AtomicPosition:
    """A position read with acquire and written with release by libatomic: everything but x86."""

    def __init__(self, buffer: Any, offset: int = 0) -> None:  # noqa: ANN401
        self._memory = np.frombuffer(buffer, np.uint64, 1, offset)
        self._address = ctypes.c_void_p(self._memory.ctypes.data)
        library = _library()
        self._load, self._store = library["__atomic_load_8"], library["__atomic_store_8"]
        self._load.restype = ctypes.c_uint64

    def load(self) -> int:
        """The position; what was written before it is seen by later reads."""
        return int(self._load(self._address, _ACQUIRE))

    def store(self, position: int) -> None:
        """Publish the position; earlier reads are over."""
        self._store(self._address, ctypes.c_uint64(position), _RELEASE)


def atomic_fence() -> Callable[[], None]:
    """An acquire fence by libatomic."""
    fence = _library()["atomic_thread_fence"]
    return lambda: fence(_ACQUIRE)


def _library() -> ctypes.CDLL:
    try:
        return ctypes.CDLL(_LIBRARY)
    except OSError as error:
        reason = f"no {_LIBRARY}, which orders memory accesses on {platform.machine()}"
        raise CannotTraceError(f"{reason} (try: install the package libatomic1, or libatomic)") from error


def _no_fence() -> None:
    pass


ORDERED: Final = platform.machine() == "x86_64"

Position: Final = PlainPosition if ORDERED else AtomicPosition


def acquire_fence() -> Callable[[], None]:
    """What to call between reading the flags of records and reading the records."""
    return _no_fence if ORDERED else atomic_fence()
