"""How much memory this process can still get without anybody being pressed: the machine's, and its cgroups' limits."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import Final, NamedTuple

from .cgroup import cgroups_upwards, find_memory_controller
from .paths import ROOT, read_text

MACHINE: Final = "MemAvailable"
"""`MemoryRoom.limited_by` where no cgroup is tighter."""
_AVAILABLE: Final = re.compile(r"^MemAvailable:\s*([0-9]{1,15}) kB$", re.MULTILINE)
_NO_LIMIT_BYTES: Final = 1 << 42
"""v1 writes "no limit" as the most a page counter holds: PAGE_COUNTER_MAX, include/linux/page_counter.h. That is 2^63
bytes, 2^43 on 32 bits; limits beyond 4 TiB limit nobody who is short of memory."""
_MOST_DIGITS: Final = 19


class _Limit(NamedTuple):
    """Two files of one cgroup: what it may use, and what it uses."""

    limit: str
    usage: str


_LIMITS: Final = {
    1: (
        _Limit("memory.limit_in_bytes", "memory.usage_in_bytes"),
        _Limit("memory.memsw.limit_in_bytes", "memory.memsw.usage_in_bytes"),
    ),
    2: (_Limit("memory.max", "memory.current"), _Limit("memory.high", "memory.current")),
}
_RECLAIMABLE: Final = {
    1: ("total_active_file", "total_inactive_file"),
    2: ("active_file", "inactive_file", "slab_reclaimable"),
}
"""Of memory.stat, what MemAvailable counts, too (si_mem_available(), mm/show_mem.c): neither tmpfs nor locked pages are
in it."""
_NOT_AT_ONCE: Final = {1: ("total_dirty", "total_writeback"), 2: ("file_dirty", "file_writeback")}
"""File pages that have to be written first; absent where nobody counts them."""


@dataclass(frozen=True)
class MemoryRoom:
    """What can be had, None where nothing tells; `limited_by` is MACHINE, or the cgroup that is tightest."""

    available_bytes: int | None
    limited_by: str = ""

    def allows(self, need_bytes: int) -> bool:
        """Whether taking so much leaves at least as much for everybody else; True where nobody knows what there is."""
        return self.available_bytes is None or need_bytes <= self.available_bytes // 2


def memory_room(root: Path = ROOT) -> MemoryRoom:
    """What is available now: the least of MemAvailable and the room in this process's cgroup and each above it.

    A cgroup's room is its limit less what it uses and can't reclaim at once; where that can't be read it is bounded by
    the limit alone. Swap counts nowhere.
    """
    rooms = [*chain(_of_machine(root), _of_cgroups(root))]
    tightest = min(rooms, key=lambda room: room[0], default=None)
    return MemoryRoom(None) if tightest is None else MemoryRoom(*tightest)


def _of_machine(root: Path) -> Iterator[tuple[int, str]]:
    if match := _AVAILABLE.search(read_text(root, "/proc/meminfo") or ""):
        yield int(match[1]) << 10, MACHINE


def _of_cgroups(root: Path) -> Iterator[tuple[int, str]]:
    controller = find_memory_controller(root)
    if controller is None:
        return
    for place in cgroups_upwards(controller):
        for limit in _LIMITS[controller.version]:
            if (room := _room_in(place, limit, controller.version)) is not None:
                yield room, f"the memory cgroup {place}"


def _room_in(place: Path, files: _Limit, version: int) -> int | None:
    """Bytes; None where there is no limit."""
    limit, usage = _number(place, files.limit), _number(place, files.usage)
    if limit is None or limit >= _NO_LIMIT_BYTES:
        return None
    counts = _counts(read_text(place, "memory.stat") or "")
    if usage is None or not all(name in counts for name in _RECLAIMABLE[version][:2]):
        return limit
    kept = sum(counts.get(name, 0) for name in _NOT_AT_ONCE[version])
    reclaimable = sum(counts.get(name, 0) for name in _RECLAIMABLE[version]) - kept
    return max(0, limit - usage + min(max(0, reclaimable), usage))


def _number(place: Path, name: str) -> int | None:
    return _whole(read_text(place, name) or "")


def _counts(text: str) -> dict[str, int]:
    """Lines of memory.stat that are a name and a number."""
    rows = (line.split(" ") for line in text.splitlines())
    pairs = ((row[0], _whole(row[1])) for row in rows if len(row) == 2)
    return {name: value for name, value in pairs if value is not None}


def _whole(text: str) -> int | None:
    """A number as the kernel writes one; None for anything else, `max` among it."""
    return int(text) if text.isascii() and text.isdigit() and len(text) <= _MOST_DIGITS else None
