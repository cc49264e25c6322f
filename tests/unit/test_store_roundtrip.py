"""What is written is what is read."""

from __future__ import annotations

import json
import tempfile
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from store_cases import (
    METADATA,
    UNKNOWN_KIND,
    assert_same_batch,
    calm_records,
    events_of,
    records_of_all_kinds,
    samples_at,
    samples_of,
    times_of,
    write_recording,
)

from tracer.batch import Batch, LostStretch, Samples
from tracer.metadata import BalloonInfo, PlanRow, SourceState
from tracer.schema import EVENT_DTYPE, KINDS, SAMPLE_NULL
from tracer.store import Recording, Writer
from tracer.store.format import BLOCK_EVENTS
from tracer.store.kinds import kind_table
from tracer.store.payloads import decode_samples, encode_samples


@pytest.fixture
def path(tmp_path):
    return tmp_path / "x.rtrace"


@settings(max_examples=40)
@given(st.lists(st.integers(0, 400), max_size=5), st.integers(0, 2**32), st.booleans())
def test_any_records_come_back(sizes, seed, flush_each):
    parts = [records_of_all_kinds(size, seed + turn) for turn, size in enumerate(sizes)]
    with tempfile.TemporaryDirectory() as folder:
        recording = Recording.open(write_recording(Path(folder) / "x", *parts, flush_each=flush_each))
        expected = np.concatenate([np.empty(0, EVENT_DTYPE), *parts])
        assert_same_batch(events_of(recording), Batch.from_records(expected))
        assert recording.event_count == len(expected)
        assert (recording.complete, recording.bad_blocks, recording.cut_bytes) == (True, 0, 0)


@pytest.mark.parametrize("rows", [1, 2, 199, 200])
def test_a_small_block_after_a_large_one_comes_back(path, rows):
    large = records_of_all_kinds(200)
    small = large[:rows]
    assert_same_batch(
        events_of(Recording.open(write_recording(path, large, small, large))),
        Batch.from_records(np.concatenate([large, small, large])),
    )


def test_every_kind_and_an_unknown_one_come_back(path):
    records = records_of_all_kinds(5_000)
    batch = events_of(Recording.open(write_recording(path, records)))
    assert set(batch.rows) == {kind.name for kind in KINDS}
    assert UNKNOWN_KIND in batch.header["kind"]
    assert_same_batch(batch, Batch.from_records(records))


def test_records_of_any_memory_layout_come_back(path):
    records = records_of_all_kinds(600)
    assert_same_batch(
        events_of(Recording.open(write_recording(path, records[::-3]))), Batch.from_records(records[::-3])
    )


def test_the_writer_copies_what_it_is_given(path):
    writer, records = Writer(path, METADATA), calm_records(10)
    writer.write_events(records)
    records["time_ns"] = 0
    writer.close()
    assert times_of(Recording.open(path)) == calm_records(10)["time_ns"].tolist()


@pytest.mark.parametrize("sizes", [(BLOCK_EVENTS * 2 + 5,), (10, BLOCK_EVENTS * 2), (BLOCK_EVENTS - 1, 1, 1)])
def test_large_writes_become_blocks_of_bounded_size(path, sizes):
    parts = np.split(calm_records(sum(sizes)), np.cumsum(sizes)[:-1])
    recording = Recording.open(write_recording(path, *parts, flush_each=False))
    blocks = [item for item in recording.items() if isinstance(item, Batch)]
    assert max(map(len, blocks)) == BLOCK_EVENTS
    assert times_of(recording) == calm_records(sum(sizes))["time_ns"].tolist()


@given(
    st.integers(1, 30).flatmap(
        lambda rows: st.integers(0, 6).flatmap(
            lambda names: st.lists(
                st.integers(SAMPLE_NULL, 2**63 - 1), min_size=rows * (names + 1), max_size=rows * (names + 1)
            ).map(lambda numbers: np.array(numbers, np.int64).reshape(rows, names + 1))
        )
    )
)
def test_any_samples_come_back(numbers):
    samples = Samples(numbers[:, 0], tuple(f"n{i}" for i in range(numbers.shape[1] - 1)), numbers[:, 1:])
    back = decode_samples(encode_samples(samples), len(samples))
    assert back.names == samples.names
    assert back.time_ns.tolist() == samples.time_ns.tolist()
    assert back.values.tolist() == samples.values.tolist()


def test_samples_of_the_same_counters_share_a_block(path):
    other = samples_at(30, names=("vmstat.oom_kill",))
    writer = Writer(path, METADATA)
    for samples in (samples_at(10), samples_at(20), other, samples_at(40)):
        writer.write_samples(samples)
    writer.close()
    back = samples_of(Recording.open(path))
    assert [samples.time_ns.tolist() for samples in back] == [[10, 20], [30], [40]]
    assert back[0].values.tolist() == samples_at(10, 20).values.tolist()
    assert back[1].names == other.names


def test_many_samples_at_once_are_split(path):
    samples = samples_at(*range(10_000))
    back = samples_of(Recording.open(write_recording(path, samples)))
    assert len(back) > 1
    assert np.concatenate([part.values for part in back]).tolist() == samples.values.tolist()


def test_everything_else_comes_back(path):
    metadata = replace(
        METADATA,
        balloon=BalloonInfo("virtio_balloon", "virtio0", ("DEFLATE_ON_OOM",), "oom_notifier"),
        plan=(PlanRow("throttled", "vmscan:mm_vmscan_throttled", SourceState.ABSENT, "no such tracepoint"),),
        absent_fields={"shrink_slab_start": ("memcg_id",)},
    )
    lost = LostStretch(5_000, 6_000, {"shrink_slab_end": 7, "throttled": 1})
    writer = Writer(path, metadata)
    writer.write_symbols({0xFFFFFFFF81234567: "super_cache_scan"})
    writer.flush()
    writer.write_symbols({0x10: "näme\n\udcff"})
    writer.write_cgroups({1: "/"})
    writer.write_lost(lost)
    writer.flush()
    writer.write_cgroups({4711: "/a.slice/ü\n\udcff"})
    writer.write_note("exit_status", 1)
    writer.write_note("exit_status", {"code": 0, "signal": None})
    writer.close()
    recording = Recording.open(path)
    assert recording.metadata == metadata
    assert recording.symbols == {0xFFFFFFFF81234567: "super_cache_scan", 0x10: "näme\n\udcff"}
    assert recording.cgroups == {1: "/", 4711: "/a.slice/ü\n\udcff"}
    assert recording.notes == {"exit_status": {"code": 0, "signal": None}}
    assert list(recording.items()) == [lost]


def test_a_task_in_two_cgroups_is_told_apart_and_takes_no_room_in_the_file(path, tmp_path):
    records = calm_records(50_000)
    plain = write_recording(tmp_path / "plain", records).stat().st_size
    records["cgroup_id"][20_000:] = 4711
    batch = events_of(Recording.open(write_recording(path, records)))
    assert batch.header["cgroup_id"].tolist() == records["cgroup_id"].tolist()
    assert path.stat().st_size - plain < 200


def test_a_recording_of_nothing_is_whole(path):
    recording = Recording.open(write_recording(path))
    assert list(recording.items()) == []
    assert (recording.complete, recording.event_count) == (True, 0)
    assert recording.first_ns == recording.last_ns == METADATA.start_ns


def test_extent_covers_events_and_samples(path):
    recording = Recording.open(write_recording(path, calm_records(3, start_ns=500), samples_at(100, 900)))
    assert (recording.first_ns, recording.last_ns) == (500, 900)


def test_a_range_clips_events_samples_and_stretches(path):
    # GIVEN three blocks of events, samples across the range's edge, one stretch inside, one outside
    inside, outside = LostStretch(1_900, 2_000, {"throttled": 1}), LostStretch(0, 10, {"throttled": 1})
    parts = [calm_records(100, start) for start in (1_000, 2_000, 3_000)]
    recording = Recording.open(write_recording(path, *parts, samples_at(1_000, 1_995, 2_500), inside, outside))
    items = list(recording.items(1_990, 2_500))
    # THEN the range is half open: its start belongs to it, its end does not
    times = np.concatenate([item.header["time_ns"] for item in items if isinstance(item, Batch)])
    assert times.tolist() == [1_990, *range(2_000, 2_500, 10)]
    assert [item.time_ns.tolist() for item in items if isinstance(item, Samples)] == [[1_995]]
    assert [item for item in items if isinstance(item, LostStretch)] == [inside]


def test_blocks_outside_the_range_are_not_decoded(path, monkeypatch):
    recording = Recording.open(write_recording(path, *(calm_records(10, start) for start in (1_000, 2_000, 3_000))))
    decoded = []
    decode = Recording._decode
    monkeypatch.setattr(Recording, "_decode", lambda *block: decoded.append(block) or decode(*block))
    assert len(list(recording.items(2_000, 2_050))) == 1
    assert len(decoded) == 1


def test_arguments_left_out_are_missing_and_nothing_else(path):
    recording = Recording.open(write_recording(path, calm_records(10)))
    (whole,) = recording.items()
    kind = next(iter(whole.args))
    name, *others = whole.args[kind]
    (part,) = recording.items(leave_out={kind: frozenset({name})})
    assert list(part.args[kind]) == others
    assert all(np.array_equal(part.args[kind][other], whole.args[kind][other]) for other in others)
    assert part.args.keys() == whole.args.keys()
    assert all(np.array_equal(part.header[column], whole.header[column]) for column in whole.header)


def test_a_recording_is_readable_while_it_is_written(path):
    writer = Writer(path, METADATA)
    writer.write_events(calm_records(5))
    writer.flush()
    writer.write_events(calm_records(5, 9_000))
    recording = Recording.open(path)
    assert times_of(recording) == calm_records(5)["time_ns"].tolist()
    assert (recording.complete, recording.cut_bytes) == (False, 0)
    assert writer.events_written == 5
    assert writer.bytes_written == path.stat().st_size
    writer.close()


def with_kind_table(path: Path, monkeypatch, change) -> Path:
    """A recording by a tool whose table of kinds differs: the columns are written as this tool would."""
    table = json.loads(json.dumps(kind_table()))
    change({row["name"]: row for row in table})
    monkeypatch.setattr("tracer.store.writer.kind_table", lambda: table)
    return path


def test_a_field_the_recording_lacks_is_zero_and_named_absent(path, monkeypatch):
    # GIVEN a recording by an older tool, whose kswapd_sleep had its only field under no name known today
    def change(kinds):
        kinds["kswapd_sleep"]["fields"][0][0] = "node_of_old"
        kinds["mark_victim"]["fields"][-1][1] = "u8"

    records = records_of_all_kinds(3_000)
    write_recording(with_kind_table(path, monkeypatch, change), records)
    recording = Recording.open(path)
    assert recording.metadata.absent_fields["kswapd_sleep"] == ("nid",)
    batch, expected = events_of(recording), Batch.from_records(records)
    # THEN that column is zero, and all others are as recorded
    assert batch.args["kswapd_sleep"]["nid"].tolist() == [0] * len(expected.rows["kswapd_sleep"])
    assert batch.args["kswapd_sleep"]["nid"].dtype == np.int32
    assert batch.args["throttled"]["reason"].tolist() == expected.args["throttled"]["reason"].tolist()
    assert recording.bad_blocks == 0
    # AND a field that changed from number to text is not believed
    assert recording.metadata.absent_fields["mark_victim"] == ("victim_comm",)


def test_a_kind_of_a_newer_tool_keeps_its_header(path, monkeypatch):
    def change(kinds):
        kinds["throttled"]["number"] = UNKNOWN_KIND

    records = records_of_all_kinds(3_000)
    monkeypatch.setattr(
        "tracer.store.event_columns.KIND_BY_NUMBER", {k.number: k for k in KINDS} | {UNKNOWN_KIND: KINDS[15]}
    )
    records = records[records["kind"] != KINDS[15].number]
    write_recording(with_kind_table(path, monkeypatch, change), records)
    assert_same_batch(events_of(Recording.open(path)), Batch.from_records(records))
