"""Tracers as processes that are started, watched and ended the same way: ours and its peers on the same tracepoints."""

from __future__ import annotations

import json
import resource
import shutil
import signal
import subprocess
import sys
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from .measure import CannotRunError, choose_cpus, pinned

ROOT = Path(__file__).parents[2]
BUFFER_BYTES = 16 << 20
"""Kernel memory for events, the same for each tracer: one ring, or a buffer for each CPU."""
NO_EVENTS = "it got no events (a BPF program of somebody else on the tracepoint keeps them from perf)"
NAMES_AFTER_S = 0.8
"""Names of kernel functions are looked up half a second after the first event, at the next reading of the counters."""
END_TIMEOUT_S = 60
START_TIMEOUT_S = 30.0


@dataclass(frozen=True)
class Counts:
    """What a tracer has at its end, and the CPU time of its whole life: of all its threads, and of the draining one."""

    recorded: int
    cpu_ns: int
    drain_ns: int = 0
    lost: int = 0
    file_bytes: int = 0


@dataclass(frozen=True)
class Target:
    """What to trace: tracepoints as `category:name`, of one process if `pid` is given. `token` marks its calls."""

    tracepoints: tuple[str, ...]
    pid: int | None = None
    token: int = 0
    buffer_bytes: int = BUFFER_BYTES


class Tracer(ABC):
    """A kind of tracer. `label` is what tables call it."""

    label: ClassVar[str]
    command: ClassVar[str] = ""
    """What must be on the PATH."""
    once_after_s: ClassVar[float] = 0.0
    """How long after its first event it does what it does once."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.process: subprocess.Popen[str] | None = None

    def check(self) -> None:
        """Raises CannotRunError."""
        if self.command and not shutil.which(self.command):
            raise CannotRunError(f"{self.command} is not installed")

    @contextmanager
    def tracing(self, target: Target) -> Iterator[subprocess.Popen[str]]:
        """The process, attached and at rest; it is gone when the block ends. Raises CannotRunError."""
        self.check()
        self.process = self.start(target)
        try:
            yield self.process
        finally:
            if self.process.poll() is None:
                self.process.kill()
            self.process.communicate()
            self.clean_up()

    @abstractmethod
    def start(self, target: Target) -> subprocess.Popen[str]:
        """Start it on the collector's CPU and wait until it is attached. Raises CannotRunError."""

    @abstractmethod
    def finish(self) -> Counts:
        """End it well and ask what it has."""

    def clean_up(self) -> None:  # noqa: B027 - most leave nothing
        """Remove what it left."""

    def _spawn(self, command: Sequence[str | Path], **options: object) -> subprocess.Popen[str]:
        placed = pinned(choose_cpus().collector, list(map(str, command)))
        return subprocess.Popen(placed, text=True, cwd=ROOT, **options)  # type: ignore[call-overload,no-any-return]

    def _interrupt(self) -> tuple[str, int]:
        """End it by SIGINT; its stderr, and the CPU time of its whole life in ns."""
        with child_cpu_s() as used:
            said = self._end(self._running())
            return said or "", round(used() * 1e9)

    def _end(self, process: subprocess.Popen[str]) -> str:
        process.send_signal(signal.SIGINT)
        return process.communicate(timeout=END_TIMEOUT_S)[1]

    def _running(self) -> subprocess.Popen[str]:
        assert self.process is not None
        return self.process


class Reader(Tracer):
    """A reader of tests/bench/readers: says "ready", reads until its standard input ends, then prints JSON."""

    mode: ClassVar[str]

    def start(self, target: Target) -> subprocess.Popen[str]:
        command = [*self.program(), str(target.token), str(target.buffer_bytes), self.folder]
        process = self._spawn(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        return self._ready(process)

    def program(self) -> list[str]:
        """How to call it."""
        return [sys.executable, "-m", "tests.bench.readers", self.mode]

    def _ready(self, process: subprocess.Popen[str]) -> subprocess.Popen[str]:
        assert process.stdout is not None
        if process.stdout.readline() != "ready\n":
            _, said = process.communicate()
            raise CannotRunError(said.strip().splitlines()[-1] if said.strip() else f"{self.label} ended at once")
        return process

    def finish(self) -> Counts:
        said, errors = self._running().communicate(timeout=END_TIMEOUT_S)
        if self._running().returncode:
            raise CannotRunError(errors.strip().splitlines()[-1])
        return Counts(**json.loads(said.splitlines()[-1]))


class OursInMemory(Reader):
    """Our collector, its items counted and dropped."""

    label, mode, once_after_s = "ours, to memory", "ours-memory", NAMES_AFTER_S


class OursWithoutCgroups(Reader):
    """The same with programs that do not ask for the task's cgroup."""

    label, mode, once_after_s = "ours, without cgroups", "ours-without-cgroups", NAMES_AFTER_S


class OursToDisk(Reader):
    """Our collector and our writer, as `record` plugs them together."""

    label, mode, once_after_s = "ours, to disk", "ours-disk", NAMES_AFTER_S


class Nothing(Tracer):
    """No tracer at all: a process that sleeps."""

    label = "nothing"

    def start(self, target: Target) -> subprocess.Popen[str]:
        return self._spawn(["sleep", "1000"])

    def finish(self) -> Counts:
        return Counts(0, 0)


@contextmanager
def child_cpu_s() -> Iterator[Callable[[], float]]:
    """Yields a function that gives the CPU time of the children that ended and were waited for since."""
    before = _children_cpu_s()
    yield lambda: _children_cpu_s() - before


def _children_cpu_s() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime
