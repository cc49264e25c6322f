"""Readers in Python, each a process: `python -m tests.bench.readers MODE TOKEN BUFFER_BYTES FOLDER`.

Says "ready" once it is attached to the calls that carry the token (tests/storm), reads until its standard input ends,
takes what is left, and prints {"recorded", ...} as JSON.
"""

from __future__ import annotations

import ctypes
import json
import os
import select
import sys
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any, Self

import numpy as np

from tracer.buffer_sizes import MOST_QUEUE_BYTES
from tracer.collect.collector import Collector, Item
from tracer.freed_memory import keep_freed_memory, share_one_heap
from tracer.kernel.counters import CounterReader
from tracer.kernel.host import read_host
from tracer.metadata import Metadata
from tracer.probes.finder import load_bcc
from tracer.probes.sources import RING_MAP, bpf_dir, kernel_flags
from tracer.probes.transport import Transport
from tracer.recorder import capture as recording
from tracer.recorder.footprint import kept_bytes
from tracer.recorder.output import Output
from tracer.store import Recording
from tracer.terminal.messages import Messages

from ..storm.generator import TRACEPOINT
from ..storm.program import StormProgram, for_bcc, program_text, storm_flags

_POLL_MS = 200
_STDIN = 0


class StormSession:
    """What `record` takes for a session: the storm's program in the place of ours, everything else its own."""

    command_status = None
    command_runs = ended_command = False
    stop_signal = None
    malformed = 0

    def __init__(self, token: int, buffer_bytes: int, *, with_cgroups: bool = True) -> None:
        self.metadata = Metadata(start_ns=time.monotonic_ns())
        self.recorded = self.lost = 0
        self._program = StormProgram(token, buffer_bytes, as_slab=True, with_cgroups=with_cgroups)
        self._counters = CounterReader()
        self._collector = Collector(self._program.sources(self._counters), self.metadata.start_ns)
        self._collector.stop_when(_STDIN, _input_ended)

    @property
    def present(self) -> frozenset[int]:
        """As a session's."""
        return self._collector.present

    def items(self, duration_s: float | None = None, *, lend: bool = False) -> Iterator[Item]:
        """The collector's items; its first says that all is attached."""
        for number, item in enumerate(self._collector.items(duration_s, lend=lend)):
            if number == 0:
                _say_ready()
            if isinstance(item, np.ndarray):
                self.recorded += len(item)
            yield item
        self.lost = int(self._program.lost().sum())

    def program_costs(self) -> dict[str, object]:
        """None were asked for."""
        return {}

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._collector.close()
        self._counters.close()
        self._program.__exit__()


def to_memory(token: int, buffer_bytes: int, _: Path, *, with_cgroups: bool = True) -> dict[str, int]:
    """Our collector: copies of its records, dropped."""
    _small_as_record()
    with StormSession(token, buffer_bytes, with_cgroups=with_cgroups) as session:
        for _item in session.items():
            pass
        return {"recorded": session.recorded, "lost": session.lost, **_spent()}


def to_disk(token: int, buffer_bytes: int, folder: Path) -> dict[str, int]:
    """`record`'s own way from a session into a file."""
    _small_as_record()
    session = StormSession(token, buffer_bytes)
    recording.open_session = lambda *_, **__: session  # type: ignore[assignment]
    path = folder / "storm.rtrace"
    recording.capture(recording.CaptureRequest(Output(path, force=True)), Messages(quiet=True))
    counts = {"recorded": session.recorded, "lost": session.lost, "file_bytes": path.stat().st_size, **_spent()}
    assert Recording.open(path).complete
    path.unlink()
    return counts


class _Record(ctypes.Structure):
    """struct rt_event of bpf/events.h; bcc says "Please define the data with ctypes manually" of its union."""

    _fields_ = [
        ("time_ns", ctypes.c_uint64),
        ("tid", ctypes.c_uint32),
        ("tgid", ctypes.c_uint32),
        ("comm", ctypes.c_char * 16),
        ("kind", ctypes.c_uint16),
        ("cpu", ctypes.c_uint16),
        ("cgroup_id", ctypes.c_uint32),
        ("args", ctypes.c_uint64 * 8),
    ]


def bcc_documented(token: int, buffer_bytes: int, _: Path) -> dict[str, int]:
    """As bcc's reference guide shows it: cast, then look at the fields."""
    seen = 0

    def callback(_context: object, data: object, _size: int) -> int:
        nonlocal seen
        event = ctypes.cast(data, ctypes.POINTER(_Record)).contents  # type: ignore[arg-type]
        _shown = (event.time_ns, event.cpu, event.tid, event.comm, event.args[1])
        seen += 1
        return 0

    return _poll_with_bcc(token, buffer_bytes, callback, lambda: seen)


def bcc_empty(token: int, buffer_bytes: int, _: Path) -> dict[str, int]:
    """The least a callback can do."""
    seen = 0

    def callback(_context: object, _data: object, _size: int) -> int:
        nonlocal seen
        seen += 1
        return 0

    return _poll_with_bcc(token, buffer_bytes, callback, lambda: seen)


def _poll_with_bcc(
    token: int, buffer_bytes: int, callback: Callable[..., int], seen: Callable[[], int]
) -> dict[str, int]:
    programs = _bcc_programs(token, buffer_bytes)
    ring = programs[RING_MAP]
    ring.open_ring_buffer(callback)
    _say_ready()
    while not _input_ended():
        programs.ring_buffer_poll(_POLL_MS)
    programs.ring_buffer_consume()
    return {"recorded": seen(), **_spent()}


def _bcc_programs(token: int, buffer_bytes: int) -> Any:
    directory, host = bpf_dir(), read_host()
    os.environ["BCC_KERNEL_SOURCE"] = str(directory)
    sizes = [f"-DRT_RING_PAGES={buffer_bytes // host.page_size_bytes}", f"-DRT_MAPPED_CPUS={host.cpus_possible}"]
    kernel = kernel_flags(host.kernel_release, Transport.RING, directory)
    flags = [*for_bcc(kernel), *sizes, *storm_flags(token, as_slab=True)]
    programs = load_bcc().BPF(text=program_text().encode(), cflags=flags)
    programs.attach_tracepoint(tp=TRACEPOINT.encode(), fn_name=b"storm")
    return programs


def _spent() -> dict[str, int]:
    return {"cpu_ns": time.process_time_ns(), "drain_ns": time.thread_time_ns()}


def _input_ended() -> bool:
    return bool(select.select([_STDIN], [], [], 0)[0])


def _small_as_record() -> None:
    share_one_heap()
    keep_freed_memory(kept_bytes(MOST_QUEUE_BYTES))


def _say_ready() -> None:
    print("ready", flush=True)


MODES = {
    "ours-memory": to_memory,
    "ours-without-cgroups": partial(to_memory, with_cgroups=False),
    "ours-disk": to_disk,
    "bcc-documented": bcc_documented,
    "bcc-empty": bcc_empty,
}


def main(arguments: list[str]) -> None:
    """Read in one mode."""
    mode, token, buffer_bytes, folder = arguments
    print(json.dumps(MODES[mode](int(token), int(buffer_bytes), Path(folder))))


if __name__ == "__main__":
    main(sys.argv[1:])
