"""Opening by the index: as by reading every header, only without reading them."""

from __future__ import annotations

import errno
import os
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from store_cases import (
    METADATA,
    assert_same_batch,
    calm_records,
    events_of,
    records_of_all_kinds,
    samples_at,
    samples_of,
    times_of,
    write_recording,
)

from tracer.batch import Batch
from tracer.errors import RecordingError
from tracer.store import Recording
from tracer.store.format import BLOCK_HEADER_BYTES, BlockType
from tracer.store.index import indexed
from tracer.store.opening import read_start
from tracer.store.scan import Scan, scan
from tracer.store.source import Source

VERSION_1_0 = Path(__file__).parent / "data" / "version-1.0.rtrace"
KINDS_OF_VERSION_1_0 = range(1, 41)
"""The file is as format version 1.0 wrote it: records of these kinds, then calm_records(1_000)."""
METADATA_OF_VERSION_1_0 = replace(
    METADATA, start_utc_ns=0, cpus=1, absent_fields={"virtballoon_free_page_report": ("reported_pages",)}
)
"""The file does not say what the wall clock was, and its version had no column for the pages of a report."""


@pytest.fixture
def path(tmp_path):
    return write_recording(tmp_path / "x.rtrace", *(calm_records(3, start) for start in range(1_000, 21_000, 1_000)))


@pytest.fixture(params=[1, 3, 4096])
def small_indexes(request, monkeypatch):
    monkeypatch.setattr("tracer.store.index.INDEX_BLOCKS", request.param)


def by_both(path: Path) -> tuple[Scan | None, Scan]:
    source = Source(path)
    start = read_start(source)
    return indexed(source, start.file_id), scan(source, start.end, start.file_id, 1)


def test_the_index_says_what_the_headers_say(small_indexes, path):
    found, expected = by_both(path)
    assert found is not None
    assert list(found.blocks) == list(expected.blocks)
    assert (found.lost_blocks, found.lost_bytes, found.cut_bytes) == (0, 0, 0)


def test_opening_by_the_index_reads_no_other_headers(path, monkeypatch):
    reads: list[int] = []
    read = Source.read
    monkeypatch.setattr(Source, "read", lambda self, size, offset: reads.append(offset) or read(self, size, offset))
    assert Recording.open(path).event_count == 60
    opening = set(reads)
    blocks = by_both(path)[1].blocks
    assert not opening & {block.offset for block in blocks if block.header.type == BlockType.EVENTS}


def test_a_slice_reads_only_the_blocks_of_its_time(path, monkeypatch):
    recording = Recording.open(path)
    sizes: list[int] = []
    read = Source.read
    monkeypatch.setattr(Source, "read", lambda self, size, offset: sizes.append(size) or read(self, size, offset))
    assert len(events_of(recording, 5_000, 7_000)) == 6
    assert len(sizes) == 2


@pytest.mark.parametrize("change", [1, 40, 5_000])
def test_a_file_whose_bytes_moved_is_read_by_its_headers(path, change):
    data, block = path.read_bytes(), by_both(path)[1].blocks[7]
    path.write_bytes(data[: block.offset] + bytes(change) + data[block.offset :])
    assert by_both(path)[0] is None
    recording = Recording.open(path)
    assert len(times_of(recording)) == 60
    assert (recording.bad_blocks, recording.bad_bytes) == (1, change)


def test_a_block_that_is_not_what_the_index_says_is_bad(path):
    data, block = bytearray(path.read_bytes()), by_both(path)[1].blocks[7]
    data[block.offset : block.end] = bytes(block.end - block.offset)
    path.write_bytes(data)
    recording = Recording.open(path)
    assert (recording.event_count, recording.bad_blocks) == (60, 0)
    assert len(times_of(recording)) == 57
    assert (recording.event_count, recording.bad_blocks, recording.bad_bytes) == (57, 1, block.header.block_bytes)


def test_a_damaged_index_is_one_bad_block(small_indexes, path):
    index = next(block for block in by_both(path)[1].blocks if block.header.type == BlockType.INDEX)
    data = bytearray(path.read_bytes())
    data[index.offset + BLOCK_HEADER_BYTES + 2] ^= 1
    path.write_bytes(data)
    recording = Recording.open(path)
    assert len(times_of(recording)) == 60
    assert (recording.bad_blocks, recording.complete) == (1, True)


@settings(max_examples=60)
@given(st.data())
def test_any_change_is_noticed_or_harmless(tmp_path_factory, data):
    path = write_recording(tmp_path_factory.mktemp("x") / "x", *(calm_records(3, start) for start in (1_000, 2_000)))
    whole = path.read_bytes()
    first = by_both(path)[1].blocks[0].offset
    changed = bytearray(whole)
    for _ in range(data.draw(st.integers(1, 5))):
        # How long the file is depends on its random id, which what is drawn must not.
        at = data.draw(st.integers(0, 1 << 16)) % (len(whole) - first)
        changed[first + at] = data.draw(st.integers(0, 255))
    path.write_bytes(changed)
    recording = Recording.open(path)
    times = times_of(recording)
    assert set(times) <= set(calm_records(3, 1_000)["time_ns"]) | set(calm_records(3, 2_000)["time_ns"])
    undamaged = recording.bad_blocks == 0 and recording.cut_bytes == 0
    assert undamaged is (changed == whole)


YOUNGER_FIELDS = {"out_of_memory_begin": ("gfp_flags", "order", "memcg_id"), "out_of_memory_end": ("constraint",)}
"""What these kinds did not have then: zero, and named as absent."""


def test_a_recording_of_version_1_0_is_read():
    recording = Recording.open(VERSION_1_0)
    expected = np.concatenate([records_of_all_kinds(60, 7, KINDS_OF_VERSION_1_0), calm_records(1_000)])
    expected["cgroup_id"] = 0
    batch = Batch.from_records(expected)
    for kind, fields in ((kind, YOUNGER_FIELDS[kind]) for kind in YOUNGER_FIELDS.keys() & batch.args.keys()):
        for name in fields:
            batch.args[kind][name][:] = 0
    assert_same_batch(events_of(recording), batch)
    assert samples_of(recording)[0].values.tolist() == samples_at(1_500, 1_700).values.tolist()
    absent = METADATA_OF_VERSION_1_0.absent_fields | YOUNGER_FIELDS
    assert recording.metadata == replace(METADATA_OF_VERSION_1_0, absent_fields=absent)
    assert recording.symbols == {0xFFFFFFFF81234567: "super_cache_scan"}
    assert recording.notes == {"exit_status": 0}
    assert (recording.complete, recording.bad_blocks, recording.cut_bytes) == (True, 0, 0)


@pytest.mark.parametrize("reads_before", [0, 1, 3, 7, 12])
def test_a_disk_that_fails_while_reading_is_one_clear_error(path, monkeypatch, reads_before):
    left = iter(range(reads_before))
    pread = os.pread

    def failing(descriptor: int, size: int, offset: int) -> bytes:
        if next(left, None) is None:
            raise OSError(errno.EIO, "x")
        return pread(descriptor, size, offset)

    monkeypatch.setattr(os, "pread", failing)
    with pytest.raises(RecordingError, match=r"x\.rtrace: can't be read: Input/output error") as caught:
        events_of(Recording.open(path))
    assert caught.value.exit_code == 4


def test_short_reads_are_continued(path, monkeypatch):
    pread = os.pread
    monkeypatch.setattr(os, "pread", lambda descriptor, size, offset: pread(descriptor, min(size, 7), offset))
    recording = Recording.open(path)
    assert len(times_of(recording)) == 60
    assert (recording.bad_blocks, recording.cut_bytes, recording.complete) == (0, 0, True)
