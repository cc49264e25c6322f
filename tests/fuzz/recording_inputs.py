"""What fuzzing feeds the reader of recordings, and what must hold of anything that it reads.

An input whose first byte is even is a file as it is; the rest of an odd one is a list of blocks (type, rows, size,
payload), which are put into a file with right checksums and a right index, so that what they hold is looked at.
"""

from __future__ import annotations

import random
import struct
import zlib
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

from store_cases import METADATA, calm_records, records_of_all_kinds, samples_at

from tracer.batch import Batch, LostStretch
from tracer.errors import RecordingError
from tracer.schema import KIND_BY_NAME
from tracer.store import Recording, Writer
from tracer.store.format import (
    FILE_HEAD,
    FILE_MAGIC,
    MOST_NS,
    VERSION_MAJOR,
    VERSION_MINOR,
    BlockHeader,
    BlockType,
    Codec,
)
from tracer.store.index import IndexGrowing
from tracer.store.opening import read_start
from tracer.store.scan import scan
from tracer.store.source import Source
from tracer.store.unpack import unpack

FILE_ID = 7
BLOCK = struct.Struct("<BHH")
MOST_BYTES = 65_535
EXTREME = (b"\0", b"\xff", bytes(8), b"\xff" * 8, b"\xff" * 7 + b"\x7f", bytes(7) + b"\x80", b"9" * 20, b"[" * 40, b'"')
"""Bytes that are the ends of ranges, or mean something in JSON."""
_EVERY_OTHER = frozenset([*KIND_BY_NAME][1::2])
"""Kinds that half of the seed's blocks of events have none of."""


def seed_recording(folder: Path) -> Path:
    """A small recording with every type of block."""
    path = folder / "seed.rtrace"
    writer = Writer(path, METADATA)
    writer.write_symbols({0xFFFFFFFF81234567: "super_cache_scan"})
    for turn in range(3):
        writer.write_events(records_of_all_kinds(40, turn))
        writer.flush()
        writer.write_events(calm_records(40, 1_000 + turn))
        writer.write_samples(samples_at(1_000 + turn, 1_100 + turn))
        writer.write_lost(LostStretch(1_000, 1_200, {"throttled": turn}))
        writer.flush()
    writer.write_note("exit_status", 0)
    writer.close()
    return path


def seeds(folder: Path) -> Iterator[bytes]:
    """The seed recording as a file, as a list of its blocks, and every block alone."""
    path = seed_recording(folder)
    yield b"\0" + path.read_bytes()
    source = Source(path)
    start = read_start(source)
    found = [(block.header, unpack(source, block)) for block in scan(source, start.end, start.file_id, 1).blocks]
    packed = [BLOCK.pack(header.type, header.rows, len(raw)) + raw for header, raw in found if len(raw) <= MOST_BYTES]
    yield b"\1" + b"".join(packed)
    yield from (b"\1" + block for block in packed)


def seed_meta(folder: Path) -> bytes:
    """The seed recording's metadata block."""
    source = Source(seed_recording(folder))
    return unpack(source, scan(source, FILE_HEAD.size, read_start(source).file_id, 0).blocks[0])


@cache
def _material() -> tuple[list[bytes], bytes]:
    """The seeds, and the metadata block."""
    with TemporaryDirectory() as folder:
        known = list(seeds(Path(folder)))
    with TemporaryDirectory() as folder:
        return known, seed_meta(Path(folder))


def case_of(number: int) -> bytes:
    """The file with that number: a seed after one to eight edits."""
    choose = random.Random(f"reader {number}")
    known, meta = _material()
    changed = bytearray(choose.choice(known))
    for _ in range(choose.randint(1, 8)):
        _edit(choose, changed)
    return file_of(bytes(changed), meta)


def _edit(choose: random.Random, data: bytearray) -> None:
    """Set, insert, delete or repeat some bytes, or cut it; the first byte stays."""
    at, length = choose.randrange(1, max(2, len(data))), choose.randint(1, 40)
    new = choose.choice([choose.randbytes(choose.randint(1, 9)), EXTREME[choose.randrange(len(EXTREME))]])
    how = choose.choice(["set", "set", "set", "insert", "delete", "copy", "cut"])
    if how == "set":
        data[at : at + len(new)] = new
    elif how == "insert":
        data[at:at] = new
    elif how == "delete":
        del data[at : at + length]
    elif how == "copy":
        data[at:at] = data[max(1, at - length) : at]
    else:
        del data[at:]


class FileOfBlocks:
    """A file of right blocks with wrong contents."""

    def __init__(self, meta: bytes) -> None:
        self._index = IndexGrowing()
        self._sequence = 0
        self.data = FILE_HEAD.pack(FILE_MAGIC, VERSION_MAJOR, VERSION_MINOR, FILE_ID)
        self.add(BlockType.META, 1, meta)

    def add(self, kind: int, rows: int, payload: bytes, **changes: int) -> None:
        """A block; `changes` are to its header, such as the times of an event that is there alone."""
        crc, size = zlib.crc32(payload), len(payload)
        header = BlockHeader(kind, Codec.STORED, size, size, self._sequence, rows, 0, MOST_NS, crc)
        packed = header._replace(**changes).pack(FILE_ID)
        self._sequence += 1
        self._index.add(packed)
        self.data += packed + payload

    def close(self) -> bytes:
        payload, offset = self._index.payload(), len(self.data)
        self.add(BlockType.INDEX, self._index.rows, payload)
        self.add(BlockType.END, 1, b'{"index":%d}' % offset)
        return self.data


def file_of(data: bytes, meta: bytes) -> bytes:
    """The file an input stands for."""
    if not data or not data[0] & 1:
        return data[1:]
    file, at = FileOfBlocks(meta), 1
    while at + BLOCK.size <= len(data):
        kind, rows, size = BLOCK.unpack_from(data, at)
        at += BLOCK.size
        file.add(kind, rows, data[at : at + size])
        at += size
    return file.close()


def read(path: Path, size: int) -> str:
    """Read everything twice, a part of the time and some kinds once; what was said must agree. How it went."""
    try:
        recording = Recording.open(path)
    except RecordingError:
        return "refused"
    counts, of_kinds = [], []
    for kinds in (None, None, _EVERY_OTHER):
        batches = [item for item in recording.items(kinds=kinds) if isinstance(item, Batch)]
        assert all(len(column) == len(batch) for batch in batches for column in batch.header.values())
        counts.append(sum(map(len, batches)))
        of_kinds.append(
            sum(len(rows) for batch in batches for kind, rows in batch.rows.items() if kind in _EVERY_OTHER)
        )
    assert counts[0] == counts[1] == recording.event_count >= counts[2]
    assert of_kinds[0] == of_kinds[1] == of_kinds[2]
    assert recording.bad_bytes + recording.cut_bytes <= size
    part = sum(len(item) for item in recording.items(1_000, 1_050) if isinstance(item, Batch))
    assert part <= counts[0]
    return "damaged" if recording.bad_blocks or recording.cut_bytes else "read"
