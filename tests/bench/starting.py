"""Starting, stopping and doing nothing: attach, detach, `--help`, and a recorder on a machine without reclaim."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from tracer.buffer_sizes import MOST_QUEUE_BYTES

from .measure import CannotRunError, cpu_ns, interleave
from .peers import BpftraceCount, Perf
from .reclaim import Record, RecordByPerf, tracepoints
from .rows import Row, Subject
from .setting import Setting
from .tracers import ROOT, Target, Tracer, child_cpu_s

GROUP = "Starting, stopping, doing nothing"
_SAMPLES = (
    "ours reads the kernel's counters every two seconds, eight times as often where more than a few events come: "
    "0.3 ms of CPU after seconds of sleep, and as much for a look at what came; the peer sleeps"
)
_CHILD = "ours compiles in a child process, so that the compiler's memory is given back; it has a Python to start"
_QUIET_AFTER_S, _IDLE_S = 17.0, 20.0
"""The collector looks at the counters more rarely after 5 seconds with few events, and still more rarely after 15."""


@dataclass(frozen=True)
class Idle:
    """A tracer with nothing to do: its share of a CPU in percent, its anonymous memory."""

    cpu_percent: float
    anonymous_mib: float


def rows(setting: Setting) -> Iterator[Row]:
    """Attach and detach beside bcc, `--help` beside an import, idling beside bpftrace and perf."""
    yield from _attach_rows(setting)
    yield _help_row(setting)
    yield from _idle_rows(setting)


def _attach_rows(setting: Setting) -> Iterator[Row]:
    with TemporaryDirectory(prefix="reclaim-tracer-") as cache:
        actions: dict[str, Callable[[], dict[str, float]]] = {
            "ours": lambda: _attach("ours"),
            "cached": lambda: _attach("cached", cache),
            "bcc": lambda: _attach("bcc"),
        }
        _attach("cached", cache)
        found = interleave(setting.size(5, 1), actions)
    what = "load, attach our programs from the cache"
    cached = Subject("attach_cached_vs_compiled", GROUP, what, "s", budget="0.15 s")
    yield cached.against("compiling them", *([run["attach_s"] for run in found[side]] for side in ("cached", "ours")))
    for name, what, key, budget in (
        ("attach", "compile, load, attach our programs", "attach_s", "1 s"),
        ("detach", "let go of them, as the caller sees it", "detach_s", "0.1 s"),
    ):
        subject = Subject(f"{name}_vs_bcc", GROUP, what, "s", budget=budget, behind=_CHILD)
        yield subject.against("bcc's BPF object", *([run[key] for run in found[side]] for side in ("ours", "bcc")))


def _attach(way: str, *cache: str) -> dict[str, float]:
    said = subprocess.check_output([sys.executable, "-m", "tests.bench.attaching", way, *cache], cwd=ROOT)
    measured: dict[str, float] = json.loads(said)
    return measured


def _help_row(setting: Setting) -> Row:
    commands = {"ours": ["-m", "tracer", "--help"], "pandas": ["-c", "import pandas"]}
    actions: dict[str, Callable[[], float]] = {
        name: lambda command=command: _cpu_of(command) for name, command in commands.items()
    }
    found = interleave(setting.size(5, 1), actions)
    subject = Subject(
        "help_cpu_vs_pandas_import", GROUP, "`reclaim-tracer --help`, the interpreter's start included", "s CPU",
        budget="0.12 s",
    )  # fmt: skip
    return subject.against("import pandas alone", found["ours"], found["pandas"])


def _cpu_of(arguments: list[str]) -> float:
    with child_cpu_s() as used:
        subprocess.run([sys.executable, *arguments], cwd=ROOT, stdout=subprocess.DEVNULL, check=True)
    return used()


def _idle_rows(setting: Setting) -> Iterator[Row]:
    found, refused = _idle(setting)
    by_perf = Subject(
        "idle_cpu_by_perf_buffers", GROUP, "recorder by perf buffers with nothing to record", "% of a CPU",
        budget="0.1 %",
    )  # fmt: skip
    yield by_perf.alone([found[RecordByPerf].cpu_percent])
    for kind, name in ((BpftraceCount, "bpftrace"), (Perf, "perf")):
        cpu = Subject(
            f"idle_cpu_vs_{name}",
            GROUP,
            "recorder with nothing to record",
            "% of a CPU",
            budget="0.1 %",
            behind=_SAMPLES,
        )
        memory = Subject(
            f"anonymous_memory_vs_{name}",
            GROUP,
            "its anonymous memory",
            "MiB",
            budget="24 MiB beside stated buffers",
            note=f"Of ours {MOST_QUEUE_BYTES >> 20} MiB are the stated queue of events not yet written.",
            behind="it is written in C; ours holds a Python with numpy's core",
        )
        for subject, key in ((cpu, "cpu_percent"), (memory, "anonymous_mib")):
            ours = [float(getattr(found[Record], key))]
            if kind in refused:
                yield subject.alone(ours, kind.label, f"{kind.label} can't run here: {refused[kind]}")
            else:
                yield subject.against(kind.label, ours, [float(getattr(found[kind], key))])


def _idle(setting: Setting) -> tuple[dict[type[Tracer], Idle], dict[type[Tracer], str]]:
    """All at the same time: none of them has anything to do."""
    refused: dict[type[Tracer], str] = {}
    processes: dict[type[Tracer], subprocess.Popen[str]] = {}
    with ExitStack() as stack:
        for kind in (Record, RecordByPerf, BpftraceCount, Perf):
            try:
                tracer = kind(setting.folder)
                processes[kind] = stack.enter_context(tracer.tracing(Target(tracepoints())))
            except CannotRunError as error:
                refused[kind] = str(error)
        time.sleep(0.0 if setting.quick else _QUIET_AFTER_S)
        before = {kind: sum(cpu_ns(process.pid).values()) for kind, process in processes.items()}
        start = time.monotonic_ns()
        time.sleep(0.1 if setting.quick else _IDLE_S)
        elapsed = time.monotonic_ns() - start
        return {
            kind: Idle(100 * (sum(cpu_ns(process.pid).values()) - before[kind]) / elapsed, _anonymous_mib(process.pid))
            for kind, process in processes.items()
        }, refused


def _anonymous_mib(pid: int) -> float:
    status = Path(f"/proc/{pid}/status").read_text()
    (kib,) = (int(line.split()[1]) for line in status.splitlines() if line.startswith("RssAnon:"))
    return kib / 1024
