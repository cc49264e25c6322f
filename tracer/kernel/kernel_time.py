"""The time of BPF programs, `bpf_ktime_get_ns()`, as this process can read it."""

from __future__ import annotations

import time
from functools import cache
from pathlib import Path
from typing import Final

_SELF: Final = Path("/proc/self")
_NS: Final = 1_000_000_000


def now_ns() -> int:
    """CLOCK_MONOTONIC of the kernel: in a time namespace this process's own has an offset to it."""
    return time.monotonic_ns() - namespace_offset_ns()


@cache
def namespace_offset_ns() -> int:
    """CLOCK_MONOTONIC of this process's time namespace minus the kernel's; 0 outside of one."""
    return read_offset_ns(_SELF)


def read_offset_ns(process: Path) -> int:
    """The offset by `timens_offsets`, which speaks of the namespace that children will be in (time_namespaces(7)).

    Where the process is not in that one itself nothing says its own offset, which is taken for 0.
    """
    try:
        if (process / "ns/time").readlink() != (process / "ns/time_for_children").readlink():
            return 0
        for line in (process / "timens_offsets").read_text().splitlines():
            clock, seconds, nanoseconds = line.split()
            if clock in ("monotonic", str(time.CLOCK_MONOTONIC)):
                return int(seconds) * _NS + int(nanoseconds)
    except (OSError, ValueError):
        pass
    return 0
