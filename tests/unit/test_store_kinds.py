"""The index of kinds: blocks without a kind are not read for it, and whatever it says, nothing is hidden by it."""

from __future__ import annotations

import os
import struct
from collections import Counter
from collections.abc import Iterable
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from recording_inputs import FileOfBlocks, seed_meta
from store_cases import METADATA, calm_records, events_of, records_of_all_kinds, samples_at, write_recording
from test_store_following import Bytes

from tracer.batch import Batch, Samples
from tracer.schema import KIND_BY_NAME, KIND_BY_NUMBER
from tracer.store import FollowedRecording, Recording, RedactedRecording, RotatingWriter, Rotation, open_recording
from tracer.store.blocks import BlockFile
from tracer.store.event_columns import EventEncoder
from tracer.store.format import BlockType
from tracer.store.kind_index import ANY_KIND, KindsGrowing, mask_of
from tracer.store.opening import read_start
from tracer.store.scan import scan
from tracer.store.source import Source
from tracer.store.table import Block

RARE = "mark_victim"
COMMON = KIND_BY_NUMBER[1].name
RARE_AT = (5, 17)
BLOCKS = 20


def records_with(kind: str, start_ns: int) -> np.ndarray:
    records = calm_records(3, start_ns)
    records["kind"][1] = KIND_BY_NAME[kind].number
    return records


def blocks_with_few_rare() -> list[np.ndarray]:
    starts = range(1_000, 1_000 * (BLOCKS + 1), 1_000)
    return [records_with(RARE if at in RARE_AT else COMMON, start_ns) for at, start_ns in enumerate(starts)]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return write_recording(tmp_path / "x.rtrace", *blocks_with_few_rare(), samples_at(1_500))


@pytest.fixture(params=[1, 3, 7])
def small_indexes(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> int:
    monkeypatch.setattr("tracer.store.index.INDEX_BLOCKS", request.param)
    return request.param


def blocks_of(path: Path) -> list[Block]:
    source = Source(path)
    start = read_start(source)
    return list(scan(source, start.end, start.file_id, 1).blocks)


def of_type(path: Path, kind: BlockType) -> list[Block]:
    return [block for block in blocks_of(path) if block.header.type == kind]


def times_of_kind(recording: Recording, kind: str, *, asked: bool) -> list[int]:
    """All times of a kind, read by asking for it, or picked out of everything."""
    items = recording.items(kinds=frozenset({kind}) if asked else None)
    number = KIND_BY_NAME[kind].number
    found = (item.header for item in items if isinstance(item, Batch))
    return [int(time) for header in found for time in header["time_ns"][header["kind"] == number]]


def read_offsets(recording: Recording, kinds: Iterable[str], monkeypatch: pytest.MonkeyPatch) -> list[int]:
    offsets: list[int] = []
    read = Source.read
    with monkeypatch.context() as patch:
        patch.setattr(Source, "read", lambda self, size, offset: offsets.append(offset) or read(self, size, offset))
        list(recording.items(kinds=frozenset(kinds)))
    return offsets


# What is read.


def test_only_blocks_with_the_kind_are_read(path: Path, small_indexes: int, monkeypatch: pytest.MonkeyPatch) -> None:
    path = write_recording(path.with_name("y.rtrace"), *blocks_with_few_rare(), samples_at(1_500))
    events, (samples,) = of_type(path, BlockType.EVENTS), of_type(path, BlockType.SAMPLES)
    recording = Recording.open(path)
    expected = sorted([*(events[at].offset for at in RARE_AT), samples.offset])
    assert sorted(read_offsets(recording, {RARE}, monkeypatch)) == expected
    assert len(read_offsets(recording, {COMMON}, monkeypatch)) == BLOCKS + 1
    assert len(read_offsets(recording, {RARE, COMMON}, monkeypatch)) == BLOCKS + 1
    assert read_offsets(recording, (), monkeypatch) == [samples.offset]


def test_readings_and_losses_come_whatever_kinds_are_asked_for(path: Path) -> None:
    recording = Recording.open(path)
    assert [type(item) for item in recording.items(kinds=frozenset())] == [Samples]


@settings(max_examples=12)
@given(st.integers(0, 2**32 - 1), st.lists(st.sampled_from([*KIND_BY_NUMBER, 63, 64, 1_000, 65_535]), max_size=3))
def test_what_a_kind_has_is_the_same_either_way(
    tmp_path_factory: pytest.TempPathFactory, seed: int, kinds: list[int]
) -> None:
    random = np.random.default_rng(seed)
    drawn = [records_of_all_kinds(4, seed + at, [*kinds, *random.integers(1, 57, 2)]) for at in range(5)]
    recording = Recording.open(write_recording(tmp_path_factory.mktemp("x") / "x", *drawn))
    counted = Counter(events_of(recording).header["kind"].tolist())
    assert recording.bad_blocks == 0
    for number, kind in KIND_BY_NUMBER.items():
        assert len(times_of_kind(recording, kind.name, asked=True)) == counted[number]


def test_kinds_from_63_on_share_a_bit() -> None:
    assert mask_of([0, 62]) == 1 | 1 << 62
    assert mask_of([63]) == mask_of([64, 65_535]) == 1 << 63


# What it says is held against what there is.


def file_with(folder: Path, masks: list[int], *, rows: int | None = None) -> Path:
    """Blocks with few rare events, whose masks are these."""
    file = FileOfBlocks(seed_meta(folder))
    encoder = EventEncoder(3)
    for records in blocks_with_few_rare():
        first_ns, last_ns = int(records["time_ns"].min()), int(records["time_ns"].max())
        file.add(BlockType.EVENTS, 3, bytes(encoder.encode(records)), first_ns=first_ns, last_ns=last_ns)
    file.add(BlockType.KINDS, len(masks) if rows is None else rows, struct.pack(f"<{len(masks)}Q", *masks))
    path = folder / "y.rtrace"
    path.write_bytes(file.close())
    return path


def right_masks() -> list[int]:
    return [mask_of(set(records["kind"].tolist())) for records in blocks_with_few_rare()]


def test_a_block_that_holds_more_than_its_mask_says_is_bad_for_everybody(tmp_path: Path) -> None:
    masks = right_masks()
    masks[RARE_AT[0]] = mask_of([KIND_BY_NAME[COMMON].number])
    recording = Recording.open(file_with(tmp_path, masks))
    asked = times_of_kind(recording, RARE, asked=True)
    assert asked == times_of_kind(recording, RARE, asked=False) == [1_000 * (RARE_AT[1] + 1) + 10]
    assert (recording.bad_blocks, recording.event_count) == (1, 3 * (BLOCKS - 1))


def test_a_mask_that_says_more_than_there_is_costs_nothing(tmp_path: Path) -> None:
    recording = Recording.open(file_with(tmp_path, [ANY_KIND] * BLOCKS))
    assert len(times_of_kind(recording, RARE, asked=True)) == len(RARE_AT)
    assert (recording.bad_blocks, recording.event_count) == (0, 3 * BLOCKS)


@pytest.mark.parametrize("masks", [[0] * (BLOCKS - 1), [0] * (BLOCKS + 1), []])
def test_masks_of_other_blocks_than_there_are_say_nothing(tmp_path: Path, masks: list[int]) -> None:
    recording = Recording.open(file_with(tmp_path, masks))
    assert recording.bad_blocks == 1
    assert len(times_of_kind(recording, RARE, asked=True)) == len(RARE_AT)
    assert len(events_of(recording)) == 3 * BLOCKS
    assert recording.bad_blocks == 1


def test_a_damaged_index_of_kinds_is_one_bad_block(path: Path) -> None:
    (kinds,) = of_type(path, BlockType.KINDS)
    data = bytearray(path.read_bytes())
    data[kinds.end - 2] ^= 1
    path.write_bytes(data)
    recording = Recording.open(path)
    assert len(times_of_kind(recording, RARE, asked=True)) == len(RARE_AT)
    assert len(events_of(recording)) == 3 * BLOCKS
    assert (recording.bad_blocks, recording.complete) == (1, True)


@pytest.mark.parametrize("lost", [0, 6, BLOCKS - 1])
def test_masks_are_not_put_to_other_blocks_where_one_is_missing(path: Path, lost: int) -> None:
    block = of_type(path, BlockType.EVENTS)[lost]
    data = path.read_bytes()
    path.write_bytes(data[: block.offset] + data[block.end :])
    recording = Recording.open(path)
    assert len(times_of_kind(recording, RARE, asked=True)) == len(RARE_AT)
    assert (recording.bad_blocks, recording.event_count) == (1, 3 * (BLOCKS - 1))


@pytest.mark.parametrize("blocks", [1, 8, BLOCKS + 1, BLOCKS + 2])
def test_a_recording_without_its_end_has_the_same_events(
    tmp_path: Path, small_indexes: int, blocks: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = write_recording(tmp_path / "x.rtrace", *blocks_with_few_rare())
    os.truncate(path, blocks_of(path)[blocks].offset)
    recording = Recording.open(path)
    asked = times_of_kind(recording, RARE, asked=True)
    assert asked == times_of_kind(recording, RARE, asked=False)
    assert (recording.complete, recording.bad_blocks) == (False, 0)


# Recordings that are not written block by block from events.


def test_blocks_taken_over_as_they_are_packed_are_read_for_every_kind(
    path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source, events = Source(path), of_type(path, BlockType.EVENTS)
    packed = [(block.header, source.read(block.header.payload_bytes, block.offset + 48)) for block in events]
    copies = {"packed": packed, "both": packed[:8]}
    for name, taken in copies.items():
        file = BlockFile(tmp_path / name, source.read(blocks_of(path)[0].offset - 64, 64), force=False)
        for header, payload in taken:
            file.append_packed(header, payload)
        if name == "both":
            records = records_with(COMMON, 50_000)
            encoder = EventEncoder(3)
            file.append(BlockType.EVENTS, encoder.encode(records), 3, (50_000, 50_020), encoder.kinds)
        file.append_end()
        file.close()
        recording = Recording.open(tmp_path / name)
        assert len(read_offsets(recording, {RARE}, monkeypatch)) == len(taken)
        assert recording.bad_blocks == 0
    assert of_type(tmp_path / "packed", BlockType.KINDS) == []


def test_files_of_one_recording_each_have_their_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    writer = RotatingWriter(tmp_path / "x.rtrace", METADATA, Rotation(1))
    for records in blocks_with_few_rare():
        writer.write_block(records)
    writer.close()
    recording = open_recording(tmp_path / "x.rtrace")
    assert len(times_of_kind(recording, RARE, asked=True)) == len(RARE_AT)
    assert len(read_offsets(recording, {RARE}, monkeypatch)) == len(RARE_AT)


def test_aliases_are_the_same_whatever_kind_is_asked_for(tmp_path: Path) -> None:
    blocks = blocks_with_few_rare()
    for at, records in enumerate(blocks):
        records["comm"] = f"task number {at}".encode()
    path = write_recording(tmp_path / "x.rtrace", *blocks)
    comms = []
    for kinds in (None, frozenset({RARE})):
        items = RedactedRecording(Recording.open(path)).items(kinds=kinds)
        batches = [item for item in items if isinstance(item, Batch) and RARE in item.rows]
        comms.append([str(batch.header["comm"][0]) for batch in batches])
    assert comms[0] == comms[1]
    assert len(comms[0]) == len(RARE_AT)


def test_a_stream_tells_everything(path: Path) -> None:
    followed = FollowedRecording(Bytes([path.read_bytes()]))
    assert sum(len(item) for item in followed.items(kinds=frozenset({RARE})) if isinstance(item, Batch)) == 3 * BLOCKS
    assert (followed.bad_blocks, followed.complete) == (0, True)


# What it takes.


def test_a_recorder_keeps_eight_bytes_a_block() -> None:
    growing = KindsGrowing()
    for _ in range(4096):
        growing.add(1)
    payload, rows = growing.take()
    assert (len(payload), rows) == (8 * 4096, 4096)
    assert growing.take() == (b"", 0)
