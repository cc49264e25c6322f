"""Other ways to record a scenario: by every way of counting the balloon's pages, and by the other transport."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Final

from .carried import PLACE
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
PROGRAMS: Final = "programs"
"""By programs carried along, in a guest without bcc."""
WAYS: Final[Recorders] = {
    **{source: ("--balloon-source", source) for source in SOURCES},
    PERF: _PERF_BUFFERS,
    PROGRAMS: ("--programs", PLACE),
}
LACKING: Final = {("5.10", "fentry"): "no types of modules before 5.11"}
"""What a kernel of the lab can't be recorded by, and why."""
_COUNTED_BY: Final = {
    "fentry": "fentry:",
    "kprobe": "kprobe:",
    "counters": "counters:",
    "pages": _PAGE_BY_PAGE,
    "tracepoints": _PAGE_BY_PAGE,
    "samples": "samples:",
}
_RECORDER_MIB: Final = 112
"""What one takes of a guest: at most 32 MiB of buffers, its queue, some 45 of its own."""


def with_room(hardware: Hardware, recorders: int) -> Hardware:
    """The machine with memory for so many, so that the scenario finds as much as without."""
    return replace(hardware, memory_mib=hardware.memory_mib + recorders * _RECORDER_MIB)


def on(hardware: Hardware, way: str) -> Hardware:
    """The machine that is recorded on in this way."""
    return replace(hardware, compiler=False) if way == PROGRAMS else hardware


def may_infer(found: Found) -> bool:
    """Whether the recorder need not measure who took the pages.

    `samples` never does; tracepoints alone don't where they see no end of an OOM notification; and pages counted one by
    one are off by what the result says where the kernel skipped programs or an interrupt freed pages.
    """
    says_off = bool(found.balloon["missed_pages"] or found.balloon["extra_pages"])
    is_off = says_off and found.counted_by == _PAGE_BY_PAGE
    is_blind = found.recorder == "tracepoints" and not found.sees_ooms
    return found.recorder == "samples" or is_blind or (found.recorder in {"pages", "tracepoints"} and is_off)


def is_as_asked(found: Found) -> bool:
    """Whether programs came, pages were counted, and records brought out of the kernel, as the recorder was told to."""
    transport = PERF if found.recorder == PERF else "ring"
    if found.recorder == PROGRAMS and found.programs != "file":
        return False
    return found.counted_by.startswith(_COUNTED_BY.get(found.recorder, "")) and found.transport == transport
