"""Reclaim at a steady rate: `python -m tests.bench.live_load FOLDER PARENT READS_PER_S SECONDS`.

A child inside a small memory cgroup, as reclaim_load.py: each read of 32 pages of a sparse file takes some 32
pages from the page cache first. Says "ready", waits for a line, reads at that pace, prints how many reads it came to.
"""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path

from tracer.workload.pressure import die_with_parent, nameless_file

READ_BYTES = 32 * 4096
FILE_BYTES = 4096 * READ_BYTES
FILL_BYTES = 32 << 20
"""Twice the cgroup: reclaim has begun before the load does."""
BURST_S = 0.002
"""Reads that are due are made together."""


def opened(folder: Path) -> int:
    """The file, as much of it read as fills the cgroup."""
    file, buffer = nameless_file(folder), bytearray(READ_BYTES)
    os.ftruncate(file, FILE_BYTES)
    # Single pages, not large folios: many small reclaims.
    os.posix_fadvise(file, 0, 0, os.POSIX_FADV_RANDOM)
    for offset in range(FILE_BYTES - FILL_BYTES, FILE_BYTES, READ_BYTES):
        os.preadv(file, [buffer], offset)
    return file


def read_steadily(file: int, reads_per_s: float, seconds: float) -> int:
    """Read for so long; how many reads it were."""
    buffer = bytearray(READ_BYTES)
    began, reads = time.monotonic(), 0
    while (passed_s := time.monotonic() - began) < seconds:
        while reads < passed_s * reads_per_s:
            os.preadv(file, [buffer], reads * READ_BYTES % FILE_BYTES)
            reads += 1
            if time.monotonic() - began >= seconds:
                return reads
        time.sleep(BURST_S)
    return reads


def main(arguments: list[str]) -> None:
    """The child's life."""
    die_with_parent(int(arguments[1]))
    print("ready", flush=True)
    sys.stdin.readline()
    # Only now is it in its cgroup.
    file = opened(Path(arguments[0]))
    print(read_steadily(file, float(arguments[2]), float(arguments[3])))


if __name__ == "__main__":
    main(sys.argv[1:])
