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
_CARRIED: Final = f".{PROGRAMS}"
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


def carried(way: str) -> str:
    """The same way by carried programs."""
    return f"{way}{_CARRIED}".lstrip(".")


CARRIED_WAYS: Final = tuple(carried(way) for way in WAYS if way != PROGRAMS)
"""Each of the others by carried programs."""


def options_of(way: str) -> tuple[str, ...]:
    """What it takes of `record`."""
    by_itself, is_carried = _told_apart(way)
    return *WAYS.get(by_itself, ()), *(WAYS[PROGRAMS] if is_carried else ())


def on(hardware: Hardware, way: str) -> Hardware:
    """The machine that is recorded on in this way."""
    return replace(hardware, compiler=False) if _told_apart(way)[1] else hardware


def _told_apart(way: str) -> tuple[str, bool]:
    """The way by itself, and whether it is by carried programs."""
    is_carried = f".{way}".endswith(_CARRIED)
    return (way[: -len(PROGRAMS)].rstrip("."), True) if is_carried else (way, False)


def may_infer(found: Found) -> bool:
    """Whether the recorder need not measure who took the pages.

    `samples` never does; tracepoints alone don't where they see no end of an OOM notification; and pages counted one by
    one are off by what the result says where the kernel skipped programs or an interrupt freed pages.
    """
    recorder = _told_apart(found.recorder)[0]
    says_off = bool(found.balloon["missed_pages"] or found.balloon["extra_pages"])
    is_off = says_off and found.counted_by == _PAGE_BY_PAGE
    is_blind = recorder == "tracepoints" and not found.sees_ooms
    return recorder == "samples" or is_blind or (recorder in {"pages", "tracepoints"} and is_off)


def is_as_asked(found: Found) -> bool:
    """Whether programs came, pages were counted, and records brought out of the kernel, as the recorder was told to."""
    recorder, is_carried = _told_apart(found.recorder)
    if is_carried and found.programs != "file":
        return False
    transport = PERF if recorder == PERF else "ring"
    return found.counted_by.startswith(_COUNTED_BY.get(recorder, "")) and found.transport == transport
