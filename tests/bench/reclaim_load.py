"""Reclaim, made on purpose: `python -m tests.bench.reclaim_load FOLDER TURNS`, a child inside a small memory cgroup.

Reads a sparse file many times larger than the cgroup (its pages are made by the file system without a disk, so that
only reclaim costs) and looks for names that are not there (dentries for the shrinkers). Says "ready", waits for a line,
does its fixed work, prints {"elapsed_ns", "cpu_ns"}.
"""

from __future__ import annotations

import json
import os
import sys
import time
from pathlib import Path

from tracer.workload.pressure import die_with_parent, nameless_file

MIB = 1 << 20
FILE_BYTES, READ_BYTES = 512 * MIB, MIB
READS_A_TURN, MISSES_A_TURN = 16, 500


def work(folder: Path, turns: int) -> None:
    """So many turns of reading 16 MiB and missing 500 names."""
    file, buffer = nameless_file(folder), bytearray(READ_BYTES)
    os.ftruncate(file, FILE_BYTES)
    # Single pages, not large folios: many small reclaims.
    os.posix_fadvise(file, 0, 0, os.POSIX_FADV_RANDOM)
    for turn in range(turns):
        for read in range(READS_A_TURN):
            os.preadv(file, [buffer], (turn * READS_A_TURN + read) * READ_BYTES % FILE_BYTES)
        for name in range(MISSES_A_TURN):
            os.access(f"{folder}/absent-{turn}-{name}", os.F_OK)


def main(arguments: list[str]) -> None:
    """The child's life."""
    die_with_parent(int(arguments[2]))
    print("ready", flush=True)
    sys.stdin.readline()
    elapsed_ns, cpu_ns = time.monotonic_ns(), time.process_time_ns()
    work(Path(arguments[0]), int(arguments[1]))
    print(json.dumps({"elapsed_ns": time.monotonic_ns() - elapsed_ns, "cpu_ns": time.process_time_ns() - cpu_ns}))


if __name__ == "__main__":
    main(sys.argv[1:])
