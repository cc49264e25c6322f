"""Who reclaimed: kernel threads by their names, all other tasks together."""

from __future__ import annotations

import re
from typing import Final

import numpy as np
import numpy.typing as npt

I64 = npt.NDArray[np.int64]

TASKS: Final = 0
"""The number of everybody who is no kernel thread that reclaims."""
_TASKS_NAME: Final = "tasks"
_THREAD: Final = re.compile(rb"(?:kswapd|kcompactd)(\d+)|kdamond\.\d+|khugepaged")
"""kswapd_run() in mm/vmscan.c, kcompactd_run() in mm/compaction.c, __damon_start() in mm/damon/core.c, and
start_stop_khugepaged() in mm/khugepaged.c give these names; the number of the first two is the NUMA node's."""
_MOST_NAMES: Final = 1024
"""Threads told apart: anybody can call itself so."""


def _starts(*prefixes: bytes) -> tuple[tuple[np.uint64, np.uint64], ...]:
    """Mask and value of the first eight bytes of names that begin so."""
    padded = [(bytes([255]) * len(prefix), prefix) for prefix in prefixes]
    return tuple(
        (np.frombuffer(m.ljust(8, b"\0"), "u8")[0], np.frombuffer(p.ljust(8, b"\0"), "u8")[0]) for m, p in padded
    )


_STARTS: Final = _starts(b"kswapd", b"kcompact", b"kdamond", b"khugepag")


class KernelThreads:
    """Numbers the kernel threads that reclaim, from 1 on as they are seen; `TASKS` is everybody else."""

    def __init__(self) -> None:
        self._names: list[bytes] = [_TASKS_NAME.encode()]
        self._number: dict[bytes, int] = {}

    def numbers(self, comm: npt.NDArray[np.bytes_]) -> I64:
        """The number of each task name; shape as `comm`, of 16 bytes each."""
        words = np.ascontiguousarray(comm, "S16").view(np.uint64).reshape(-1, 2)
        named = np.zeros(len(comm), np.bool_)
        for mask, start in _STARTS:
            named |= words[:, 0] & mask == start
        numbers = np.full(len(comm), TASKS)
        rows = np.flatnonzero(named)
        if not len(rows):
            return numbers
        first, second = words[rows, 0], words[rows, 1]
        starts = np.append(0, np.flatnonzero((first[1:] != first[:-1]) | (second[1:] != second[:-1])) + 1)
        numbers[rows] = np.repeat(self._each(comm[rows[starts]]), np.diff(np.append(starts, len(rows))))
        return numbers

    def _each(self, comm: npt.NDArray[np.bytes_]) -> I64:
        """The same for threads that may reclaim."""
        numbers, rest = np.empty(len(comm), np.int64), np.arange(len(comm))
        while len(rest):
            same = comm[rest] == comm[rest[0]]
            numbers[rest[same]] = self._of(bytes(comm[rest[0]]))
            rest = rest[~same]
        return numbers

    def _of(self, name: bytes) -> int:
        if name not in self._number and (not _THREAD.fullmatch(name) or len(self._names) >= _MOST_NAMES):
            return TASKS
        if name not in self._number:
            self._number[name] = len(self._names)
            self._names.append(name)
        return self._number[name]

    def __len__(self) -> int:
        return len(self._names)

    def name(self, number: int) -> str:
        """The thread's name, or `tasks`."""
        return self._names[number].decode()

    def nid(self, number: int) -> int | None:
        """The thread's own NUMA node; None for those without one."""
        thread = _THREAD.fullmatch(self._names[number])
        return int(thread[1]) if thread and thread[1] else None
