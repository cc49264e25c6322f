"""Cut, flipped and hostile files: good blocks are read, the rest is counted, nothing crashes."""

from __future__ import annotations

import gzip
import json
import os
import random
import struct
import tracemalloc
import zlib
from pathlib import Path

import numpy as np
import pytest
import zstandard
from hypothesis import given, settings
from hypothesis import strategies as st
from store_cases import (
    METADATA,
    calm_records,
    events_of,
    not_root,
    records_of_all_kinds,
    samples_at,
    samples_of,
    times_of,
    write_recording,
)

from tracer.batch import LostStretch
from tracer.errors import RecordingError
from tracer.store import Recording
from tracer.store.encoding import put_frame, put_steps
from tracer.store.event_columns import EventEncoder
from tracer.store.format import (
    BLOCK_HEADER_BYTES,
    BLOCK_MAGIC,
    FILE_HEAD,
    MAX_BLOCK_ROWS,
    MOST_NS,
    VERSION_MINOR,
    BlockHeader,
    BlockType,
    Codec,
)
from tracer.store.payloads import pack_json
from tracer.store.scan import scan
from tracer.store.sink import Sink
from tracer.store.source import Source
from tracer.store.table import Block

PARTS = [calm_records(20, start) for start in (1_000, 2_000, 3_000)]


def blocks_of(path: Path) -> list[Block]:
    file_id = FILE_HEAD.unpack(path.read_bytes()[: FILE_HEAD.size])[3]
    return scan(Source(path), FILE_HEAD.size, file_id, 0).blocks


def event_blocks_of(path: Path) -> list[Block]:
    return [block for block in blocks_of(path) if block.header.type == BlockType.EVENTS]


@pytest.fixture
def path(tmp_path):
    return write_recording(
        tmp_path / "x.rtrace", *PARTS, samples_at(1_500), LostStretch(1_600, 1_700, {"throttled": 3})
    )


def add_block(path: Path, kind: int, payload: bytes, raw: bytes | None = None, **changes: int) -> None:
    """Append a block whose checksums are right, whatever is in it."""
    blocks = blocks_of(path)
    header = BlockHeader(
        kind, Codec.STORED if raw is None else Codec.ZSTD, len(payload), len(payload if raw is None else raw),
        blocks[-1].header.sequence + 1, 1, 0, MOST_NS, zlib.crc32(payload),
    )._replace(**changes)  # fmt: skip
    file_id = FILE_HEAD.unpack(path.read_bytes()[: FILE_HEAD.size])[3]
    with path.open("ab") as file:
        file.write(header.pack(file_id) + payload)


def test_a_file_cut_anywhere_opens_up_to_the_cut(path, tmp_path):
    whole = path.read_bytes()
    blocks, all_times = event_blocks_of(path), [int(time) for part in PARTS for time in part["time_ns"]]
    cut = tmp_path / "cut.rtrace"
    for size in range(1, len(whole)):
        cut.write_bytes(whole[:size])
        # THEN exactly the blocks before the cut are there, and every byte is accounted for
        recording = Recording.open(cut)
        kept = 20 * sum(block.end <= size for block in blocks)
        assert times_of(recording) == all_times[:kept]
        assert recording.event_count == kept
        assert recording.complete is False
        assert recording.bad_blocks == 0
        whole_blocks = [block.end for block in blocks_of(path) if block.end <= size]
        assert recording.cut_bytes == size - max(whole_blocks, default=0)


def test_a_cut_between_blocks_is_not_a_clean_end(path):
    end = blocks_of(path)[-1]
    assert end.header.type == BlockType.END
    os.truncate(path, end.offset)
    recording = Recording.open(path)
    assert (recording.complete, recording.cut_bytes) == (False, 0)
    assert recording.event_count == 60


def test_zeros_after_a_power_cut_are_the_cut_tail(path):
    end = blocks_of(path)[-1]
    os.truncate(path, end.offset)
    os.truncate(path, end.offset + 5_000)
    recording = Recording.open(path)
    assert (recording.cut_bytes, recording.event_count, recording.complete) == (5_000, 60, False)


def flip(path: Path, bit: int) -> None:
    data = bytearray(path.read_bytes())
    data[bit // 8] ^= 1 << bit % 8
    path.write_bytes(data)


def test_one_flipped_bit_costs_one_block(path, tmp_path):
    whole = path.read_bytes()
    blocks = blocks_of(path)
    damaged = tmp_path / "damaged.rtrace"
    bits = random.Random(0).sample(range(blocks[0].end * 8, len(whole) * 8), 1_000)
    for bit in bits:
        damaged.write_bytes(whole)
        flip(damaged, bit)
        hit = next(block for block in blocks if bit // 8 < block.end)
        recording = Recording.open(damaged)
        times, samples = times_of(recording), samples_of(recording)
        # THEN all but the block that was hit is read, and that one is counted
        expected = [block for block in blocks if block.header.type == BlockType.EVENTS and block != hit]
        assert len(times) == recording.event_count == 20 * len(expected)
        assert len(samples) == (hit.header.type != BlockType.SAMPLES)
        assert recording.complete is (hit.header.type != BlockType.END)
        assert recording.bad_bytes + recording.cut_bytes == hit.header.block_bytes
        assert recording.bad_blocks + (recording.cut_bytes > 0) == 1


def test_any_flip_in_the_first_block_is_one_clear_error(path, tmp_path):
    whole, damaged = path.read_bytes(), tmp_path / "damaged.rtrace"
    minor_version = range(10 * 8, 12 * 8)
    for bit in range(0, blocks_of(path)[0].end * 8, 7):
        if bit in minor_version:
            continue
        damaged.write_bytes(whole)
        flip(damaged, bit)
        with pytest.raises(RecordingError) as caught:
            Recording.open(damaged)
        assert str(caught.value).startswith(f"{damaged}: ")
        assert "\n" not in str(caught.value)


def test_a_payload_found_bad_leaves_the_totals(path):
    block = event_blocks_of(path)[2]
    flip(path, (block.offset + BLOCK_HEADER_BYTES) * 8)
    recording = Recording.open(path)
    assert (recording.event_count, recording.bad_blocks) == (60, 0)
    for _ in range(2):
        assert len(events_of(recording)) == 40
        assert (recording.event_count, recording.last_ns) == (40, 2_190)
        assert (recording.bad_blocks, recording.bad_bytes) == (1, block.header.block_bytes)


def test_garbage_between_blocks_is_stepped_over(path):
    data, blocks = path.read_bytes(), event_blocks_of(path)
    garbage = BLOCK_MAGIC * 40_000 + b"\0" * 2_000_000 + BLOCK_MAGIC[:2]
    path.write_bytes(data[: blocks[1].offset] + garbage + data[blocks[1].offset :])
    recording = Recording.open(path)
    assert len(events_of(recording)) == 60
    assert (recording.bad_bytes, recording.bad_blocks, recording.complete) == (len(garbage), 1, True)


@pytest.mark.parametrize("size", range((1 << 20) - 4, (1 << 20) + 4))
def test_a_block_is_found_wherever_the_search_window_ends(path, size):
    data, blocks = path.read_bytes(), event_blocks_of(path)
    path.write_bytes(data[: blocks[1].offset] + bytes(size) + data[blocks[1].offset :])
    assert len(events_of(Recording.open(path))) == 60


def test_a_block_that_comes_again_is_not_read_again(path):
    data, block = path.read_bytes(), event_blocks_of(path)[0]
    path.write_bytes(data + data[block.offset : block.end])
    recording = Recording.open(path)
    assert len(events_of(recording)) == 60
    assert recording.cut_bytes == block.header.block_bytes


def test_a_block_that_is_gone_without_a_trace_is_counted(path):
    data, gone = path.read_bytes(), event_blocks_of(path)[1]
    path.write_bytes(data[: gone.offset] + data[gone.end :])
    recording = Recording.open(path)
    assert times_of(recording) == [*PARTS[0]["time_ns"], *PARTS[2]["time_ns"]]
    assert (recording.bad_blocks, recording.bad_bytes) == (1, 0)


def test_blocks_of_another_recording_are_not_taken_for_this_ones(path, tmp_path):
    # GIVEN old content after the end of the file, as a file system may leave it
    other = write_recording(tmp_path / "other", calm_records(20, 9_000))
    stale = other.read_bytes()
    with path.open("ab") as file:
        file.write(stale)
    recording = Recording.open(path)
    assert max(times_of(recording)) < 9_000
    assert recording.cut_bytes == len(stale)


def test_unknown_block_types_are_passed_over(path):
    add_block(path, 999, b"from a later minor version")
    recording = Recording.open(path)
    assert len(events_of(recording)) == 60
    assert (recording.bad_blocks, recording.cut_bytes) == (0, 0)


def test_a_later_minor_version_is_read(path):
    data = bytearray(path.read_bytes())
    struct.pack_into("<H", data, 10, 7)
    path.write_bytes(data)
    assert len(events_of(Recording.open(path))) == 60


def encoded(put, values) -> bytes:
    sink = Sink()
    put(sink, values)
    return bytes(sink.view())


BOMB = zstandard.ZstdCompressor().compress(bytes(300 << 20))
HUGE_SAMPLES = b"".join(
    [
        struct.pack("<I", 400_001),
        pack_json(["a"] * 100_000),
        encoded(put_steps, np.zeros(MAX_BLOCK_ROWS, np.int64)),
        encoded(put_frame, np.zeros(100_000, np.int64)),
        encoded(put_frame, np.zeros(1, np.int64)),
    ]
)
EVENTS = bytes(EventEncoder(20).encode(records_of_all_kinds(20)))


@pytest.mark.parametrize(
    ("kind", "payload", "changes"),
    [
        (BlockType.EVENTS, b"", {}),
        (BlockType.EVENTS, EVENTS, {"rows": 19}),
        (BlockType.EVENTS, EVENTS, {"rows": 2**32 - 1}),
        (BlockType.EVENTS, EVENTS, {"rows": MAX_BLOCK_ROWS}),
        (BlockType.EVENTS, EVENTS[:-1], {"rows": 20}),
        (BlockType.EVENTS, EVENTS, {"rows": 20, "codec": 77}),
        (BlockType.EVENTS, EVENTS, {"rows": 20, "codec": Codec.ZSTD}),
        (BlockType.EVENTS, EVENTS, {"rows": 20, "raw_bytes": 5}),
        (BlockType.EVENTS, EVENTS, {"rows": 20, "raw_bytes": 2**32 - 1}),
        (BlockType.EVENTS, BOMB, {"codec": Codec.ZSTD, "raw_bytes": 300 << 20}),
        (BlockType.EVENTS, BOMB, {"codec": Codec.ZSTD, "raw_bytes": 100}),
        (BlockType.SAMPLES, b"\xff\xff\xff\xff[]", {}),
        (BlockType.SAMPLES, struct.pack("<I", 8) + b'{"a": 1}', {}),
        (BlockType.SAMPLES, struct.pack("<I", 2) + b"[]", {"rows": 0}),
        (BlockType.SAMPLES, HUGE_SAMPLES, {"rows": MAX_BLOCK_ROWS}),
        (BlockType.LOST, b'[[1,2,{"a":"b"}]]', {}),
        (BlockType.LOST, b"[[1e999,2,{}]]", {}),
        (BlockType.LOST, b"7", {}),
        (BlockType.SYMBOLS, b'{"no hex": "name"}', {}),
        (BlockType.SYMBOLS, b"[1]", {}),
        (BlockType.SYMBOLS, b"[" * 100_000, {}),
        (BlockType.NOTE, b'{"value": 1}', {}),
        (BlockType.NOTE, b"\xff", {}),
        (BlockType.END, b"x", {"codec": 77}),
    ],
)
def test_a_block_that_lies_with_right_checksums_is_a_bad_block(path, kind, payload, changes):
    add_block(path, kind, payload, **changes)
    recording = Recording.open(path)
    assert len(events_of(recording)) == 60
    assert recording.bad_blocks == 1
    assert recording.bad_bytes == BLOCK_HEADER_BYTES + len(payload)


@pytest.mark.parametrize("raw_bytes", [100, 300 << 20])
def test_a_small_block_that_unpacks_to_much_is_not_unpacked(path, raw_bytes):
    add_block(path, BlockType.EVENTS, BOMB, codec=Codec.ZSTD, raw_bytes=raw_bytes)
    recording = Recording.open(path)
    tracemalloc.start()
    try:
        assert len(events_of(recording)) == 60
        assert tracemalloc.get_traced_memory()[1] < 10 << 20
    finally:
        tracemalloc.stop()
    assert recording.bad_blocks == 1


@settings(max_examples=300)
@given(st.data())
def test_decoders_survive_changed_payloads(tmp_path_factory, data):
    payload = bytearray(EVENTS)
    for _ in range(data.draw(st.integers(1, 4))):
        payload[data.draw(st.integers(0, len(payload) - 1))] = data.draw(st.integers(0, 255))
    path = write_recording(tmp_path_factory.mktemp("x") / "x.rtrace")
    add_block(path, BlockType.EVENTS, bytes(payload), rows=20)
    recording = Recording.open(path)
    events = events_of(recording)
    # THEN the block is whole or bad, and columns that are whole have one value an event
    assert len(events) == 20 * (1 - recording.bad_blocks)
    assert all(len(column) == len(events) for column in events.header.values())


def test_counts_of_the_end_block(path):
    block = blocks_of(path)[-1]
    payload = path.read_bytes()[block.offset + BLOCK_HEADER_BYTES : block.end]
    raw = zstandard.decompress(payload) if block.header.codec == Codec.ZSTD else payload
    ending = json.loads(raw)
    assert ending["blocks"] == block.header.sequence
    assert ending["counts"] == {"meta": 1, "events": 60, "samples": 1, "lost": 1, "index": 7, "kinds": 3}


def rejected(path: Path) -> str:
    with pytest.raises(RecordingError) as caught:
        Recording.open(path)
    message = str(caught.value)
    assert caught.value.exit_code == 4
    assert message.startswith(str(path)) or "\n" in str(path)
    assert message.isprintable()
    return message


def test_what_is_no_recording_is_said_in_one_line(tmp_path):
    path = tmp_path / "f"
    assert "No such file" in rejected(path)
    assert "is a directory" in rejected(tmp_path)
    path.write_bytes(b"")
    assert rejected(path).endswith("is empty")
    path.write_bytes(b"\x1b[31m<script>\n" * 100)
    assert "not a reclaim-tracer recording: it begins with bytes 1b 5b 33 31 6d " in rejected(path)
    for head, said in (
        (gzip.compress(b"# tracer: nop"), "is compressed by gzip, not a reclaim-tracer recording"),
        (b"\x17\x08\x44tracing6\0", "is a trace.dat of trace-cmd"),
        (b"PERFILE2" + bytes(100), "is a perf.data of perf"),
        (b"# tracer: nop\n#\n", "is text, not a reclaim-tracer recording"),
    ):
        path.write_bytes(head)
        message = rejected(path)
        assert said in message
        assert "`reclaim-tracer import`" in message
    os.mkfifo(tmp_path / "pipe")
    assert "is a pipe" in rejected(tmp_path / "pipe")
    named = tmp_path / "new\nline"
    named.write_bytes(b"")
    assert "is empty" in rejected(named)


def test_a_newer_version_is_said_in_one_line(path):
    data = bytearray(path.read_bytes())
    struct.pack_into("<H", data, 8, 2)
    path.write_bytes(data)
    assert f"format version 2.{VERSION_MINOR}, this reclaim-tracer reads 1.x; update" in rejected(path)


@pytest.mark.parametrize(
    "mangle",
    [
        lambda data: data.replace(b"\r\n", b"\n"),
        lambda data: data.replace(b"\n", b"\r\n"),
        lambda data: bytes(byte & 0x7F for byte in data),
    ],
    ids=["CR dropped", "CR added", "high bit dropped"],
)
def test_a_recording_sent_as_text_is_recognised(path, mangle):
    path.write_bytes(mangle(path.read_bytes()))
    assert "probably sent as text" in rejected(path)


def test_no_permission_is_said_in_one_line(path):
    path.chmod(0)
    with not_root():
        assert "Permission denied" in rejected(path)


def test_a_description_of_wrong_types_is_refused(tmp_path, monkeypatch):
    description = {"metadata": {"start_ns": "soon"}, "kinds": []}
    monkeypatch.setattr("tracer.store.writer._description", lambda metadata: description)
    assert "first block (the metadata) is damaged" in rejected(write_recording(tmp_path / "x"))


@pytest.mark.parametrize("description", [[], {}, {"metadata": {}}, {"metadata": {}, "kinds": [1]}, "x", None, 7])
def test_a_description_of_wrong_shape_is_refused(tmp_path, monkeypatch, description):
    monkeypatch.setattr("tracer.store.writer._description", lambda metadata: description)
    assert "first block (the metadata) is damaged" in rejected(write_recording(tmp_path / "x"))


def test_two_bad_blocks_of_equal_content_count_as_two(path):
    for block in event_blocks_of(path)[:2]:
        flip(path, (block.offset + BLOCK_HEADER_BYTES) * 8)
    recording = Recording.open(path)
    assert np.array_equal(times_of(recording), PARTS[2]["time_ns"])
    assert recording.bad_blocks == 2
    assert recording.metadata == METADATA
