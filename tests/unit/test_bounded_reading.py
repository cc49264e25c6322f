"""Small files made to be large or slow: read, judged or refused in bounded memory and CPU time, in one line at most."""

from __future__ import annotations

import json
import os
import resource
import struct
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import zstandard
from recording_inputs import FileOfBlocks
from store_cases import METADATA

from tracer.schema import KIND_BY_NAME
from tracer.store.columns import Encoding
from tracer.store.encoding import frame_head, put_frame
from tracer.store.format import MAX_BLOCK_ROWS, BlockType, Codec
from tracer.store.kinds import kind_table
from tracer.store.sink import Sink

MOST_RSS_MIB = 512
MOST_CPU_S = 60
"""For each of these files, none larger than 400 KiB, on a slow machine: most take some seconds."""
START_NS = METADATA.start_ns
MIB = 1 << 20
ENTER = "import sys; from tracer.commands.entry import main; sys.argv[0] = 'reclaim-tracer'; sys.exit(main())"


def packed(file: FileOfBlocks, kind: int, rows: int, raw: bytes, **changes: int) -> None:
    payload = zstandard.ZstdCompressor(level=3).compress(raw)
    file.add(kind, rows, payload, **{"codec": Codec.ZSTD, "raw_bytes": len(raw), **changes})


def constant(value: int) -> bytes:
    return frame_head(value, 0)


def frame(values: np.ndarray) -> bytes:
    sink = Sink()
    put_frame(sink, values)
    return bytes(sink.view())


def events(file: FileOfBlocks, kinds: tuple[str, ...], rows: int, start_ns: int, step_ns: int, **args: bytes) -> None:
    """Equal events of one thread, the kinds in turn; arguments by field, the others are 1."""
    numbers = [KIND_BY_NAME[kind].number for kind in kinds]
    raw = struct.pack("<BBQ", Encoding.DELTA, 0, start_ns) + constant(step_ns)
    raw += struct.pack("<I", 1) + constant(10) + constant(10) + b"a".ljust(16, b"\0") + constant(0)
    raw += frame(np.tile(np.array(numbers, np.int64), rows // len(kinds))) + constant(0)
    for kind in kinds:
        raw += b"".join(args.get(field, constant(1)) for field, _ in KIND_BY_NAME[kind].fields)
    packed(file, BlockType.EVENTS, rows, raw, first_ns=start_ns, last_ns=start_ns + step_ns * (rows - 1))


def index_chain(file: FileOfBlocks) -> None:
    rows, previous = 250 * MIB // 48, 0
    for _ in range(3):
        offset = len(file.data)
        packed(file, BlockType.INDEX, rows, struct.pack("<Q", previous) + bytes(rows * 48))
        previous = offset
    file.add(BlockType.END, 1, json.dumps({"index": previous}).encode())


def equal_events(rows: int, blocks: int, step_ns: int) -> Callable[[FileOfBlocks], None]:
    def add(file: FileOfBlocks) -> None:
        for number in range(blocks):
            events(file, ("lru_shrink_inactive",), rows, START_NS + number * rows * step_ns, step_ns)

    return add


def note_of_lists(file: FileOfBlocks) -> None:
    packed(file, BlockType.NOTE, 1, b'{"key":"x","value":[' + b"[]," * (85 * MIB) + b"[]]}")


def notes_within_bounds(file: FileOfBlocks) -> None:
    for number in range(5):
        packed(file, BlockType.NOTE, 1, b'{"key":"%d","value":[%s[]]}' % (number, b"[]," * (4 * MIB // 3 - 100)))


def shrinkers(file: FileOfBlocks) -> None:
    rows = 8192
    for number in range(7):
        own = frame(np.arange(rows) + rows * number + 4096)
        begin = START_NS + number * rows * 2000
        events(file, ("shrink_slab_start", "shrink_slab_end"), 2 * rows, begin, 1000, shrink=own, shr=own)


def readings(file: FileOfBlocks) -> None:
    names = json.dumps([f"vmstat.n{number}" for number in range(200)]).encode()
    for number in range(64):
        start_ns = START_NS + number * 4096
        raw = struct.pack("<I", len(names)) + names + struct.pack("<BBQ", Encoding.DELTA, 0, start_ns) + constant(1)
        raw += constant(5) + constant(0)
        packed(file, BlockType.SAMPLES, 4096, raw, first_ns=start_ns, last_ns=start_ns + 4095)


def losses(file: FileOfBlocks) -> None:
    for number in range(3):
        rows = [[START_NS + 2 * at, START_NS + 2 * at + 1, {}] for at in range(number << 16, (number + 1) << 16)]
        packed(file, BlockType.LOST, 1, json.dumps(rows, separators=(",", ":")).encode())


@pytest.mark.parametrize(
    ("add", "refused"),
    [
        pytest.param(index_chain, "", id="3 INDEX blocks that unpack to 250 MiB each"),
        pytest.param(equal_events(1 << 20, 50, 1000), "", id="50 blocks of a million equal events"),
        pytest.param(equal_events(MAX_BLOCK_ROWS, 100, 1), "claims 6,553,600 events", id="6.5 million equal events"),
        pytest.param(equal_events(MAX_BLOCK_ROWS, 60, 0), "needs more than 400 MiB", id="4 million at one time"),
        pytest.param(note_of_lists, "", id="a note of 255 MiB of lists"),
        pytest.param(notes_within_bounds, "", id="5 notes of 4 MiB of lists"),
        pytest.param(shrinkers, "", id="57,344 shrinkers"),
        pytest.param(readings, "needs more than 400 MiB", id="262,144 readings of 200 counters"),
        pytest.param(losses, "", id="196,608 lost stretches"),
    ],
)
def test_a_small_file_made_to_be_large_is_judged_or_refused_in_bounds(
    tmp_path: Path, add: Callable[[FileOfBlocks], None], refused: str
) -> None:
    file = FileOfBlocks(json.dumps({"metadata": METADATA.to_json(), "kinds": kind_table()}).encode())
    add(file)
    path = tmp_path / "x.rtrace"
    path.write_bytes(file.close())
    exit_code, stderr, usage = run("summary", str(path))
    assert "Traceback" not in stderr
    assert "Warning" not in stderr
    assert (exit_code, stderr.count("\n")) == ((4, 1) if refused else (0, 0))
    assert refused in stderr
    assert usage.ru_maxrss / 1024 <= MOST_RSS_MIB


def run(*words: str) -> tuple[int, str, resource.struct_rusage]:
    """The tool under a limit on CPU time: exit code, stderr, what it used.

    Started by a small process, since a child's peak counts from its parent's memory.
    """
    starter = f"""
import os, resource, sys
pid = os.fork()
if not pid:
    resource.setrlimit(resource.RLIMIT_CPU, ({MOST_CPU_S}, {MOST_CPU_S}))
    os.execv(sys.executable, [sys.executable, "-c", {ENTER!r}, *sys.argv[1:]])
_, status, usage = os.wait4(pid, 0)
print(os.waitstatus_to_exitcode(status), *usage)
"""
    done = subprocess.run(
        [sys.executable, "-c", starter, *words], capture_output=True, text=True, check=True, env={**os.environ}
    )
    status, *numbers = done.stdout.splitlines()[-1].split()
    return int(status), done.stderr, resource.struct_rusage(map(float, numbers))
