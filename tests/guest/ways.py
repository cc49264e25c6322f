"""Other ways to record a scenario: by every way of counting the balloon's pages, and by the other transport."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Final

from .found import Found
from .machine import Hardware

Recorders = Mapping[str, tuple[str, ...]]
"""Options of `record` by name."""
NONE: Final[Recorders] = {}
DEFAULT: Final = ""
SOURCES: Final = ("fentry", "kprobe", "counters", "pages", "tracepoints", "samples")
PERF: Final = "perf"
_PAGE_BY_PAGE: Final = "raw_tracepoint:kmem:mm_page_alloc"
_PERF_BUFFERS: Final = ("--transport", PERF, "--buffer-size", "32")
"""For each of two CPUs as much as the ring has for all: 70,000 events of an OOM come from one CPU in a second."""
WAYS: Final[Recorders] = {source: ("--balloon-source", source) for source in SOURCES} | {PERF: _PERF_BUFFERS}
_RECORDER_MIB: Final = 112
"""What one takes of a guest: at most 32 MiB of buffers, its queue, some 45 of its own."""


def with_room(hardware: Hardware, recorders: int) -> Hardware:
    """The machine with memory for so many, so that the scenario finds as much as without."""
    return replace(hardware, memory_mib=hardware.memory_mib + recorders * _RECORDER_MIB)


def may_infer(found: Found) -> bool:
    """Whether the recorder need not measure who took the pages.

    `samples` never does; none does that sees no end of an OOM notification; and pages counted one by one are short by
    what the result says where the kernel skipped programs.
    """
    is_short = bool(found.balloon["missed_pages"]) and found.counted_by == _PAGE_BY_PAGE
    return found.recorder == "samples" or not found.sees_ooms or is_short


def is_possible(found: Found) -> bool:
    """Whether the kernel has what the recorder was forced to use; samples need nothing."""
    return found.recorder in {DEFAULT, "samples"} or found.counted_by is not None
