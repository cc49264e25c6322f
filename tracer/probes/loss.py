"""Reading what the programs count of records that found no room."""

from __future__ import annotations

import mmap
from contextlib import suppress
from typing import Final

import numpy as np
import numpy.typing as npt

from ..schema import MAX_KINDS
from . import syscalls

_CPU_BYTES: Final = 8 * MAX_KINDS
"""struct rt_lost, bpf/events.h."""


class LossCounters:
    """Records without room since the start, by CPU and kind.

    Where the kernel can map arrays it is one with an element a CPU, asked for where it can't be mapped after all;
    else a per-CPU map. `close` it before the map's descriptor goes.
    """

    def __init__(self, map_fd: int, cpus: int) -> None:
        """`cpus` is how many are possible."""
        self._fd = map_fd
        self._copy = np.zeros((cpus, MAX_KINDS), np.uint64)
        self._keys = range(cpus if syscalls.accepts_mapped_array() else 1)
        self._mapping: mmap.mmap | None = None
        size = -(-cpus * _CPU_BYTES // mmap.PAGESIZE) * mmap.PAGESIZE
        with suppress(OSError):
            self._mapping = mmap.mmap(map_fd, size, mmap.MAP_SHARED, mmap.PROT_READ)

    def by_cpu(self) -> npt.NDArray[np.uint64]:
        """Shape (possible CPUs, MAX_KINDS), overwritten by the next call. Raises OSError, ValueError once closed."""
        if self._mapping is not None:
            self._copy[:] = np.frombuffer(self._mapping, np.uint64, self._copy.size).reshape(self._copy.shape)
        elif self._fd < 0:
            raise ValueError("the probes are closed")
        else:
            for key in self._keys:
                syscalls.lookup_element(self._fd, key, self._copy[key:].ctypes.data)
        return self._copy

    def close(self) -> None:
        """Unmap; idempotent."""
        self._fd, mapping, self._mapping = -1, self._mapping, None
        if mapping is not None:
            mapping.close()
