"""Watches what an input takes and says: CPU time, memory, output, warnings, and whether it ends at all."""

from __future__ import annotations

import os
import resource
import signal
import sys
import time
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

MOST_CPU_S = 5.0
"""Of this process and its children for one input: they take some 0.05 s, so this is a hundredfold."""
MOST_GROWTH_BYTES = 256 << 20
MOST_WALL_S = 600
"""For one that waits for a child without end, on a machine that has other work."""

_STREAMS = (1, 2)


@dataclass(frozen=True)
class Trial:
    """How an input went, in the words of whoever tried it, and what it took."""

    way: str
    cpu_s: float
    growth_bytes: int


class Output:
    """What is written to standard output and error, by Python or by a library's own code."""

    def __init__(self) -> None:
        self._files = {stream: os.memfd_create(f"stream-{stream}") for stream in _STREAMS}

    @contextmanager
    def caught(self) -> Iterator[None]:
        """Inside, both streams lead here; what came before is forgotten."""
        kept = {stream: os.dup(stream) for stream in _STREAMS}
        outer = sys.stdout, sys.stderr
        for stream, file in self._files.items():
            os.ftruncate(file, 0)
            os.lseek(file, 0, os.SEEK_SET)
            os.dup2(file, stream)
        sys.stdout, sys.stderr = (
            open(stream, "w", encoding="utf-8", errors="backslashreplace", closefd=False)  # noqa: SIM115
            for stream in _STREAMS
        )
        try:
            yield
        finally:
            sys.stdout.flush()
            sys.stderr.flush()
            sys.stdout, sys.stderr = outer
            for stream, copy in kept.items():
                os.dup2(copy, stream)
                os.close(copy)

    def text(self, stream: int) -> str:
        """What came on 1 (output) or 2 (error) the last time."""
        file = self._files[stream]
        return os.pread(file, os.fstat(file).st_size, 0).decode("utf-8", "backslashreplace")


OUTPUT = Output()


def watched(try_input: Callable[[], str]) -> Trial:
    """Try an input. Raises what it raises, and AssertionError where it takes too much, warns or prints."""
    rss_before, children_before = _reset_peak(), _children_s()
    with _warnings_raised(), _ending(), OUTPUT.caught():
        started_s = time.process_time()
        way = try_input()
        cpu_s = time.process_time() - started_s + _children_s() - children_before
    growth_bytes = max(0, _status_bytes("VmHWM") - rss_before)
    printed = OUTPUT.text(1) + OUTPUT.text(2)
    assert not printed, f"printed {printed[:2000]!r}"
    assert cpu_s < MOST_CPU_S, f"{cpu_s:.1f} s of CPU time"
    assert growth_bytes < MOST_GROWTH_BYTES, f"{growth_bytes >> 20} MiB more"
    return Trial(way, cpu_s, growth_bytes)


def rss_bytes() -> int:
    """This process's memory now."""
    return _status_bytes("VmRSS")


def children_peak_bytes() -> int:
    """The largest child's memory so far; a child's begins with its parent's."""
    return resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss << 10


def _reset_peak() -> int:
    """Have VmHWM begin anew, at what is returned (proc_pid_clear_refs(5), since Linux 4.0)."""
    Path("/proc/self/clear_refs").write_text("5")
    return rss_bytes()


def _status_bytes(field: str) -> int:
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith(field):
            return int(line.split()[1]) << 10
    raise AssertionError(f"no {field} in /proc/self/status")


def _children_s() -> float:
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


@contextmanager
def _warnings_raised() -> Iterator[None]:
    """Every warning is an error, also where a command would silence libraries."""
    kept = sys.warnoptions[:]
    sys.warnoptions[:] = ["error"]
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            yield
    finally:
        sys.warnoptions[:] = kept


@contextmanager
def _ending() -> Iterator[None]:
    """What takes MOST_WALL_S, or far more CPU time than MOST_CPU_S, ends in an AssertionError."""

    def give_up(*_: object) -> None:
        raise AssertionError("did not end")

    before = {number: signal.signal(number, give_up) for number in (signal.SIGALRM, signal.SIGPROF)}
    signal.alarm(MOST_WALL_S)
    signal.setitimer(signal.ITIMER_PROF, 4 * MOST_CPU_S)
    try:
        yield
    finally:
        signal.alarm(0)
        signal.setitimer(signal.ITIMER_PROF, 0)
        for number, handler in before.items():
            signal.signal(number, handler)
