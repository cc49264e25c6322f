"""The peers: bcc's own callbacks, a tracefs splice reader, `perf record` and `bpftrace`, on the same tracepoints."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import time
from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import ClassVar

from tracer.kernel.tracefs import find_tracefs

from .measure import CannotRunError
from .tracers import END_TIMEOUT_S, START_TIMEOUT_S, Counts, Reader, Target, Tracer

_INSTANCE = "reclaim-tracer-bench-"


class BccDocumented(Reader):
    """bcc's documented way: a Python callback an event that casts the record and looks at its fields."""

    label, mode = "bcc, documented callback", "bcc-documented"


class BccEmpty(Reader):
    """bcc with a callback that does nothing but count."""

    label, mode = "bcc, empty callback", "bcc-empty"


class Splice(Reader):
    """tracefs pages into files by splice(2), the way trace-cmd records (splice_reader.c)."""

    label, mode = "tracefs splice", "splice"
    command = "gcc"

    def start(self, target: Target) -> subprocess.Popen[str]:
        self._instance = make_instance(target)
        command = [build_splice_reader(self.folder), self._instance, self._output]
        process = self._spawn(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        return self._ready(process)

    def finish(self) -> Counts:
        said, _ = self._running().communicate(timeout=END_TIMEOUT_S)
        stats = [path.read_text() for path in self._instance.glob("per_cpu/cpu*/stats")]
        names = ("read events", "overrun", "dropped events")
        read, overrun, dropped = (sum(_statistic(text, name) for text in stats) for name in names)
        spent = json.loads(said.splitlines()[-1])
        return Counts(read, spent["cpu_ns"], spent["cpu_ns"], overrun + dropped, spent["file_bytes"])

    def clean_up(self) -> None:
        remove_instance(self._instance)
        for path in self.outputs():
            path.unlink()

    def outputs(self) -> list[Path]:
        """Its files, one for each CPU."""
        return list(self.folder.glob(f"{self._output.name}.cpu*"))

    @property
    def _output(self) -> Path:
        return self.folder / "splice"


class Perf(Tracer):
    """`perf record` into a file."""

    label, command = "perf record", "perf"

    def start(self, target: Target) -> subprocess.Popen[str]:
        whose = ["-a"] if target.pid is None else ["-p", str(target.pid)]
        pages = target.buffer_bytes // os.sysconf("SC_PAGE_SIZE")
        events = ["-m", str(pages), "-e", ",".join(target.tracepoints), "-o", self.output]
        process = self._spawn(
            ["perf", "record", "-q", "-B", "-N", *whose, *events], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE
        )
        wait_attached(process, len(target.tracepoints))
        return process

    def finish(self) -> Counts:
        _, cpu_ns = self._interrupt()
        recorded, lost = self.readable()
        return Counts(recorded, cpu_ns, cpu_ns, lost, self.output.stat().st_size)

    def readable(self) -> tuple[int, int]:
        """Events that perf reads from its file, and those it says are lost."""
        said = subprocess.run(["perf", "report", "--stats", "-i", self.output], capture_output=True, text=True).stdout
        totals, _, _ = said.partition(" stats:\n")[2].partition(" stats:\n")
        found = {name: int(count) for name, count in re.findall(r"^ *(\w+) events: +(\d+)", totals, re.MULTILINE)}
        return found.get("SAMPLE", 0), found.get("LOST", 0) + found.get("LOST_SAMPLES", 0)

    def clean_up(self) -> None:
        self.output.unlink(missing_ok=True)

    @property
    def output(self) -> Path:
        """Its file."""
        return self.folder / "perf.data"


class BpftracePrint(Tracer):
    """`bpftrace` printing a line an event into a file."""

    label, command = "bpftrace printf", "bpftrace"
    action: ClassVar[str] = r'printf("%llu %d %d %s %lu\n", nsecs, cpu, tid, comm, args->args[2]);'

    def start(self, target: Target) -> subprocess.Popen[str]:
        pages = str(target.buffer_bytes // os.sysconf("SC_PAGE_SIZE"))
        environment = os.environ | {"BPFTRACE_PERF_RB_PAGES": pages}
        process = self._spawn(
            ["bpftrace", "-e", self.program(target), "-o", self.output],
            env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE,
        )  # fmt: skip
        wait_attached(process, len(target.tracepoints))
        return process

    def program(self, target: Target) -> str:
        """What it runs."""
        whose = "" if target.pid is None else f"/pid == {target.pid}/"
        return " ".join(f"tracepoint:{name} {whose} {{ {self.action} }}" for name in target.tracepoints)

    def finish(self) -> Counts:
        errors, cpu_ns = self._interrupt()
        said = self.output.read_bytes()
        lost = sum(map(int, re.findall(r"Lost (\d+) events", errors)))
        return Counts(self.count(said), cpu_ns, cpu_ns, lost, len(said))

    def _end(self, process: subprocess.Popen[str]) -> str:
        # A signal that comes just before it waits for events is noticed only with the next one.
        for _ in range(END_TIMEOUT_S):
            process.send_signal(signal.SIGINT)
            with suppress(subprocess.TimeoutExpired):
                return process.communicate(timeout=1)[1]
        raise CannotRunError("bpftrace does not end on SIGINT")

    def count(self, said: bytes) -> int:
        """Events in its output."""
        return len(re.findall(rb"^\d+ \d+ ", said, re.MULTILINE))

    def clean_up(self) -> None:
        self.output.unlink(missing_ok=True)

    @property
    def output(self) -> Path:
        """Its file."""
        return self.folder / "bpftrace.txt"


class BpftraceCount(BpftracePrint):
    """`bpftrace` counting in the kernel: no event leaves it."""

    label = "bpftrace count"
    action = "@ = count();"

    def count(self, said: bytes) -> int:
        found = re.search(rb"^@: (\d+)$", said, re.MULTILINE)
        return int(found[1]) if found else 0


def wait_attached(process: subprocess.Popen[str], perf_events: int) -> None:
    """Wait until a process has so many perf events open and waits for the first event. Raises CannotRunError."""
    give_up = time.monotonic() + START_TIMEOUT_S
    while _perf_events(process.pid) < perf_events or not _polls(process.pid):
        if process.poll() is not None or time.monotonic() > give_up:
            process.kill()
            said = (process.communicate()[1] or "").strip().splitlines()
            raise CannotRunError(said[-1] if said else f"it does not attach, and ended with {process.returncode}")
        time.sleep(0.01)


def _polls(pid: int) -> bool:
    """Whether it sleeps in poll or epoll: poll_schedule_timeout, do_epoll_wait and what they were called before."""
    with suppress(OSError):
        return "poll" in Path(f"/proc/{pid}/wchan").read_text()
    return False


def _perf_events(pid: int) -> int:
    links = Path(f"/proc/{pid}/fd")
    count = 0
    with suppress(FileNotFoundError):
        for link in links.iterdir():
            with suppress(FileNotFoundError):
                count += "perf" in str(link.readlink())
    return count


def make_instance(target: Target) -> Path:
    """A tracefs instance of our own that records the target. Raises CannotRunError."""
    root = find_tracefs()
    if root is None:
        raise CannotRunError("tracefs is not mounted")
    for left in (root / "instances").glob(f"{_INSTANCE}*"):
        # A run that was killed could not remove its own.
        if not Path(f"/proc/{left.name.removeprefix(_INSTANCE)}").exists():
            remove_instance(left)
    instance = root / "instances" / f"{_INSTANCE}{os.getpid()}"
    instance.mkdir()
    (instance / "buffer_size_kb").write_text(str(target.buffer_bytes >> 10))
    (instance / "options" / "overwrite").write_text("0")
    if target.pid is not None:
        threads = [path.name for path in Path(f"/proc/{target.pid}/task").iterdir()]
        (instance / "set_event_pid").write_text(" ".join(threads))
    for name in target.tracepoints:
        (instance / "events" / name.replace(":", "/") / "enable").write_text("1")
    return instance


def remove_instance(instance: Path) -> None:
    """Take an instance down; idempotent."""
    if instance.exists():
        (instance / "tracing_on").write_text("0")
        (instance / "events" / "enable").write_text("0")
        instance.rmdir()


@cache
def build_splice_reader(folder: Path) -> Path:
    """Compile splice_reader.c."""
    binary = folder / "splice-reader"
    source = Path(__file__).with_name("splice_reader.c")
    subprocess.run(["gcc", "-O2", "-Wall", "-Wextra", "-Werror", "-pthread", "-o", binary, source], check=True)
    return binary


def _statistic(text: str, name: str) -> int:
    found = re.search(rf"^{name}: (\d+)$", text, re.MULTILINE)
    return int(found[1]) if found else 0
