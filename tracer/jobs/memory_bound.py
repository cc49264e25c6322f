"""A stranger's recording is looked at in bounded memory, or refused in one line."""

from __future__ import annotations

import resource
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from ..errors import RecordingError, shown

MOST_BYTES: Final = 400 << 20
"""What looking at a recording may take beside the program: real ones of 100 million events take some 35 MiB."""

_KIB: Final = 1024


@contextmanager
def bounded_memory(recording: Path, most_bytes: int = MOST_BYTES) -> Iterator[None]:
    """In here the process gets no more than `most_bytes` of memory of its own beside what it has.

    Raises RecordingError where that is not enough. Lower limits of the user's stay: MemoryError is theirs then.
    """
    before = resource.getrlimit(resource.RLIMIT_DATA)
    is_ours = _limit(before, most_bytes)
    try:
        yield
    except MemoryError as error:
        if not is_ours:
            raise
        raise RecordingError(
            f"{shown(recording)}: needs more than {most_bytes >> 20} MiB of memory to analyse: it is unusual, or made "
            "to be large; analyse part of it (--from, --to)"
        ) from error
    finally:
        resource.setrlimit(resource.RLIMIT_DATA, before)


def _limit(before: tuple[int, int], most_bytes: int) -> bool:
    """Whether the limit that is met first is ours.

    RLIMIT_DATA limits private writable memory, VmData in /proc/PID/status (since Linux 4.7, mm/mmap.c:
    may_expand_vm); VmSize is the whole address space, which RLIMIT_AS limits.
    """
    sizes = _sizes()
    limits = ((before[0], sizes.get("VmData")), (resource.getrlimit(resource.RLIMIT_AS)[0], sizes.get("VmSize")))
    for limit, size in limits:
        if size is None or (limit != resource.RLIM_INFINITY and limit < size + most_bytes):
            return False
    resource.setrlimit(resource.RLIMIT_DATA, (sizes["VmData"] + most_bytes, before[1]))
    return True


def _sizes() -> dict[str, int]:
    """This process's sizes in bytes; none where /proc is not there."""
    try:
        rows = [line.split() for line in Path("/proc/self/status").read_text().splitlines()]
    except OSError:
        return {}
    return {row[0].rstrip(":"): int(row[1]) * _KIB for row in rows if row[-1] == "kB"}
