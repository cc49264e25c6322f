"""The real load: a reclaim storm in a memory cgroup (reclaim_load.py), traced by `record` and every peer in turns."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from functools import cache, partial
from pathlib import Path
from typing import ClassVar

from tracer.kernel.cgroup import MemoryCgroup
from tracer.probes.plan import Plan, make_plan
from tracer.probes.probe import How, Probe
from tracer.recorder.flushing import FLUSH_S

from .measure import CannotRunError, choose_cpus, cpu_ns, interleave_able, pinned, settle
from .peers import BpftracePrint, Perf, Splice
from .tracers import NO_EVENTS, ROOT, Counts, Nothing, Target, Tracer

LIMIT_BYTES = 64 << 20


class Record(Tracer):
    """`reclaim-tracer record`, as a user starts it."""

    label = "ours"
    options: ClassVar[tuple[str, ...]] = ()

    def start(self, target: Target) -> subprocess.Popen[str]:
        command = [sys.executable, "-m", "tracer", "record", *self.options, "-f", "-o", self.output]
        process = self._spawn(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
        assert process.stderr is not None
        said = []
        for line in process.stderr:
            said.append(line)
            if line.startswith("Tracing"):
                return process
        raise CannotRunError("".join(said).strip())

    def finish(self) -> Counts:
        # The analysis of its end is not the recording's: what was drained a second ago has been written by now.
        time.sleep(FLUSH_S + 0.1)
        times = settle(self._running().pid)
        said, _ = self._interrupt()
        found = re.search(r"\(([\d,]+) events, ([\d,]+) lost, ", said)
        assert found, said
        events, lost = (int(number.replace(",", "")) for number in found.groups())
        drain_ns = times[self._running().pid]
        return Counts(events, sum(times.values()), drain_ns, lost, self.output.stat().st_size)

    @property
    def output(self) -> Path:
        """Its recording, which stays."""
        return self.folder / "reclaim.rtrace"


class RecordByPerf(Record):
    """The same by perf buffers."""

    options = ("--transport", "perf")

    @property
    def output(self) -> Path:
        """Its recording, which stays."""
        return self.folder / "reclaim-by-perf.rtrace"


class BpftraceReclaim(BpftracePrint):
    """A line an event: when, where, who and which, without arguments."""

    action = r'printf("%llu %d %d %s %s\n", nsecs, cpu, tid, comm, probe);'


TRACERS: tuple[type[Tracer], ...] = (Nothing, Record, Splice, Perf, BpftraceReclaim)


@dataclass(frozen=True)
class Outcome:
    """One tracer under the storm. `work_ns` is the CPU time of the load's fixed work, reclaim and tracing included."""

    work_ns: int
    elapsed_ns: int
    recorded: int
    lost: int
    collector_ns: int
    file_bytes: int

    @property
    def collector_per_event_ns(self) -> float:
        """CPU time of the tracer for an event it got."""
        return self.collector_ns / max(self.recorded, 1)

    @property
    def bytes_per_event(self) -> float:
        """Bytes in the file for an event."""
        return self.file_bytes / max(self.recorded, 1)


@contextmanager
def waiting(command: Sequence[str], limit_bytes: int) -> Iterator[subprocess.Popen[str]]:
    """A load's process in a cgroup of its own, on the producer's CPU, waiting for its line."""
    with MemoryCgroup(limit_bytes, f"reclaim-tracer-bench-{os.getpid()}") as cgroup:
        process = subprocess.Popen(
            pinned(choose_cpus().producer, command),
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=ROOT,
        )  # fmt: skip
        try:
            cgroup.add(process.pid)
            assert process.stdout is not None
            assert process.stdout.readline() == "ready\n"
            yield process
        finally:
            process.kill()
            process.communicate()


def waiting_load(folder: Path, turns: int) -> AbstractContextManager[subprocess.Popen[str]]:
    """The load of fixed work, waiting."""
    command = [sys.executable, "-m", "tests.bench.reclaim_load", str(folder), str(turns), str(os.getpid())]
    return waiting(command, LIMIT_BYTES)


def tracepoint_probes(plan: Plan) -> list[Probe]:
    """Those at tracepoints that would be used if the kernel refused all others."""
    used = plan.chosen(other_sources(plan)).values()
    return [probe for source in used for probe in source.probes]


def other_sources(plan: Plan) -> dict[str, str]:
    """Names of the sources that need more than tracepoints, as refusals."""
    return {
        source.name: "no tracepoint"
        for source in plan.to_try
        if any(probe.how is not How.TRACEPOINT for probe in source.probes)
    }


@cache
def tracepoints() -> tuple[str, ...]:
    """Those of our plan that this kernel has and that need no filter in the kernel."""
    probes = tracepoint_probes(make_plan())
    return tuple(dict.fromkeys(probe.target for probe in probes if not probe.is_filtered and probe.kind))


def run(kind: type[Tracer], folder: Path, turns: int) -> Outcome:
    """Attach one tracer to a load that waits, let it go, and account. Raises CannotRunError."""
    tracer = kind(folder)
    with waiting_load(folder, turns) as load, tracer.tracing(Target(tracepoints())) as process:
        before = cpu_ns(process.pid)
        said, _ = load.communicate("go\n")
        settle(process.pid)
        counts = tracer.finish()
    if not counts.recorded and kind is not Nothing:
        raise CannotRunError(NO_EVENTS)
    return Outcome(
        work_ns=json.loads(said)["cpu_ns"],
        elapsed_ns=json.loads(said)["elapsed_ns"],
        recorded=counts.recorded,
        lost=counts.lost,
        collector_ns=counts.cpu_ns - sum(before.values()),
        file_bytes=counts.file_bytes,
    )


def outcomes(
    kinds: Sequence[type[Tracer]], folder: Path, rounds: int, turns: int
) -> tuple[dict[type[Tracer], list[Outcome]], dict[type[Tracer], str]]:
    """Every tracer once a round, and why some can't run here."""
    actions: dict[type[Tracer], Callable[[], Outcome]] = {kind: partial(run, kind, folder, turns) for kind in kinds}
    return interleave_able(rounds, actions, (Nothing, Record))
