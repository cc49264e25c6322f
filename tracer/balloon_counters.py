"""Which counters tell of a balloon: its size, and what went into it and out since the machine started."""

from __future__ import annotations

from typing import Final

from .metadata import Metadata
from .schema import BALLOON_PAGE_BYTES

GAUGES: Final = (
    ("vmmemctl.current_pages", BALLOON_PAGE_BYTES),
    ("meminfo.Balloon_bytes", 1),
    ("vmstat.nr_balloon_pages", None),
)
"""Readings that are the balloon's size, the best first: VMware's own word, then the kernel's of any driver. Each with
its unit in bytes, None for a guest page."""
INFLATED: Final = "vmstat.balloon_inflate"
LEAKED: Final = "vmstat.balloon_deflate"
ADDED_UP: Final = "vmstat.balloon_inflate minus balloon_deflate"
"""What the size is called that is the difference of the two."""
MIGRATED: Final = "vmstat.balloon_migrate"
EVENT_COUNTERS: Final = (INFLATED, LEAKED, MIGRATED)

HOSTS_ACTUAL: Final = "host.actual_bytes"
"""What the guest has, by the host."""
HOSTS_TARGET: Final = "host.target_bytes"
HOSTS_FULL: Final = "host.full_bytes"
"""The most that the guest has had so far, by the host: what it has with an empty balloon, or less. Told with sizes that
were read, not with those that were repeated for a command."""

_UNCOUNTED: Final = frozenset({"xen_balloon", "hv_balloon"})
"""Drivers without BALLOON_INFLATE and _DEFLATE (drivers/xen/balloon.c, drivers/hv/hv_balloon.c); since Linux 6.16 both
keep NR_BALLOON_PAGES, which /proc/meminfo shows as `Balloon:`."""


def counts_events(metadata: Metadata) -> bool:
    """Whether the kernel's event counters are this balloon's: of one that they leave out they stay 0."""
    return metadata.balloon.driver not in _UNCOUNTED
