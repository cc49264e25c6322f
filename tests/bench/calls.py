"""One load for all: a tight loop of system calls (tests/storm) traced by ours and every peer in turns.

For each tracer: what a traced call costs its caller (CPU time of the calling thread, less what it costs untraced in the
same round), what an event costs the tracer (CPU time of its threads), what was lost, and bytes in the file. A few
thousand calls come first, uncounted: what a tracer does once is told apart from what it does for every event.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from ..storm.generator import TRACEPOINT, Generator, build_generator, new_token
from .measure import CannotRunError, choose_cpus, cpu_ns, interleave_able, settle
from .peers import BccDocumented, BccEmpty, BpftraceCount, BpftracePrint, Perf, Splice
from .tracers import NO_EVENTS, Nothing, OursInMemory, OursToDisk, OursWithoutCgroups, Target, Tracer

TRACERS: tuple[type[Tracer], ...] = (
    Nothing, OursInMemory, OursWithoutCgroups, OursToDisk, BccDocumented, BccEmpty, Splice, Perf, BpftracePrint,
    BpftraceCount,
)  # fmt: skip

FIRST_CALLS = 4096


@dataclass(frozen=True)
class Load:
    """How many calls, how many a second (0: as fast as it goes), and how many uncounted ones before them."""

    calls: int
    rate: int = 0
    first: int = FIRST_CALLS


@dataclass(frozen=True)
class Outcome:
    """One tracer under one load. `drain_ns` is the CPU time of the thread that takes events from the kernel.

    `first_ns` is the whole tracer's for the first calls, of which nothing else here tells.
    """

    calls: int
    call_ns: float
    elapsed_ns: int
    recorded: int
    collector_ns: int
    drain_ns: int
    file_bytes: int
    first_ns: int

    @property
    def lost(self) -> int:
        """Calls without an event."""
        return self.calls - self.recorded

    @property
    def collector_per_event_ns(self) -> float:
        """CPU time of the whole tracer for an event it got."""
        return self.collector_ns / max(self.recorded, 1)

    @property
    def drain_per_event_ns(self) -> float:
        """CPU time of the draining thread for an event."""
        return self.drain_ns / max(self.recorded, 1)

    @property
    def bytes_per_event(self) -> float:
        """Bytes in the file for an event."""
        return self.file_bytes / max(self.recorded, 1)

    @property
    def rate_per_s(self) -> float:
        """Calls a second."""
        return self.calls / self.elapsed_ns * 1e9


class Calls:
    """The load, built once, and the tracers that can run here."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._generator = build_generator(folder)

    def outcomes(
        self, loads: Mapping[type[Tracer], Load], rounds: int
    ) -> tuple[dict[type[Tracer], list[Outcome]], dict[type[Tracer], str]]:
        """Every tracer once a round; for those that can't run here, why."""
        actions: dict[type[Tracer], Callable[[], Outcome]] = {
            kind: partial(self.run, kind, load) for kind, load in loads.items()
        }
        return interleave_able(rounds, actions, (Nothing, OursInMemory, OursToDisk))

    def run(self, kind: type[Tracer], load: Load) -> Outcome:
        """Attach one tracer to a load that waits, let it go, and account. Raises CannotRunError."""
        token, tracer = new_token(), kind(self.folder)
        cpus = [choose_cpus().producer]
        amount = {"calls": load.calls, "rate": load.rate, "first": load.first}
        with (
            Generator(self._generator, token, cpus, **amount) as generator,
            tracer.tracing(Target((TRACEPOINT,), generator.pid, token)) as process,
        ):
            attached = before = cpu_ns(process.pid)
            if load.first:
                generator.go_first()
                time.sleep(kind.once_after_s)
                before = settle(process.pid)
            generator.go()
            (made,) = generator.results()
            settle(process.pid)
            counts = tracer.finish()
        if not counts.recorded and kind is not Nothing:
            raise CannotRunError(NO_EVENTS)
        before_ns = sum(before.values())
        return Outcome(
            made.calls, made.cpu_ns / made.calls, made.elapsed_ns,
            min(max(counts.recorded - load.first, 0), made.calls), counts.cpu_ns - before_ns,
            counts.drain_ns - before[process.pid], counts.file_bytes, before_ns - sum(attached.values()),
        )  # fmt: skip
