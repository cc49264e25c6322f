"""A load that waits for its word, and an independent tracer: a tracefs instance of our own."""

from __future__ import annotations

import ctypes
import os
import re
import signal
import struct
import subprocess
import sys
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from types import TracebackType
from typing import Self

import numpy as np

from tracer.batch import Batch, LostStretch, Samples
from tracer.collect.session import Session
from tracer.kernel.tracefs import find_tracefs, tracepoint_format
from tracer.probes import syscalls
from tracer.schema import EVENT_DTYPE, KIND_BY_NAME, KIND_BY_NUMBER, Role
from tracer.short_records import lengthened

DROP_SLAB = "echo 2 > /proc/sys/vm/drop_caches"
_LINE = re.compile(r"^ *(?P<comm>.*)-(?P<pid>\d+) +\[\d+\] .{0,6} *[\d.]+: (?P<event>\w+): ", re.ASCII)


class WaitingLoad:
    """A shell that runs `script` once `go` is called; its pid is known before."""

    def __init__(self, script: str) -> None:
        self.process = subprocess.Popen(["sh", "-c", f"read _\n{script}"], stdin=subprocess.PIPE)

    @property
    def pid(self) -> int:
        return self.process.pid

    def go(self) -> None:
        assert self.process.stdin is not None
        self.process.stdin.write(b"\n")
        self.process.stdin.close()

    @property
    def ended(self) -> bool:
        return self.process.poll() is not None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if not self.ended:
            self.process.kill()
        if self.process.stdin is not None:
            self.process.stdin.close()
        self.process.wait()


class IndependentTracer:
    """ftrace itself in an instance of our own, which takes nothing from anybody and goes away afterwards."""

    def __init__(self, *tracepoints: str) -> None:
        root = find_tracefs()
        assert root is not None
        self.path = root / "instances" / f"reclaim-tracer-test-{os.getpid()}"
        self.tracepoints = tracepoints

    def __enter__(self) -> Self:
        self.path.mkdir()
        (self.path / "buffer_size_kb").write_text("4096")
        for tracepoint in self.tracepoints:
            (self.path / "events" / tracepoint.replace(":", "/") / "enable").write_text("1")
        return self

    def __exit__(self, kind: type[BaseException] | None, value: object, trace: TracebackType | None) -> None:
        (self.path / "tracing_on").write_text("0")
        (self.path / "events" / "enable").write_text("0")
        self.path.rmdir()

    def counts(self) -> Counter[tuple[int, str]]:
        """Events so far by thread and tracepoint name; fails where ftrace itself lost some."""
        for stats in self.path.glob("per_cpu/cpu*/stats"):
            assert re.search(r"^overrun: 0$", stats.read_text(), re.MULTILINE), "the independent tracer lost events"
        found: Counter[tuple[int, str]] = Counter()
        for line in (self.path / "trace").read_text(errors="replace").splitlines():
            if (match := _LINE.match(line)) is not None:
                found[int(match["pid"]), match["event"]] += 1
        return found


class PerfCounter:
    """A perf event of one thread that counts a tracepoint's hits, as perf has them: perf_event_open(2) without perf."""

    def __init__(self, tid: int, tracepoint: str) -> None:
        found = tracepoint_format(tracepoint)
        assert found is not None
        kind, size, any_cpu, no_group = 2, 64, -1, -1  # PERF_TYPE_TRACEPOINT, PERF_ATTR_SIZE_VER0
        attribute = ctypes.create_string_buffer(struct.pack("=IIQ", kind, size, found.id), size)
        arguments = (ctypes.c_long(word) for word in (tid, any_cpu, no_group, 0))
        libc = ctypes.CDLL(None, use_errno=True)
        self._fd = libc.syscall(ctypes.c_long(syscalls._PERF_EVENT_OPEN), attribute, *arguments)
        assert self._fd >= 0, os.strerror(ctypes.get_errno())

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        os.close(self._fd)

    @property
    def hits(self) -> int:
        """Since it was made; the thread may have ended."""
        return int.from_bytes(os.read(self._fd, 8), sys.byteorder)


class BpftraceCounter:
    """bpftrace counting one thread's hits of tracepoints; `counts` ends it."""

    def __init__(self, tid: int, *tracepoints: str) -> None:
        counters = [f"tracepoint:{name} /tid == {tid}/ {{ @[probe] = count(); }}" for name in tracepoints]
        program = "\n".join([*counters, 'interval:ms:50 { printf("attached\\n"); }'])
        self._process = subprocess.Popen(["bpftrace", "-e", program], stdout=subprocess.PIPE, text=True)

    def __enter__(self) -> Self:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            if line == "attached\n":
                return self
        raise AssertionError("bpftrace ended before it had attached")

    def __exit__(self, *_: object) -> None:
        if self._process.poll() is None:
            self._process.kill()
        self._process.communicate()

    def counts(self) -> dict[str, int]:
        """Hits by tracepoint."""
        self._process.send_signal(signal.SIGINT)
        output, _ = self._process.communicate(timeout=30)
        return {name: int(hits) for name, hits in re.findall(r"^@\[tracepoint:(\S+)\]: (\d+)$", output, re.MULTILINE)}


@dataclass
class Trace:
    """Everything a session gave."""

    records: np.ndarray = field(default_factory=lambda: np.empty(0, EVENT_DTYPE))
    samples: list[Samples] = field(default_factory=list)
    lost: list[LostStretch] = field(default_factory=list)
    symbols: dict[int, str] = field(default_factory=dict)

    @property
    def batch(self) -> Batch:
        return Batch.from_records(self.records)

    def of(self, kind: str, tid: int | None = None) -> np.ndarray:
        """Records of a kind, perhaps of one thread, with their arguments by name."""
        chosen = self.records["kind"] == KIND_BY_NAME[kind].number
        if tid is not None:
            chosen &= self.records["tid"] == tid
        return self.records[chosen].view(KIND_BY_NAME[kind].record_dtype)


def run(session: Session, loads: Sequence[WaitingLoad] = (), on_first: Callable[[], None] = lambda: None) -> Trace:
    """Iterate a session: the loads start at its first item, and it ends after they have."""
    trace, batches = Trace(), []
    for number, item in enumerate(session.items(duration_s=30)):
        if number == 0:
            on_first()
            for load in loads:
                load.go()
        if isinstance(item, Samples):
            trace.samples.append(item)
        elif isinstance(item, LostStretch):
            trace.lost.append(item)
        elif isinstance(item, dict):
            trace.symbols.update(item)
        else:
            batches.append(lengthened(item))
        if loads and all(load.ended for load in loads):
            session.stop()
    if batches:
        trace.records = np.concatenate(batches)
    return trace


def unpaired(records: np.ndarray) -> Iterator[str]:
    """Spans that don't close properly, thread by thread in time order."""
    ordered = records[np.argsort(records["time_ns"], kind="stable")]
    open_spans: dict[int, list[str]] = {}
    for tid, number in zip(ordered["tid"].tolist(), ordered["kind"].tolist(), strict=True):
        kind = KIND_BY_NUMBER[number]
        stack = open_spans.setdefault(tid, [])
        if kind.role is Role.BEGIN:
            stack.append(str(kind.span))
        elif kind.role is Role.END and (not stack or stack.pop() != kind.span):
            yield f"thread {tid}: {kind.name} without its begin"
    for tid, stack in open_spans.items():
        for span in stack:
            yield f"thread {tid}: {span} without its end"
