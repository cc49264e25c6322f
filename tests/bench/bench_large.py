"""Large recordings: `python tests/bench/bench_large.py [EVENTS...]` (1,000,000 and 10,000,000 by default).

First a recording of 10 GB that is sparse: right headers and a right index, holes for payloads, as opening never reads
these. It is opened by its index and, without its end, by its headers. Then synthetic recordings of so many events: what
opening, a slice of one second, and `summary` take of CPU. Every measurement is a process of its own; memory is its peak
beside what `import tracer.store` or, for `summary`, analysing 98,608 events takes.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import zlib
from pathlib import Path
from typing import NamedTuple

from synthetic_recording import START_NS, write_recording

from tracer.metadata import Metadata
from tracer.store import Writer
from tracer.store.format import BLOCK_EVENTS, BlockHeader, BlockType, Codec
from tracer.store.index import IndexGrowing
from tracer.store.opening import read_start
from tracer.store.source import Source

SPARSE_BYTES = 10 * 10**9
PAYLOAD_BYTES = 117_000
"""Of a block of 16,384 synthetic events."""
SMALL = 100_000

OPEN = """
import sys, time
from pathlib import Path
from tracer.store import Recording
start = time.process_time()
if sys.argv[1] != "-":
    recording = Recording.open(Path(sys.argv[1]))
print(time.process_time() - start)
"""
SLICE = """
import sys, time
from pathlib import Path
from tracer.batch import Batch
from tracer.store import Recording
recording = Recording.open(Path(sys.argv[1]))
middle = (recording.first_ns + recording.last_ns) // 2
start = time.process_time()
events = sum(len(item) for item in recording.items(middle, middle + 10**9) if isinstance(item, Batch))
print(time.process_time() - start)
"""
SUMMARY = """
import sys, time
from tracer.commands import app
sys.argv[:] = ["reclaim-tracer", "summary", sys.argv[1]]
start = time.process_time()
try:
    app.main()
except SystemExit as ended:
    assert not ended.code, ended.code
print()
print(time.process_time() - start)
"""


class Measured(NamedTuple):
    """One run: seconds and peak resident memory."""

    seconds: float
    peak_kib: int


def measured(code: str, path: Path | str) -> Measured:
    with subprocess.Popen([sys.executable, "-c", code, str(path)], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        output = process.stdout.read()
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
    assert process.returncode == 0
    return Measured(float(output.splitlines()[-1]), usage.ru_maxrss)


def write_sparse(path: Path) -> int:
    """A recording of SPARSE_BYTES with holes for payloads; its blocks."""
    writer = Writer(path, Metadata(start_ns=START_NS))
    writer.close()
    source = Source(path)
    start = read_start(source)
    with path.open("r+b") as file:
        index, offset, sequence = IndexGrowing(), start.end, 1
        index.add(source.read(48, 16))

        def add(kind: BlockType, rows: int, payload: bytes | None) -> None:
            nonlocal offset, sequence
            size = PAYLOAD_BYTES if payload is None else len(payload)
            time_ns = START_NS + sequence * 10**7
            crc = 0 if payload is None else zlib.crc32(payload)
            header = BlockHeader(kind, Codec.STORED, size, size, sequence, rows, time_ns, time_ns + 10**7, crc)
            file.seek(offset)
            file.write(header.pack(start.file_id) + (payload or b""))
            index.add(header.pack(start.file_id))
            offset, sequence = offset + header.block_bytes, sequence + 1

        def add_index() -> None:
            payload, rows = index.payload(), index.rows
            index.restart(offset)
            add(BlockType.INDEX, rows, payload)

        while offset < SPARSE_BYTES:
            add(BlockType.EVENTS, BLOCK_EVENTS, None)
            if index.is_due:
                add_index()
        add_index()
        add(BlockType.END, 1, b'{"index":%d}' % index.offset)
        file.truncate(offset)
    return sequence


def sparse(folder: Path) -> None:
    path = folder / "sparse.rtrace"
    blocks = write_sparse(path)
    base = measured(OPEN, "-")
    print(f"a sparse recording of {path.stat().st_size / 1e9:.1f} GB, {blocks:,} blocks")
    for name in ("by its index", "by its headers"):
        run = measured(OPEN, path)
        print(f"  opened {name:<16}{run.seconds:>9.3f} s {(run.peak_kib - base.peak_kib) / 1024:>8.1f} MiB")
        os.truncate(path, path.stat().st_size - 1)
    path.unlink()


def real(folder: Path, sizes: list[int]) -> None:
    path = folder / "small.rtrace"
    write_recording(path, SMALL)
    opening, summing = measured(OPEN, "-"), measured(SUMMARY, path)
    print(f"{'events':>12} {'file':>9} {'open':>10} {'':>10} {'slice 1 s':>10} {'':>10} {'summary':>10} {'memory':>10}")
    for size in sizes:
        path = folder / f"{size}.rtrace"
        count = write_recording(path, size)
        runs = (
            (measured(OPEN, path), opening),
            (measured(SLICE, path), opening),
            (measured(SUMMARY, path), summing),
        )
        cells = [f"{run.seconds:>8.3f} s {(run.peak_kib - base.peak_kib) / 1024:>6.1f} MiB" for run, base in runs]
        print(f"{count:>12,} {path.stat().st_size / 1e6:>6.0f} MB {' '.join(cells)}")
        path.unlink()
    print(f"a summary of {SMALL:,} events takes {summing.peak_kib / 1024:.1f} MiB")


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as name:
        sparse(Path(name))
        real(Path(name), [int(size) for size in sys.argv[1:]] or [10**6, 10**7])
