"""Live: from a kernel event to what shows it, and what recorder, analysis and screen take, at three rates of events.

The load reads a file in a small memory cgroup at a steady pace (live_load.py). How many events a read makes depends on
the kernel and is measured first; rates are what came of it, other tasks' reclaim included. Every event bears the
kernel's time, CLOCK_MONOTONIC, as snapshots do here: each event is a mark.
"""

from __future__ import annotations

import fcntl
import json
import os
import pty
import signal
import struct
import subprocess
import sys
import termios
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from statistics import median

import numpy as np
import numpy.typing as npt

from tracer.batch import Batch
from tracer.store import Recording

from .measure import CannotRunError, choose_cpus, cpu_ns, interleave, pinned
from .peers import BpftraceCount
from .reclaim import tracepoints, waiting
from .rows import Row, Subject
from .setting import Setting
from .tracers import NO_EVENTS, ROOT, Target

GROUP = "Live: from a kernel event to what shows it"
RATES = (100, 10_000, 100_000)
"""Events a second that are aimed at."""
_TRIED_READS_PER_S, _TRIED_S = 1000.0, 2.0
LIMIT_BYTES = 16 << 20
_BEGIN_S, _LAST_S, _PATIENCE_S = 2.0, 1.0, 60.0
"""Before the load the view draws its first frames; what is shown a second after it has been analysed by then."""
_SIZE = (40, 120)
"""The terminal's lines and columns."""

Times = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Watched:
    """One run: latency of each event, how many of them and reads there were a second, and shares of one CPU while the
    load ran."""

    latency_ms: npt.NDArray[np.float64]
    per_s: float
    reads_per_s: float
    recorder_share: float
    view_share: float
    memory_bytes: int


def rows(setting: Setting) -> Iterator[Row]:
    """Latency to the results and to the screen, CPU beside bpftrace that counts and prints, memory after a day."""
    seconds, rounds = float(setting.size(10, 1)), setting.size(3, 1)
    for rate, reads_per_s in reads_for(setting.folder).items():
        turns: dict[str, list[Watched]] = interleave(
            rounds,
            {
                "analysed": lambda reads=reads_per_s: watch(setting.folder, reads, seconds),
                "drawn": lambda reads=reads_per_s: watch(setting.folder, reads, seconds, drawn=True),
            },
        )
        yield from _latencies(rate, turns["analysed"], turns["drawn"])
        yield _cpu(setting.folder, rate, reads_per_s, seconds, turns["analysed"], turns["drawn"])
    yield _day(setting)


def reads_for(folder: Path) -> dict[int, float]:
    """How many reads a second make each of the rates. Raises CannotRunError.

    Each rate is tried too: reclaim in larger batches, as at high rates, makes fewer events a page.
    """
    first = watch(folder, _TRIED_READS_PER_S, _TRIED_S)
    guessed = {rate: rate * first.reads_per_s / first.per_s for rate in RATES}
    return {rate: reads * rate / watch(folder, reads, _TRIED_S).per_s for rate, reads in guessed.items()}


def _latencies(rate: int, analysed: Sequence[Watched], drawn: Sequence[Watched]) -> Iterator[Row]:
    for name, what, runs in (("results", "the results that hold it", analysed), ("screen", "the screen", drawn)):
        for share, word, budget in ((50, "median", "300 ms"), (99, "p99", "1 s")):
            subject = Subject(
                f"live_{name}_{word}_{rate}", GROUP, f"from a kernel event to {what}, {word}, some {rate:,} events/s",
                "ms", budget=budget, note=f"{median(run.per_s for run in runs):,.0f} events/s came.",
            )  # fmt: skip
            yield subject.alone([float(np.percentile(run.latency_ms, share)) for run in runs])


def _cpu(
    folder: Path,
    rate: int,
    reads_per_s: float,
    seconds: float,
    analysed: Sequence[Watched],
    drawn: Sequence[Watched],
) -> Row:
    recorder, view, analysis = (
        median(shares)
        for shares in (
            [run.recorder_share for run in drawn],
            [run.view_share for run in drawn],
            [run.view_share for run in analysed],
        )
    )
    most_bytes = max(run.memory_bytes for run in drawn)
    told = (
        f"Recorder {recorder:.1%}, view {view:.1%}, of which analysis {analysis:.1%}; the view's memory at most "
        f"{most_bytes >> 20} MiB."
    )
    subject = Subject(
        f"live_cpu_{rate}", GROUP, f"recorder and view, some {rate:,} events/s", "% of a CPU", note=told,
        behind="it keeps counts alone, and tells no pages, waits, cycles or findings",
    )  # fmt: skip
    ours = [100 * (run.recorder_share + run.view_share) for run in drawn]
    try:
        return subject.against(BpftraceCounts.label, ours, [100 * counted(folder, reads_per_s, seconds) for _ in drawn])
    except CannotRunError as error:
        return subject.alone(ours, BpftraceCounts.label, f"{told} The peer can't run here: {error}")


def _day(setting: Setting) -> Row:
    hours = setting.size(24, 1)
    command = [sys.executable, "-m", "tests.bench.live_day", "--hours", str(hours), "--look-s", "120"]
    said = [json.loads(line) for line in subprocess.check_output(command, cwd=ROOT, text=True).splitlines()]
    told = "; ".join(f"{one['hours']:.0f} h {one['resident_bytes'] / 2**20:.0f} MiB" for one in said)
    last = said[-1]
    subject = Subject(
        "live_day_memory", GROUP, "the analysis's memory after a day of fights, as fast as it goes", "MiB"
    )
    return subject.alone(
        [last["resident_bytes"] / 2**20],
        why=f"{told}; {last['events']:,} events, {last['findings']:,} findings; a look took {last['look_s']:.2f} s.",
    )


def watch(folder: Path, reads_per_s: float, seconds: float, *, drawn: bool = False) -> Watched:
    """Record under the load, and follow it: by the analysis alone, or drawn on a terminal. Raises CannotRunError."""
    copy, result = folder / "live.rtrace", folder / "live.json"
    with (
        recorder() as record,
        loaded(folder, reads_per_s, seconds) as load,
        follower(record, copy, result, drawn=drawn) as view,
    ):
        before, began = (_cpu_ns(record.pid), _cpu_ns(view.pid)), time.monotonic()
        reads = load()
        after, passed_s = (_cpu_ns(record.pid), _cpu_ns(view.pid)), time.monotonic() - began
        time.sleep(_LAST_S)
        record.send_signal(signal.SIGTERM)
        record.wait(_PATIENCE_S)
        if drawn:
            time.sleep(_LAST_S)
            view.send_signal(signal.SIGTERM)
        if view.wait(_PATIENCE_S):
            raise CannotRunError(f"the view ended with {view.returncode}")
    told, times_ns = json.loads(result.read_text()), event_times(copy)
    looks = np.asarray(told["looks"], np.int64).reshape(-1, 2)
    if not len(times_ns) or not len(looks):
        raise CannotRunError(NO_EVENTS)
    shares = [(late - early) / 1e9 / passed_s for early, late in zip(before, after, strict=True)]
    rates = (len(times_ns) / passed_s, reads / passed_s)
    return Watched(latencies_ms(times_ns, looks), *rates, *shares, told["memory_bytes"])


def latencies_ms(times_ns: Times, looks: Times) -> npt.NDArray[np.float64]:
    """From each event to the first look that holds it; those that none does are left out.

    `times_ns` are events' times in the recording's order; `looks` rows of a time (ns) and how many events it holds.
    """
    first = np.searchsorted(np.maximum.accumulate(looks[:, 1]), np.arange(len(times_ns)), side="right")
    held = first < len(looks)
    return (looks[first[held], 0] - times_ns[held]) / 1e6


def event_times(path: Path) -> Times:
    """Kernel times of a recording's events, in its order."""
    parts = [
        item.header["time_ns"].astype(np.int64) for item in Recording.open(path).items() if isinstance(item, Batch)
    ]
    return np.concatenate((np.empty(0, np.int64), *parts))


@contextmanager
def recorder() -> Iterator[subprocess.Popen[bytes]]:
    """`record` as `live` starts it, tracing, its stream on its stdout. Raises CannotRunError."""
    command = [sys.executable, "-m", "tracer", "record", "--no-summary", "--flush", "0.1", "-o", "-"]
    process = subprocess.Popen(
        pinned(choose_cpus().collector, command), stdout=subprocess.PIPE, stderr=subprocess.PIPE, cwd=ROOT
    )
    assert process.stderr is not None
    try:
        while b"Tracing" not in (said := process.stderr.readline()):
            if not said:
                raise CannotRunError("record has ended")
        yield process
    finally:
        process.kill()
        process.wait()


@contextmanager
def follower(
    record: subprocess.Popen[bytes], copy: Path, result: Path, *, drawn: bool
) -> Iterator[subprocess.Popen[bytes]]:
    """What follows the recorder's stream (live_look.py), on a terminal of its own where it draws."""
    master, slave = pty.openpty()
    fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", *_SIZE, 0, 0))
    command = [sys.executable, "-m", "tests.bench.live_look", copy, result, *["--screen"] * drawn]
    environment = os.environ | {"TERM": "xterm-256color"}
    process = subprocess.Popen(
        command, stdin=record.stdout, stdout=slave, stderr=slave, cwd=ROOT, env=environment, start_new_session=True,
        preexec_fn=lambda: fcntl.ioctl(1, termios.TIOCSCTTY, 0),  # noqa: PLW1509 - nothing else runs in this process
    )  # fmt: skip
    os.close(slave)
    assert record.stdout is not None
    record.stdout.close()
    begun = threading.Event()
    reader = threading.Thread(target=_drain, args=(master, begun), daemon=True)
    reader.start()
    try:
        if drawn:
            begun.wait(_PATIENCE_S)
        time.sleep(_BEGIN_S)
        yield process
    finally:
        process.kill()
        process.wait()
        reader.join()
        os.close(master)


def _drain(terminal: int, begun: threading.Event) -> None:
    with suppress(OSError):
        while os.read(terminal, 1 << 16):
            begun.set()


@contextmanager
def loaded(folder: Path, reads_per_s: float, seconds: float) -> Iterator[Callable[[], int]]:
    """The load in its cgroup, waiting; calling it makes it run to its end, and gives how many reads it came to."""
    rates = map(str, (os.getpid(), reads_per_s, seconds))
    command = [sys.executable, "-m", "tests.bench.live_load", str(folder), *rates]
    with waiting(command, LIMIT_BYTES) as process:
        yield partial(_go, process)


def _go(process: subprocess.Popen[str]) -> int:
    return int(process.communicate("go\n")[0])


def _cpu_ns(pid: int) -> int:
    return sum(cpu_ns(pid).values())


class BpftraceCounts(BpftraceCount):
    """`bpftrace` counting by tracepoint in the kernel, and printing the counts every second."""

    label = "bpftrace, counts printed every second"
    action = "@[probe] = count();"

    def program(self, target: Target) -> str:
        """As its parent's, and what prints."""
        return f"{super().program(target)} interval:s:1 {{ print(@); }}"


def counted(folder: Path, reads_per_s: float, seconds: float) -> float:
    """The share of one CPU that bpftrace takes for counts, under the same load. Raises CannotRunError."""
    tracer = BpftraceCounts(folder)
    with loaded(folder, reads_per_s, seconds) as load, tracer.tracing(Target(tracepoints())) as process:
        before, began = _cpu_ns(process.pid), time.monotonic()
        load()
        spent_ns, passed_s = _cpu_ns(process.pid) - before, time.monotonic() - began
        with suppress(CannotRunError):
            tracer.finish()
    return spent_ns / 1e9 / passed_s
