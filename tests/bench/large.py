"""Large recordings: opening 10 GB, a slice of one second, memory that does not grow.

`python -m tests.bench.large EVENTS` measures recordings of other lengths. The 10 GB are sparse: right headers and a
right index, holes for payloads, which opening never reads. They are opened by their index and, without their end, by
their headers. Every measurement is a process of its own; memory is its peak beside what importing `tracer.store` takes.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from statistics import median

from tracer.metadata import Metadata
from tracer.store import Writer
from tracer.store.format import BLOCK_EVENTS, BlockHeader, BlockType, Codec
from tracer.store.index import IndexGrowing
from tracer.store.opening import read_start
from tracer.store.source import Source

from . import document
from .analysis import analyse
from .measure import choose_cpus, interleave, pinned
from .rows import Row, Subject
from .setting import Setting
from .synthetic_recording import START_NS, write_recording
from .tracers import ROOT

GROUP = "Large recordings (synthetic)"
_PAYLOAD_BYTES = 117_000
"""Of a block of 16,384 synthetic events."""
_BLOCK_NS = 10**7
_FIRST_HEADER_BYTES, _FIRST_HEADER_OFFSET = 48, 16

_IMPORT = """
import sys, time
from pathlib import Path
from tracer.batch import Batch
from tracer.store import Recording
start = time.process_time()
"""
_OPEN = _IMPORT + "Recording.open(Path(sys.argv[1]))"
_SLICE = f"""{_IMPORT}
recording = Recording.open(Path(sys.argv[1]))
middle = (recording.first_ns + recording.last_ns) // 2
start = time.process_time()
assert sum(len(item) for item in recording.items(middle, middle + 10**9) if isinstance(item, Batch))
"""
_SAY = """
spent = time.process_time() - start
print(spent, next(line.split()[1] for line in open("/proc/self/status") if line.startswith("VmHWM")))
"""
"""Not what wait4 says: that holds the peak of the process from before it became this program."""


@dataclass(frozen=True)
class Measured:
    """One process: seconds of CPU time, and its peak of resident memory."""

    cpu_s: float
    peak_mib: float


def rows(setting: Setting) -> Iterator[Row]:
    """Opening by index and by headers, then everything on one of ten million events."""
    yield from _opening_rows(setting)
    yield from real_rows(setting, setting.size(10_000_000, 50_000))


def _opening_rows(setting: Setting) -> Iterator[Row]:
    path = setting.folder / "sparse.rtrace"
    size = setting.size(10 * 10**9, 10**8)
    blocks = write_sparse(path, size)
    for name, how in (("large_open_by_index", "by its index"), ("large_open_by_headers", "cut, by its headers")):
        subject = Subject(name, GROUP, f"opening {size / 1e9:g} GB, {how}", "s CPU", budget="1 s")
        yield _alone(subject, setting, _OPEN, path, f"{blocks:,} blocks")
        os.truncate(path, path.stat().st_size - 1)
    path.unlink()


def real_rows(setting: Setting, events: int) -> Iterator[Row]:
    """Opening, slicing and analysing one recording of so many events."""
    path = setting.folder / "large.rtrace"
    count = write_recording(path, events)
    size = f"{path.stat().st_size / 1e6:,.0f} MB"
    yield _alone(Subject("large_open", GROUP, f"opening {count:,} events", "s CPU"), setting, _OPEN, path, size)
    yield _alone(Subject("large_slice", GROUP, f"a second of {count:,} events", "s CPU"), setting, _SLICE, path, size)
    whole = analyse(path)
    path.unlink()
    write_recording(path, events // 10)
    tenth = analyse(path)
    path.unlink()
    yield Subject("large_analysis", GROUP, f"{count:,} events to their findings", "s CPU").alone([whole.cpu_s])
    grown, less = (one.growth_bytes / 2**20 for one in (whole, tenth))
    why = f"for {whole.events:,} events; for {tenth.events:,} it is {less:.0f} MiB."
    yield Subject("analysis_growth", GROUP, "memory the analysis adds at its peak", "MiB").alone([grown], why=why)


def _alone(subject: Subject, setting: Setting, code: str, path: Path, what: str) -> Row:
    actions: dict[str, Callable[[], Measured]] = {
        "import": partial(measure, _IMPORT, path),
        "whole": partial(measure, code, path),
    }
    found = interleave(setting.size(3, 1), actions)
    base, peak = (median(one.peak_mib for one in found[name]) for name in ("import", "whole"))
    return subject.alone([one.cpu_s for one in found["whole"]], why=f"{what}; {peak - base:.1f} MiB of memory.")


def measure(code: str, path: Path) -> Measured:
    """Run code that sets `start`."""
    command = pinned(choose_cpus().collector, [sys.executable, "-c", code + _SAY, str(path)])
    spent_s, peak_kib = subprocess.check_output(command, text=True, cwd=ROOT).split()
    return Measured(float(spent_s), int(peak_kib) / 1024)


class _Sparse:
    """Writes blocks' headers behind a recording's start."""

    def __init__(self, path: Path) -> None:
        self.path = path
        Writer(path, Metadata(start_ns=START_NS)).close()
        source = Source(path)
        self._start = read_start(source)
        self._index = IndexGrowing()
        self._index.add(source.read(_FIRST_HEADER_BYTES, _FIRST_HEADER_OFFSET))
        self.offset = self._start.end
        self.blocks = 1

    def write(self, size: int) -> None:
        """Blocks of events until the file is so large, an index wherever one is due, and the end."""
        with self.path.open("r+b") as file:
            write = file.write
            while self.offset < size:
                file.seek(self.offset)
                self._add(write, BlockType.EVENTS, BLOCK_EVENTS)
                if self._index.is_due:
                    self._add_index(file.seek, write)
            self._add_index(file.seek, write)
            file.seek(self.offset)
            self._add(write, BlockType.END, 1, b'{"index":%d}' % self._index.offset)
            file.truncate(self.offset)

    def _add_index(self, seek: Callable[[int], int], write: Callable[[bytes], int]) -> None:
        payload, count = self._index.payload(), self._index.rows
        self._index.restart(self.offset)
        seek(self.offset)
        self._add(write, BlockType.INDEX, count, payload)

    def _add(self, write: Callable[[bytes], int], kind: BlockType, count: int, payload: bytes | None = None) -> None:
        size = _PAYLOAD_BYTES if payload is None else len(payload)
        time_ns = START_NS + self.blocks * _BLOCK_NS
        crc = 0 if payload is None else zlib.crc32(payload)
        header = BlockHeader(
            kind, Codec.STORED, size, size, self.blocks, count, time_ns, time_ns + _BLOCK_NS, crc
        )  # fmt: skip
        packed = header.pack(self._start.file_id)
        write(packed + (payload or b""))
        self._index.add(packed)
        self.offset += header.block_bytes
        self.blocks += 1


def write_sparse(path: Path, size: int) -> int:
    """A recording of so many bytes with holes for payloads; its blocks."""
    sparse = _Sparse(path)
    sparse.write(size)
    return sparse.blocks


def main(events: int) -> None:
    """The rows of a recording of so many events."""
    with tempfile.TemporaryDirectory(prefix="reclaim-tracer-bench-") as folder:
        found = [row.as_json() for row in real_rows(Setting(Path(folder)), events)]
    print(document.tables({"machine": "this one", "rows": found}))


if __name__ == "__main__":
    main(int(sys.argv[1]))
