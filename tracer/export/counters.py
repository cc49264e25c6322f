"""What the names of sampled counters say: whether one is a size or only grows, and its unit."""

from __future__ import annotations

from typing import Final

_GAUGES: Final = ("vmstat.nr_", "meminfo.", "host.", "vmmemctl.")
"""What the names of readings begin with that tell a state; all others grow from the machine's start on."""
_PAGES: Final = ("vmstat.nr_", "vmstat.pg", "vmstat.balloon_", "vmstat.workingset_")


def is_gauge(name: str) -> bool:
    """Whether a reading tells a size at its time."""
    return name.startswith(_GAUGES)


def unit_of(name: str) -> str:
    """The unit of a reading."""
    for unit in ("bytes", "pages", "us"):
        if name.endswith(f"_{unit}"):
            return unit
    return "pages" if name.startswith(_PAGES) else "count"
