"""Full rate for a long time: is anything lost, does memory stay, what does an event cost?

    python -m tests.bench.soak [--seconds 600] [--runs 1] [--transport ring|perf] [--cpus 1] [--rate N]
        [--buffer-mib 16]

Producers make system calls as fast as they can, each of which becomes a record (tests/storm); our collector takes them
to memory and drops them. Every record made has to be either received or counted as lost. Prints a line a run.
"""

from __future__ import annotations

import argparse
import re
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from tests.storm import Generator, StormProgram, build_generator, new_token
from tracer.batch import Samples
from tracer.buffer_sizes import MOST_QUEUE_BYTES
from tracer.collect.collector import Collector
from tracer.freed_memory import keep_freed_memory, share_one_heap
from tracer.kernel.counters import CounterReader
from tracer.probes.transport import Transport
from tracer.recorder.footprint import kept_bytes

_STATUS = Path("/proc/self/status")


@dataclass(frozen=True)
class Run:
    """One storm: counts, rates, and the anonymous memory of this process in MiB at the first and the largest look."""

    made: int
    received: int
    lost: int
    seconds: float
    cpu_ns: float
    first_mib: float
    most_mib: float

    def __str__(self) -> str:
        return (
            f"{self.made:>12,} {self.made / self.seconds / 1e6:8.2f} {self.lost:>10,} {self.cpu_ns:9.1f}"
            f" {self.first_mib:10.1f} {self.most_mib:8.1f}"
        )


def storm(program: StormProgram, load: Generator) -> Run:
    """Collect until the load has ended. Raises AssertionError where a record is neither received nor lost."""
    received, memory = 0, [anonymous_mib()]
    lost_before = int(program.lost_in_buffers().sum())
    with CounterReader() as counters:
        collector = Collector(program.sources(counters), time.monotonic_ns())
        collector.stop_when(-1, lambda: load.ended)
        before_ns = time.thread_time_ns()
        load.go()
        for item in collector.items():
            if isinstance(item, np.ndarray):
                received += len(item)
            elif isinstance(item, Samples):
                memory.append(anonymous_mib())
        spent_ns = time.thread_time_ns() - before_ns
        collector.close()
    results, lost = load.results(), int(program.lost_in_buffers().sum()) - lost_before
    made = sum(result.calls for result in results)
    assert made == received + lost, f"{made} made, {received} received, {lost} lost"
    seconds = max(result.elapsed_ns for result in results) / 1e9
    return Run(made, received, lost, seconds, spent_ns / received, memory[0], max(memory))


def anonymous_mib() -> float:
    """RssAnon of this process."""
    found = re.search(r"^RssAnon:\s+(\d+) kB", _STATUS.read_text(), re.MULTILINE)
    return int(found[1]) / 1024 if found else 0.0


def runs(arguments: argparse.Namespace, folder: Path) -> Iterator[Run]:
    """As many storms as were asked for, one program for all."""
    binary, token = build_generator(folder), new_token()
    transport = Transport(arguments.transport) if arguments.transport else None
    with StormProgram(token, arguments.buffer_mib << 20, transport=transport) as program:
        print(f"{program.choice.transport}, {program.buffer_bytes >> 20} MiB of buffers, producers on {arguments.cpus}")
        print(f"{'events':>12} {'M/s':>8} {'lost':>10} {'ns/event':>9} {'MiB first':>10} {'MiB most':>8}", flush=True)
        for _ in range(arguments.runs):
            cpus = [int(cpu) for cpu in arguments.cpus.split(",")]
            with Generator(binary, token, cpus, seconds=arguments.seconds, rate=arguments.rate) as load:
                yield storm(program, load)


def main() -> None:
    """Print each run; exit with 1 if any lost something."""
    parser = argparse.ArgumentParser(description="Full rate for a long time.")
    parser.add_argument("--seconds", type=float, default=600.0)
    parser.add_argument("--runs", type=int, default=1)
    parser.add_argument("--transport", choices=[transport.value for transport in Transport])
    parser.add_argument("--cpus", default="1")
    parser.add_argument("--rate", type=int, default=0)
    parser.add_argument("--buffer-mib", type=int, default=16)
    share_one_heap()
    keep_freed_memory(kept_bytes(MOST_QUEUE_BYTES))
    lossy = 0
    with tempfile.TemporaryDirectory(prefix="soak-") as folder:
        for run in runs(parser.parse_args(), Path(folder)):
            print(run, flush=True)
            lossy += run.lost > 0
    sys.exit(lossy > 0)


if __name__ == "__main__":
    main()
