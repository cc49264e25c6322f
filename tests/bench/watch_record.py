"""A running `record`, watched from outside: its anonymous memory and its CPU time over minutes, under load or idle.

    sudo .venv/bin/python tests/bench/watch_record.py --seconds 600
    sudo .venv/bin/python tests/bench/watch_record.py --seconds 120 --idle

The load is the demo's: page cache and slab in a memory cgroup of its own. Exits with 1 where memory exceeds its bound.
"""

from __future__ import annotations

import argparse
import os
import re
import signal
import subprocess
import sys
import tempfile
import time
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from tracer.buffer_sizes import MOST_QUEUE_BYTES
from tracer.recorder.footprint import ANONYMOUS_BOUND_BYTES
from tracer.store import Recording
from tracer.workload import LoadPlan, bounded_load

ROOT = Path(__file__).parents[2]
EVERY_S = 1.0
TICKS_PER_S = os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True)
class Reading:
    """What the kernel says of the process, CPU time since its start included."""

    at_s: float
    anonymous_kib: int
    cpu_ticks: int


def read(pid: int, started_s: float) -> Reading:
    """Raises OSError when it has gone."""
    status, stat = (Path(f"/proc/{pid}/{name}").read_text() for name in ("status", "stat"))
    match = re.search(r"^RssAnon:\s+(\d+) kB$", status, re.MULTILINE)
    assert match is not None
    user, system = stat.rpartition(") ")[2].split()[11:13]
    return Reading(time.monotonic() - started_s, int(match[1]), int(user) + int(system))


def watch(process: subprocess.Popen[str], seconds: float) -> list[Reading]:
    """A reading a second, a line of them every half minute."""
    readings, started_s = [], time.monotonic()
    while (now_s := time.monotonic() - started_s) < seconds and process.poll() is None:
        readings.append(read(process.pid, started_s))
        if len(readings) % 30 == 1:
            print(f"  {now_s:6.0f} s  {readings[-1].anonymous_kib:7,} KiB", flush=True)
        time.sleep(EVERY_S)
    return readings


def start(output: Path) -> subprocess.Popen[str]:
    """A `record` that has attached."""
    command = [sys.executable, "-m", "tracer", "record", "-o", str(output)]
    process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
    assert process.stderr is not None
    while not process.stderr.readline().startswith("Tracing."):
        assert process.poll() is None, "record has ended"
    return process


def tell(readings: list[Reading], recording: Recording) -> int:
    """The figures; 1 where the bound is exceeded."""
    first, last = readings[0], readings[-1]
    half = len(readings) // 2
    most = [max(reading.anonymous_kib for reading in part) for part in (readings[:half], readings[half:])]
    share = (last.cpu_ticks - first.cpu_ticks) / TICKS_PER_S / (last.at_s - first.at_s)
    print(f"anonymous memory: at most {most[0]:,} KiB in the first half, {most[1]:,} KiB in the second")
    print(f"CPU: {100 * share:.3f} % of one; {recording.event_count:,} events in {last.at_s:.0f} s")
    return int(max(most) > (ANONYMOUS_BOUND_BYTES + MOST_QUEUE_BYTES) >> 10)


def main() -> int:
    """Run it."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--seconds", type=float, default=600.0)
    parser.add_argument("--idle", action="store_true", help="no load of its own")
    options = parser.parse_args()
    with ExitStack() as stack:
        directory = Path(stack.enter_context(tempfile.TemporaryDirectory(dir=ROOT)))
        if not options.idle:
            load = stack.enter_context(bounded_load(LoadPlan(options.seconds, directory)))
        process = stack.enter_context(start(directory / "watched.rtrace"))
        if not options.idle:
            load.begin()
        try:
            readings = watch(process, options.seconds)
        finally:
            process.send_signal(signal.SIGINT)
            process.communicate()
        return tell(readings, Recording.open(directory / "watched.rtrace"))


if __name__ == "__main__":
    sys.exit(main())
