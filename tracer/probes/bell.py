"""The bell of perf buffers: the reader says that it waits, the next record that any program writes wakes it.

A perf buffer wakes its reader after so many bytes, and how many is settled when it is made. But several events can
write to one buffer (PERF_EVENT_IOC_SET_OUTPUT), and one that counts records instead of bytes wakes it at each
(perf_output_sample, kernel/events/core.c): a program writes through that one where the reader waits, and takes the word
back (bpf/ring.bpf.c).
"""

from __future__ import annotations

import ctypes
import mmap
import os
from collections.abc import Mapping
from contextlib import suppress
from typing import Final, Self

import numpy as np

from . import syscalls
from .sources import BELLS_MAP, WAITING_MAP

_KEY: Final = 0


class Bell:
    """`bells` and `waiting` of bpf/ring.bpf.c. `close` it before the maps' descriptors go."""

    def __init__(self, bells_fd: int, waiting_fd: int) -> None:
        """The maps' descriptors."""
        self._bells_fd = bells_fd
        self._waiting_fd = waiting_fd
        self._mapping: mmap.mmap | None = None
        with suppress(OSError):
            self._mapping = mmap.mmap(waiting_fd, mmap.PAGESIZE, mmap.MAP_SHARED, mmap.PROT_READ | mmap.PROT_WRITE)

    def hang(self, cpu: int, event_fd: int) -> int:
        """A second event on the buffer of a CPU's event, which has to be mapped already. Raises OSError."""
        bell = syscalls.open_output_event(cpu, wake_up_at_bytes=0)
        try:
            syscalls.share_buffer(bell, event_fd)
            syscalls.update_element(self._bells_fd, cpu, bell)
        except OSError:
            os.close(bell)
            raise
        return bell

    @classmethod
    def of(cls, maps: Mapping[str, int]) -> Self | None:
        """Of these maps, by name; None where they have none: a ring needs none."""
        return cls(maps[BELLS_MAP], maps[WAITING_MAP]) if BELLS_MAP in maps else None

    @property
    def is_waiting(self) -> bool:
        """Whether no record has rung since `wait`."""
        if self._mapping is not None:
            return bool(np.frombuffer(self._mapping, np.uint32, 1)[0])
        value = ctypes.c_uint64()
        syscalls.lookup_element(self._waiting_fd, _KEY, ctypes.addressof(value))
        return bool(value.value)

    def wait(self) -> None:
        """Let the next record ring; one that is being written just now may not."""
        if self._mapping is not None:
            np.frombuffer(self._mapping, np.uint32, 1)[0] = 1
        else:
            syscalls.update_element(self._waiting_fd, _KEY, 1)

    def close(self) -> None:
        """Unmap; idempotent."""
        mapping, self._mapping = self._mapping, None
        if mapping is not None:
            mapping.close()
