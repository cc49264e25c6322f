"""The balloon's size, and how its pages differ from the kernel's count."""

from __future__ import annotations

from typing import Final

from ..analyze.balloon_result import BalloonResult, BalloonSize
from ..analyze.terms import Quality
from ..balloon_counters import HOSTS_ACTUAL
from .numbers import mib

_SOURCES: Final = {
    "vmmemctl.current_pages": "VMware's driver in debugfs",
    "meminfo.Balloon_bytes": "/proc/meminfo",
    "vmstat.nr_balloon_pages": "/proc/vmstat",
    HOSTS_ACTUAL: "by the host's log, at least",
}


def size_words(size: BalloonSize) -> str:
    """What the balloon held, without capital and full stop."""
    end, lowest, highest = (mib(bytes_, 1) for bytes_ in (size.end_bytes, size.lowest_bytes, size.highest_bytes))
    between = f", range {lowest} to {highest}" if lowest != highest else ""
    target = "" if size.target_bytes is None else f", the host's target was {mib(size.target_bytes, 1)}"
    by = _SOURCES.get(size.source, "pages in minus pages out since boot")
    about = "~" * (size.quality is Quality.INFERRED and size.end_bytes > 0)
    return f"size {about}{end} at the end{between} ({by}){target}"


def miscount(balloon: BalloonResult, page_bytes: int) -> str:
    """How the balloon's pages differ from the kernel's count, without capital and full stop; empty if they don't."""
    more, less = (mib(pages or 0, page_bytes) for pages in (balloon.missed_pages, balloon.extra_pages))
    if balloon.missed_pages and balloon.extra_pages:
        return f"not bounds: the kernel counted {more} more than the events show at times, {less} less at others"
    if balloon.missed_pages:
        return f"lower bounds: the kernel counted {more} more than the events show"
    return f"upper bounds: the kernel counted {less} less than the events show" if balloon.extra_pages else ""
