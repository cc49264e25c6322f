"""Traces for Perfetto, read back by its own protos."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from functools import cache, partial
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from exports import exported
from perfetto_traces import ReadTrace, read
from streams import METADATA, MS, SECOND, SUPER_CACHE_SCAN, SYMBOLS, event, records
from written_recordings import HOSTILE_COMM, START_NS, write_recording

import tracer
from tests.golden.cases import DATA, all_cases
from tracer.batch import LostStretch
from tracer.export import source
from tracer.export.wakings import Wakings
from tracer.frames import Trace
from tracer.metadata import ClockChangeKind, Metadata
from tracer.protobuf import Message, Varint, key, rows, varint
from tracer.store import Writer

REAL = ("guest-host-reasserts", "memcg-kill", "guest-no-deflate")
META = replace(METADATA, start_ns=START_NS)


@cache
def both(name: str) -> tuple[ReadTrace, Trace]:
    path = DATA / f"{name}.rtrace"
    return read(exported(path, "perfetto")), tracer.open(path)


@pytest.mark.parametrize("name", REAL)
def test_every_span_is_a_slice_of_its_thread_with_the_same_times(name: str) -> None:
    trace, frames = both(name)
    start_ns = frames.metadata.start_ns
    spans = frames.spans()
    spans = spans[spans.state == "complete"]
    begin_ns = (spans.begin_s * 1e9).round().astype("int64") + start_ns
    expected = Counter(zip(spans.kind, spans.tid, begin_ns, spans.duration_ns, strict=True))
    found = Counter(
        (one.name, one.thread[1], one.start_ns, one.end_ns - one.start_ns) for one in trace.slices if one.thread
    )
    assert expected == found


@pytest.mark.parametrize("name", REAL)
def test_a_slice_lies_in_the_slice_that_its_span_lies_in(name: str) -> None:
    trace, frames = both(name)
    spans = frames.spans()
    kinds = dict(zip(spans.id, spans.kind, strict=True))
    inside = [None if parent is pd.NA else kinds[parent] for parent in spans.parent]
    expected = Counter(zip(spans.kind, inside, strict=True))
    assert expected == Counter((one.name, one.parent and one.parent.name) for one in trace.slices if one.thread)


@pytest.mark.parametrize("name", REAL)
def test_sums_are_those_of_the_summary(name: str) -> None:
    trace, frames = both(name)
    summary = frames.summary()
    busy = {tier["tier"]: tier["busy_s"] for tier in summary["tiers"] if tier["busy_s"]}
    drawn = {label: sum(one.end_ns - one.start_ns for one in trace.on(label)) / 1e9 for label in busy}
    assert drawn == pytest.approx(busy)
    assert len(trace.on("Cycles")) == len(summary["cycles"])
    assert len(trace.on("Conflicts")) == len(summary["conflicts"])
    assert Counter(one.name for one in trace.slices + trace.instants if one.args.get("severity")) == Counter(
        finding["kind"] for finding in summary["findings"]
    )
    points = Counter(one.name for one in trace.instants if one.thread)
    by_kind = summary["recording"]["events_by_kind"]
    assert points == {kind: by_kind[kind] for kind in points}
    inflated = sum(one.args["pages"] for one in trace.on("Pages in"))
    assert inflated == sum(frames.steps().query("pages > 0").pages)


@pytest.mark.parametrize("name", REAL)
def test_arguments_have_the_kernels_names_and_values(name: str) -> None:
    trace, frames = both(name)
    for kind in ("lru_shrink_inactive", "mark_victim", "wakeup_kswapd"):
        events = frames.events(kind)
        drawn = [one for one in trace.instants if one.name == kind]
        assert len(drawn) == len(events)
        numbers = ("nr_scanned", "nr_reclaimed", "nid", "total_vm")
        fields = [name for name in numbers if name in events and events[name].notna().any()]
        for field in fields:
            assert sum(one.args[field] for one in drawn) == events[field].sum()
    ends = frames.events("shrink_slab_end")
    assert sum(one.args.get("retval", 0) for one in trace.named("shrink_slab")) == ends.retval.sum()
    names = Counter(one.args["shrink_name"] for one in trace.named("shrink_slab"))
    begins = frames.events("shrink_slab_start")
    assert names == Counter(begins.shrink_name.fillna(begins.shrink.map("{:#x}".format)))


def test_a_flow_leads_from_each_leak_to_where_its_pages_came_back() -> None:
    trace, frames = both("guest-host-reasserts")
    leaks = {one.flows[0]: one for one in trace.on("Pages out") if one.flows}
    returns = {one.ends_flows[0]: one for one in trace.on("Pages in") if one.ends_flows}
    assert leaks.keys() == returns.keys()
    assert len(leaks) == len(frames.cycles()) > 0
    assert all(leaks[flow].start_ns <= returns[flow].start_ns for flow in leaks)


def test_a_flow_leads_from_the_task_that_woke_kswapd(tmp_path: Path) -> None:
    at = START_NS
    stream = [
        event(at + 1 * MS, "wakeup_kswapd", 100, "early"),
        event(at + 2 * MS, "wakeup_kswapd", 101, "late"),
        event(at + 3 * MS, "kswapd_wake", 85, "kswapd0"),
        event(at + 9 * MS, "kswapd_sleep", 85, "kswapd0"),
        event(at + 10 * MS, "wakeup_kswapd", 102, "in vain"),
    ]
    trace = traced(tmp_path, records(*stream))
    woke = [one for one in trace.slices if one.ends_flows]
    wakers = [one for one in trace.instants if one.flows]
    assert [one.track for one in woke] == ["kswapd0"]
    assert [one.track for one in wakers] == ["late"]
    assert [one.track for one in trace.instants if one.name == "wakeup_kswapd"] == ["early", "late", "in vain"]


@pytest.mark.parametrize("cuts", [(), (1,), (2,), (3,), (1, 2, 3, 4)])
def test_the_last_wake_up_before_a_waking_is_its_cause_however_it_is_cut(cuts: tuple[int, ...]) -> None:
    # GIVEN wake-ups at 1, 2, 6 and wakings at 3, 5, 8 of one node, in stretches that end at the cuts
    wakings, pairs = Wakings(), []
    held: dict[int, int] = {}
    events = [("call", 1), ("call", 2), ("wake", 3), ("wake", 5), ("call", 6), ("wake", 8)]
    bounds = [0, *cuts, len(events)]
    callers: dict[int, int] = {}
    for start, stop in pairwise(bounds):
        times = ([at for what, at in events[start:stop] if what == kind] for kind in ("call", "wake"))
        called, woke = (np.array(of_kind, int) for of_kind in times)
        found = wakings.advance(called * 0, called, woke * 0, woke)
        for nid, flow in found.settled.items():
            callers |= {flow: held.pop(nid)} if flow else {}
        callers |= {flow: at for flow, at in zip(found.callers.tolist(), called.tolist(), strict=True) if flow}
        held |= {nid: int(called[row]) for nid, row in found.held.items()}
        pairs += [(flow, at) for flow, at in zip(found.wakers.tolist(), woke.tolist(), strict=True) if flow]
    assert [(callers[flow], at) for flow, at in pairs] == [(2, 3), (6, 8)]


def test_the_trace_is_the_same_however_the_stream_is_cut(monkeypatch: pytest.MonkeyPatch) -> None:
    path = DATA / "guest-host-reasserts.rtrace"
    whole = read(exported(path, "perfetto"))
    monkeypatch.setattr(source, "in_pieces", partial(source.in_pieces, events=700))
    cut = read(exported(path, "perfetto"))
    assert sorted(map(drawn, whole.slices)) == sorted(map(drawn, cut.slices))
    assert sorted(map(drawn, whole.instants)) == sorted(map(drawn, cut.instants))
    assert whole.counts == cut.counts


def drawn(one: Any) -> tuple[Any, ...]:
    args = sorted((key, str(value)) for key, value in one.args.items())
    return one.start_ns, one.track, one.depth, one.name, one.end_ns, args


def test_what_lacks_its_begin_or_its_end_is_drawn_and_said(tmp_path: Path) -> None:
    at = START_NS

    def reclaim(start_ms: int, tid: int) -> list[Any]:
        slab = {"tid": tid, "shrink": SUPER_CACHE_SCAN, "shr": 1}
        begin = event(at + start_ms * MS, "direct_reclaim_begin", tid)
        return [begin, event(at + (start_ms + 1) * MS, "shrink_slab_start", **slab)]

    stream = [
        event(at + 1 * MS, "direct_reclaim_end", 7, nr_reclaimed=3),
        *reclaim(2, 8),
        event(at + 5 * MS, "direct_reclaim_end", 8, nr_reclaimed=4),
        *reclaim(9, 9),
    ]
    trace = traced(tmp_path, records(*stream))
    assert [(one.name, one.args["nr_reclaimed"]) for one in trace.instants if one.thread] == [("direct_reclaim_end", 3)]
    lost = [one for one in trace.slices if one.args.get("end") == "lost"]
    assert sorted((one.name, one.end_ns - at) for one in lost) == [
        ("direct_reclaim", 10 * MS),
        ("shrink_slab", 5 * MS),
        ("shrink_slab", 10 * MS),
    ]


def test_an_end_without_an_event_comes_before_what_begins_at_its_time(tmp_path: Path) -> None:
    # GIVEN a notifier's run, which the thread's next event ends, and one that is the recording's last event
    stream = [
        event(START_NS + 1 * MS, "oom_notifier_run", 8),
        event(START_NS + 2 * MS, "direct_reclaim_begin", 8),
        event(START_NS + 3 * MS, "direct_reclaim_end", 8),
        event(START_NS + 4 * MS, "oom_notifier_run", 8),
    ]
    trace = traced(tmp_path, records(*stream))
    found = [(one.name, one.depth, (one.end_ns - one.start_ns) // MS) for one in trace.slices if one.thread]
    assert found == [("oom_notifier", 0, 1), ("direct_reclaim", 0, 1), ("oom_notifier", 0, 0)]


def test_a_span_that_begins_and_is_lost_as_its_parent_ends_stays_inside(tmp_path: Path) -> None:
    stream = [
        event(START_NS + 1 * MS, "direct_reclaim_begin", 8),
        event(START_NS + 2 * MS, "shrink_slab_start", 8, shrink=SUPER_CACHE_SCAN, shr=1),
        event(START_NS + 2 * MS, "direct_reclaim_end", 8),
        event(START_NS + 3 * MS, "virtballoon_changed", 9),
    ]
    trace = traced(tmp_path, records(*stream))
    found = [(one.name, one.depth, (one.end_ns - one.start_ns) // MS) for one in trace.slices if one.thread]
    assert found == [("direct_reclaim", 0, 1), ("shrink_slab", 1, 0)]


def test_a_kswapd_that_was_at_work_before_is_drawn_from_its_first_event(tmp_path: Path) -> None:
    slab = {"tid": 85, "comm": "kswapd0", "shrink": SUPER_CACHE_SCAN, "shr": 1}
    stream = [
        event(START_NS + 1 * MS, "shrink_slab_start", **slab),
        event(START_NS + 2 * MS, "shrink_slab_end", **slab),
        event(START_NS + 3 * MS, "kswapd_sleep", 85, "kswapd0"),
    ]
    trace = traced(tmp_path, records(*stream))
    run, call = [one for one in trace.slices if one.thread]
    assert (run.name, run.args["begin"], (run.end_ns - run.start_ns) // MS) == ("kswapd", "not seen", 2)
    assert (call.name, call.depth, "begin" in call.args) == ("shrink_slab", 1, False)
    assert "order" not in run.args


def test_tasks_that_reclaim_at_the_same_time_are_one_slice_of_their_tier(tmp_path: Path) -> None:
    edges = [(1, "begin", 8), (2, "begin", 9), (3, "end", 8), (5, "end", 9), (7, "begin", 8), (8, "end", 8)]
    stream = [event(START_NS + at * MS, f"direct_reclaim_{edge}", tid) for at, edge, tid in edges]
    trace = traced(tmp_path, records(*stream))
    found = [((one.start_ns - START_NS) // MS, (one.end_ns - START_NS) // MS) for one in trace.on("direct")]
    assert found == [(1, 5), (7, 8)]


def test_spans_without_a_length_are_slices(tmp_path: Path) -> None:
    slab = {"tid": 8, "shrink": SUPER_CACHE_SCAN, "shr": 1}
    stream = [event(START_NS + MS, kind, **slab) for kind in ("shrink_slab_start", "shrink_slab_end")]
    stream += [event(START_NS + MS, kind, 8) for kind in ("direct_reclaim_begin", "direct_reclaim_end")]
    trace = traced(tmp_path, records(*stream))
    found = [(one.name, one.depth, one.end_ns - one.start_ns) for one in trace.slices if one.thread]
    assert found == [("shrink_slab", 0, 0), ("direct_reclaim", 0, 0)]


def test_losses_and_names_made_to_harm(tmp_path: Path) -> None:
    trace = read(exported(write_recording(tmp_path / "a.rtrace", lost=7), "perfetto"))
    (lost,) = trace.on("Lost events")
    assert lost.args["lost_events"] == lost.args["shrink_slab_start"] == 7
    assert lost.end_ns - lost.start_ns == SECOND
    tracks = {one.track for one in trace.slices}
    assert HOSTILE_COMM not in tracks
    assert "hog\\x1b[31m" in tracks


def test_clocks_are_those_of_the_recording(tmp_path: Path) -> None:
    meta = replace(METADATA, start_ns=START_NS, start_utc_ns=5 * SECOND, boottime_ahead_ns=3 * SECOND)
    asleep = [[START_NS + SECOND, ClockChangeKind.SUSPENDED.value, 4 * SECOND]]
    trace = traced(
        tmp_path, records(event(START_NS + 2 * SECOND, "virtballoon_changed")), meta, {"clock_changes": asleep}
    )
    realtime, monotonic, boottime = 1, 3, 6
    assert trace.clocks == [
        {monotonic: START_NS, boottime: START_NS + 3 * SECOND, realtime: 5 * SECOND},
        {monotonic: START_NS + SECOND, boottime: START_NS + 8 * SECOND, realtime: 10 * SECOND},
    ]


def test_sizes_are_drawn_as_they_were_read_and_what_grows_as_its_rate(tmp_path: Path) -> None:
    trace, frames = both("guest-host-reasserts")
    samples = frames.samples()
    size = "meminfo.MemFree_bytes"
    assert trace.counts[size] == list(zip(samples.time_ns, samples[size], strict=True))
    rates = np.array([value for _, value in trace.counts["vmstat.pgsteal_direct per s"]])
    seconds = np.diff(samples.time_ns) / 1e9
    grown = samples["vmstat.pgsteal_direct"].iloc[-1] - samples["vmstat.pgsteal_direct"].iloc[0]
    assert (rates * seconds).sum() == pytest.approx(grown)


@pytest.mark.parametrize("case", ["E-memcg", "D-drop-caches"])
def test_an_imported_trace_is_drawn_too(case: str, tmp_path: Path) -> None:
    (found,) = [one for one in all_cases() if one.name == case]
    path = found.recording(tmp_path)
    trace, frames = read(exported(path, "perfetto")), tracer.open(path)
    assert sum(1 for one in trace.slices if one.thread) == frames.summary()["recording"]["spans"]


def test_numbers_of_every_width_come_back() -> None:
    values = np.array(
        [0, 1, 127, 128, 1 << 20, (1 << 28) - 1, 1 << 28, 1 << 55, (1 << 56) - 1, 1 << 56, (1 << 64) - 1], np.uint64
    )
    for most in range(1, len(values) + 1):
        made = rows([Message(1, [key(2), Varint(values[:most])])], most)
        for row, value in zip(made, values[:most].tolist(), strict=True):
            padded = bytes(row[3:])
            assert len(padded) == len(varint(int(values[most - 1])))
            assert sum((byte & 0x7F) << 7 * place for place, byte in enumerate(padded)) == value
            assert [byte >> 7 for byte in padded] == [1] * (len(padded) - 1) + [0]


def traced(folder: Path, stream: Any, metadata: Metadata = META, notes: dict[str, Any] | None = None) -> ReadTrace:
    writer = Writer(folder / "stream.rtrace", metadata)
    writer.write_symbols(SYMBOLS)
    writer.write_events(stream)
    writer.write_lost(LostStretch(START_NS, START_NS, {}))
    for name, value in (notes or {}).items():
        writer.write_note(name, value)
    writer.close()
    return read(exported(folder / "stream.rtrace", "perfetto"))
