"""Keeping what the recorder needs in memory, where reclaim would else take it just when there is most to record."""

from __future__ import annotations

import ctypes
import os
import re
from pathlib import Path
from typing import Final, Self

_CURRENT: Final = 1
_FUTURE: Final = 2
_ON_FAULT: Final = 4
"""MCL_*, include/uapi/asm-generic/mman.h; powerpc, sparc and alpha number them otherwise and refuse these."""
_SIZES: Final = r"^Rss:\s+(\d+) kB$.*?^Anonymous:\s+(\d+) kB$.*?^Locked:\s+(\d+) kB$"
_MAPPING: Final = re.compile(_SIZES, re.MULTILINE | re.DOTALL)


class MemoryLock:
    """While it is open, pages of this process that are in memory stay there, and so do those that come.

    Nothing is read in for it. It takes CAP_IPC_LOCK, or a limit (`ulimit -l`) above the process's address space;
    `refusal` says why the kernel did not, empty where it did. A child process does not inherit it.
    """

    def __init__(self) -> None:
        self.refusal = _refusal(_CURRENT | _FUTURE | _ON_FAULT)

    @property
    def file_bytes(self) -> int:
        """Pages of programs and libraries among them, those that other processes use too included."""
        rows = _MAPPING.findall(Path("/proc/self/smaps").read_text())
        return sum(int(resident) - int(anonymous) for resident, anonymous, locked in rows if int(locked)) << 10

    def close(self) -> None:
        """Leave the pages to reclaim again; idempotent."""
        if not self.refusal:
            ctypes.CDLL(None).munlockall()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def _refusal(flags: int) -> str:
    libc = ctypes.CDLL(None, use_errno=True)
    return "" if libc.mlockall(flags) == 0 else f"mlockall: {os.strerror(ctypes.get_errno())}"
