"""Rows of events and spans: the same as frames and summaries have, read from any place, in bounded memory."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
from golden.cases import DATA
from store_cases import in_small_blocks
from streams import METADATA, MS, SUPER_CACHE_SCAN, SYMBOLS, event, records, slab
from written_recordings import write_recording

import tracer
from tracer.analyze import Options
from tracer.analyze.stream.closed import SpanState
from tracer.batch import Batch, LostStretch
from tracer.errors import UsageError
from tracer.evidence import spans as spans_module
from tracer.evidence.events import Events
from tracer.evidence.numbering import Anchors, Numbering
from tracer.evidence.rows import LOST
from tracer.evidence.selection import Selection
from tracer.evidence.spans import SpanStream
from tracer.jobs.analysis import WHOLE, Span, analyse
from tracer.jobs.showing_evidence import Shown, Wanted
from tracer.schema import KIND_BY_NAME
from tracer.store import Writer, open_recording
from tracer.store.source import Source

RECORDINGS = sorted(DATA.glob("*.rtrace"))
ROWS = ["id", "parent", "kind", "begin_s", "end_s", "tid", "comm", "state"]


def write(path: Path, *items, metadata=METADATA):
    writer = Writer(path, metadata)
    writer.write_symbols(SYMBOLS)
    for item in items:
        writer.write_lost(item) if isinstance(item, LostStretch) else writer.write_events(item)
    writer.close()
    return path


def shown(path, **wanted):
    return Shown(path, Wanted(**wanted), Options())


def spans(path, **wanted):
    return list(shown(path, **wanted).spans())


def none(value):
    return None if pd.isna(value) else value


@pytest.mark.parametrize("path", RECORDINGS, ids=lambda path: path.stem)
def test_there_are_as_many_events_as_the_summary_counts(path):
    counts = Counter(row.kind for row in shown(path).events() if row.kind != LOST)
    assert dict(counts) == tracer.open(path).summary()["recording"]["events_by_kind"]


@pytest.mark.parametrize("path", RECORDINGS, ids=lambda path: path.stem)
def test_spans_are_those_of_frames(path):
    trace = tracer.open(path)
    start_ns = trace.metadata.start_ns

    def seconds(time_ns):
        return None if time_ns is None else (time_ns - start_ns) / 1e9

    found = [
        (row.id, row.parent, row.kind, seconds(row.begin_ns), seconds(row.end_ns), row.tid, row.comm, row.state.value)
        for row in spans(path)
    ]
    expected = [tuple(map(none, row)) for row in trace.spans()[ROWS].itertuples(index=False, name=None)]
    assert found == expected


def test_fields_of_events_are_those_of_frames():
    path = DATA / "guest-host-reasserts.rtrace"
    rows = list(shown(path, kinds=["shrink_slab_start"]).events())
    frame = tracer.open(path).events("shrink_slab_start")
    assert [row.fields["nid"] for row in rows] == frame.nid.tolist()
    assert [row.fields["shrink_name"] for row in rows] == [none(name) for name in frame.shrink_name]
    assert [int(row.fields["shr"], 16) for row in rows] == [int(address) for address in frame.shr]
    assert rows[0].fields["memcg_id"] is None, "5.10 has no such field"


@pytest.mark.parametrize("path", RECORDINGS, ids=lambda path: path.stem)
def test_every_span_that_a_finding_names_is_shown_under_its_id(path):
    trace = tracer.open(path)
    by_id = trace.spans().dropna(subset=["id"]).set_index("id")
    start_ns = trace.metadata.start_ns
    for finding in trace.analysis.findings:
        rows = {row.id: row for row in spans(path, finding=finding.id) if row.id is not None}
        assert set(finding.spans) <= rows.keys(), finding.kind
        for number, row in rows.items():
            assert (row.kind, row.tid) == (by_id.loc[number].kind, by_id.loc[number].tid)
            assert row.begin_ns is None or (row.begin_ns - start_ns) / 1e9 == by_id.loc[number].begin_s


@pytest.mark.parametrize("from_s", [8.0, 10.5, 13.85, 14.9])
def test_ids_are_known_wherever_reading_begins(from_s):
    path = DATA / "guest-host-reasserts.rtrace"
    recording, anchors = open_recording(path), Anchors()
    analyse(WHOLE.part(recording), Options(), anchors)
    whole = {(row.begin_ns, row.tid, row.kind): row.id for row in spans(path)}
    from_ns = recording.metadata.start_ns + round(from_s * 1e9)
    numbering = Numbering(from_ns, anchors.before(from_ns))
    rows = [row for row in SpanStream(recording, Selection(from_ns), numbering) if row.id is not None]
    assert numbering.from_ns > recording.metadata.start_ns
    assert len(rows) > 100
    assert [row.id for row in rows] == [whole[row.begin_ns, row.tid, row.kind] for row in rows]


def test_only_blocks_of_the_time_are_read(monkeypatch):
    path = DATA / "guest-host-reasserts.rtrace"
    sizes: list[int] = []
    read = Source.read
    monkeypatch.setattr(Source, "read", lambda self, size, offset: sizes.append(size) or read(self, size, offset))

    def bytes_read(make, **wanted):
        sizes.clear()
        rows = list(make(shown(path, **wanted)))
        assert rows
        return sum(sizes)

    for make in (Shown.events, Shown.spans):
        part = bytes_read(make, span=Span(13.8385, 13.8405))
        assert part < 0.75 * bytes_read(make)


def test_a_span_belongs_to_the_time_that_it_touches(tmp_path):
    path = write(tmp_path / "a.rtrace", records(*(slab(at * MS, at * MS + 8 * MS) for at in (0, 10, 20, 30))))
    assert [row.begin_ns // MS for row in spans(path, span=Span(0.015, 0.021))] == [10, 20]


def test_threads_processes_and_kinds_are_chosen(tmp_path):
    stream = records(slab(0, MS, 1), slab(2 * MS, 3 * MS, 2), event(4 * MS, "throttled", 2))
    stream["tgid"][2:4] = 7
    path = write(tmp_path / "a.rtrace", stream)
    assert [row.tid for row in spans(path, pids=[1])] == [1]
    assert [row.tid for row in spans(path, pids=[7])] == [2]
    assert [row.kind for row in shown(path, pids=[2], kinds=["throttled"]).events()] == ["throttled"]
    assert spans(path, kinds=["kswapd"]) == []


def test_cgroups_are_chosen_by_path_and_unit(tmp_path):
    stream = records(slab(0, MS, 1, cgroup_id=5), slab(2 * MS, 3 * MS, 2, cgroup_id=6), slab(4 * MS, 5 * MS, 3))
    writer = Writer(tmp_path / "a.rtrace", METADATA)
    writer.write_symbols(SYMBOLS)
    writer.write_cgroups({5: "/system.slice/db.service", 6: "/user.slice"})
    writer.write_events(stream)
    writer.close()
    path = tmp_path / "a.rtrace"
    assert [(row.cgroup_id, row.cgroup) for row in spans(path)] == [
        (5, "/system.slice/db.service"),
        (6, "/user.slice"),
        (None, None),
    ]
    assert [row.tid for row in spans(path, cgroup="db.service")] == [1]
    assert [row.tid for row in shown(path, cgroup="/user*").events()] == [2], "the call's end tells no cgroup"


def test_what_is_nested_has_its_depth_whatever_is_chosen(tmp_path):
    inner = records(slab(2 * MS, 3 * MS), slab(4 * MS, 5 * MS))
    outer = event(MS, "direct_reclaim_begin", 100), event(9 * MS, "direct_reclaim_end", 100, nr_reclaimed=40)
    path = write(tmp_path / "a.rtrace", records(outer[0], inner, outer[1]))
    assert [(row.kind, row.depth, row.parent) for row in spans(path)] == [
        ("direct_reclaim", 0, None),
        ("shrink_slab", 1, 0),
        ("shrink_slab", 1, 0),
    ]
    assert [row.depth for row in spans(path, kinds=["shrink_slab"])] == [1, 1]
    first, *_, last = spans(path)
    assert first.fields == {"order": 0, "nr_reclaimed": 40}
    assert (last.fields["retval"], last.fields["scanned_objects"], last.fields["shrink_name"]) == (
        10,
        128,
        "super_cache_scan",
    )


def test_edges_that_were_not_seen_are_unknown(tmp_path):
    lone_end = event(MS, "direct_reclaim_end", 1, nr_reclaimed=7)
    path = write(tmp_path / "a.rtrace", records(lone_end, event(2 * MS, "direct_reclaim_begin", 2)))
    ended, begun = spans(path)
    assert (ended.state, ended.id, ended.begin_ns, ended.duration_ns) == (SpanState.END_WITHOUT_BEGIN, None, None, None)
    assert ended.fields["nr_reclaimed"] == 7
    assert (begun.state, begun.end_ns, begun.duration_ns) == (SpanState.BEGIN_WITHOUT_END, None, None)
    assert "nr_reclaimed" not in begun.fields


def test_pages_counted_inside_a_span_are_its_own_also_across_pieces(tmp_path, monkeypatch):
    monkeypatch.setattr("tracer.analyze.stream.pieces.PIECE_EVENTS", 4)
    work = [event(0, "balloon_work_begin", 9), event(8 * MS, "balloon_run_pages", 9, inflated_pages=256)]
    others = records(*(slab(at * MS, at * MS + MS // 2, 1) for at in range(1, 400)))
    stream = records(*work, event(400 * MS, "balloon_work_end", 9), others)
    stream = stream[np.argsort(stream["time_ns"], kind="stable")]
    path = write(tmp_path / "a.rtrace", *np.array_split(stream, 40))
    (row,) = spans(path, kinds=["balloon_work"])
    assert row.fields == {"inflated_pages": 256, "deflated_pages": 0}


def test_lost_events_are_rows_among_the_others(tmp_path):
    path = write(
        tmp_path / "a.rtrace", slab(0, MS), LostStretch(2 * MS, 5 * MS, {"shrink_slab_end": 3}), slab(9 * MS, 10 * MS)
    )
    rows = list(shown(path).events())
    assert [row.kind for row in rows] == ["shrink_slab_start", "shrink_slab_end", LOST, *[row.kind for row in rows[:2]]]
    assert rows[2].fields == {"until_ns": 5 * MS, "shrink_slab_end": 3}
    assert [row.kind for row in shown(path, kinds=["shrink_slab_end"]).events()].count(LOST) == 1
    assert LOST not in [row.kind for row in shown(path, kinds=["throttled"]).events()]


def long_stream(count: int) -> np.ndarray:
    begin = event(0, "kswapd_wake", 7, "kswapd0")
    pairs = np.repeat(slab(MS, MS + MS // 2, 1)[None], count, axis=0)
    pairs["time_ns"] += (np.arange(count, dtype=np.uint64) * MS)[:, None]
    return records(begin, pairs.reshape(-1), event((count + 9) * MS, "kswapd_sleep", 7, "kswapd0"))


def test_what_lasts_too_long_to_wait_for_follows_and_says_so(tmp_path, monkeypatch):
    monkeypatch.setattr(spans_module, "MOST_HELD", 100)
    path = write(tmp_path / "a.rtrace", long_stream(20_000))
    stream, held, rows = shown(path).spans(), 0, []
    for row in stream:
        held = max(held, len(stream._held))
        rows.append(row)
    assert held <= 100 + 16_384, "a piece, and what is held back"
    assert len(rows) == 20_001
    assert [(row.kind, row.late) for row in rows if row.late] == [("kswapd", True)]
    ordered = [row.time_ns for row in rows if not row.late]
    assert ordered == sorted(ordered)
    assert not any(row.late for row in spans(path, kinds=["shrink_slab"]))


@pytest.mark.parametrize(
    ("wanted", "words"),
    [
        ({"kinds": ["shrink"]}, "there is no event kind 'shrink'"),
        ({"finding": 12}, "there is no finding 12"),
        ({"cycle": 99}, "there is no cycle 99"),
        ({"cycle": 1, "finding": 1}, "exclude each other"),
        ({"cycle": 1, "span": Span(4.9)}, "outside of --from and --to"),
    ],
)
def test_what_there_is_not_is_said(tmp_path, wanted, words):
    path = write_recording(tmp_path / "a.rtrace")
    with pytest.raises(UsageError, match=words):
        list(shown(path, **wanted).events())


def test_events_out_of_order_are_put_right_and_late_ones_counted():
    stream = records(*(event(at * MS, "throttled", at + 1) for at in (0, 30, 20, 500, 10)))
    batches = [Batch.from_records(part) for part in (stream[:2], stream[2:4], stream[4:])]
    recording = SimpleNamespace(items=lambda *_, **__: iter(batches), metadata=METADATA, symbols={}, cgroups={})
    found = Events(recording, Selection())
    assert [row.tid for row in found] == [1, 21, 31, 11, 501]
    assert found.late == 1


def test_a_kind_is_read_from_the_blocks_that_hold_some(tmp_path):
    kind, source = "balloon_work_begin", DATA / "guest-host-reasserts.rtrace"
    small = in_small_blocks(source, tmp_path / "small.rtrace")
    found = shown(small, kinds=(kind,))
    assert list(found.events()) == list(shown(source, kinds=(kind,)).events())
    recording = open_recording(small)
    assert list(recording.items())
    assert found.recording.read_bytes < recording.read_bytes / 4
    pd.testing.assert_frame_equal(tracer.open(small).events(kind), tracer.open(source).events(kind))


def test_every_field_of_every_kind_has_a_value(tmp_path):
    everything = records(*(event(at * MS, kind) for at, kind in enumerate(KIND_BY_NAME)))
    for row in shown(write(tmp_path / "a.rtrace", everything)).events():
        expected = {name for name, _ in KIND_BY_NAME[row.kind].fields}
        assert expected <= row.fields.keys()
        assert None not in [row.fields[name] for name in expected], row.kind


def test_symbols_stand_beside_addresses(tmp_path):
    path = write(tmp_path / "a.rtrace", slab(0, MS), slab(2 * MS, 3 * MS, shrink=0x1234))
    known, unknown = shown(path, kinds=["shrink_slab_start"]).events()
    assert known.fields["shrink"] == f"{SUPER_CACHE_SCAN:#x}"
    assert known.fields["shrink_name"] == "super_cache_scan"
    assert (unknown.fields["shrink"], unknown.fields["shrink_name"]) == ("0x1234", None)
