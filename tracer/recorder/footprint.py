"""Keeping a long-running process small."""

from __future__ import annotations

import ctypes
import re
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Final

from ..buffer_sizes import block_events

ANONYMOUS_BOUND_BYTES: Final = 24 << 20
"""The most anonymous memory of a recording process beside its stated buffers. A live test is stricter: beside the queue
of events not yet written."""
STARTING_BYTES: Final = 18 << 20
RUNNING_BYTES: Final = 16 << 20
FILE_BYTES: Final = 14 << 20
RUNNING_FILE_BYTES: Final = 11 << 20
"""What `record` takes: anonymous memory at most while it starts (17.0 MiB measured, smallest buffers included; the
command line takes 11.0 before the recorder takes over), and while it runs, beside its buffers (15.5 after a storm); and
pages of Python's and libraries' files while it starts (13.3) and while it runs (10.0). Python 3.11, numpy 2.4, Linux
6.18; a live test measures them again."""

_DONT_NEED: Final = 4
"""MADV_DONTNEED, include/uapi/asm-generic/mman-common.h."""
_MAPPINGS: Final = re.compile(r"^(?=[0-9a-f]+-[0-9a-f]+ )", re.MULTILINE)
_OF_FILE: Final = re.compile(r"([0-9a-f]+)-([0-9a-f]+) r-[-x]p \S+ \S+ [0-9]+ +/")
"""proc_pid_smaps(5)."""
_WRITTEN: Final = re.compile(r"^(?:Anonymous|Swap): +[1-9]", re.MULTILINE)
"""Pages that are no longer the file's, the dynamic linker's relocations say, and would be lost."""
_KEPT_EVENT_BYTES: Final = 256


def kept_bytes(queue_bytes: int) -> int:
    """What `keep_freed_memory` keeps of a recorder: a few of its queue's blocks, and what becomes of them."""
    return block_events(queue_bytes) * _KEPT_EVENT_BYTES


def let_go_of_files() -> None:
    """Unmap pages of programs and libraries: starting uses many that recording never does, and what is mapped gets
    locked. They stay in the page cache, and those that are used again come back from there."""
    libc = ctypes.CDLL(None)
    with suppress(OSError):
        for start, stop in unwritten(Path("/proc/self/smaps").read_text()):
            libc.madvise(ctypes.c_void_p(start), ctypes.c_size_t(stop - start), _DONT_NEED)


def unwritten(smaps: str) -> Iterator[tuple[int, int]]:
    """Where private mappings of files for reading only begin and end, in which every page is still the file's."""
    for mapping in _MAPPINGS.split(smaps):
        if (found := _OF_FILE.match(mapping)) and not _WRITTEN.search(mapping):
            yield int(found[1], 16), int(found[2], 16)
