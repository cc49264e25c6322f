"""The command line as a process of its own, and what it took."""

from __future__ import annotations

import subprocess
import sys
import time
from dataclasses import dataclass
from typing import Final

from .tracers import ROOT

_COMMAND: Final = """
import atexit, time
from tests.bench.analysis import memory_bytes
atexit.register(lambda: print(time.process_time(), memory_bytes("VmHWM")))
from tracer.__main__ import main
main()
"""
"""Its last line tells its CPU seconds and its peak of memory in bytes."""


@dataclass(frozen=True)
class Ran:
    """CPU and wall seconds and peak memory (MiB) of the process, and what it printed on standard error."""

    cpu_s: float
    wall_s: float
    peak_mib: float
    said: str


def run(*arguments: object) -> Ran:
    """Run a command that prints nothing else after its work. Raises CalledProcessError."""
    command = [sys.executable, "-c", _COMMAND, *map(str, arguments)]
    start = time.monotonic()
    done = subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True)
    wall_s = time.monotonic() - start
    cpu_s, peak_bytes = map(float, done.stdout.splitlines()[-1].split())
    return Ran(cpu_s, wall_s, peak_bytes / 2**20, done.stderr)
