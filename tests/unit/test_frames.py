"""`tracer.open`: every frame's rows, dtypes and gaps, and that its documentation says the same."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from balloon_streams import shrinker_storm
from streams import METADATA, MS, SUPER_CACHE_SCAN, SYMBOLS, event, records
from written_recordings import HOSTILE_COMM, META, write_recording

import tracer
from tracer.analyze import Options
from tracer.batch import Samples
from tracer.frames import columns
from tracer.frames.events import event_columns, kind_of
from tracer.jobs.analysis import Span, analyse_file
from tracer.schema import KINDS, SAMPLE_NULL
from tracer.store import Writer
from tracer.wording.summary import summary_json

ROOT = Path(__file__).parents[2]
API = (ROOT / "docs/api.md").read_text()
FRAMES = {
    "spans": columns.SPANS,
    "ladder": columns.LADDER,
    "episodes": columns.EPISODES,
    "conflicts": columns.CONFLICTS,
    "cycles": columns.CYCLES,
    "storms": columns.STORMS,
    "findings": columns.FINDINGS,
    "shrinkers": columns.SHRINKERS,
    "stalls": columns.STALLS,
    "cgroups": columns.CGROUPS,
    "steps": columns.STEPS,
    "samples": columns.SAMPLES,
}


def write(path, *items, metadata=METADATA):
    """A recording of records and samples in the order given."""
    writer = Writer(path, metadata)
    writer.write_symbols(SYMBOLS)
    for item in items:
        if isinstance(item, Samples):
            writer.write_samples(item)
        else:
            writer.write_events(item)
    writer.close()
    return path


def dtypes(frame):
    """Names and dtypes as `columns` spells them."""
    return {name: str(dtype) for name, dtype in frame.dtypes.items()}


def section(name):
    """The tables' first two columns under the heading of a frame in docs/api.md."""
    text = re.search(rf"^### `{name}\(.*?\)`\n(.*?)(?=^##|\Z)", API, re.MULTILINE | re.DOTALL)
    return dict(re.findall(r"^\| `(\w+)` \| (\w+) \|", text.group(1), re.MULTILINE))


@pytest.fixture(scope="module")
def trace(tmp_path_factory):
    return tracer.open(write_recording(tmp_path_factory.mktemp("frames") / "small.rtrace", lost=3))


@pytest.fixture(scope="module")
def empty(tmp_path_factory):
    return tracer.open(write(tmp_path_factory.mktemp("frames") / "empty.rtrace"))


@pytest.fixture(scope="module")
def storm(tmp_path_factory):
    """Three shrinker leaks inside direct reclaim, each inflated again while another task reclaims."""
    told = replace(METADATA, cgroup_hierarchy="unified")
    path = write(tmp_path_factory.mktemp("frames") / "storm.rtrace", *shrinker_storm(), metadata=told)
    return tracer.open(path, gap_s=0.5)


@pytest.mark.parametrize("name", [*FRAMES, "events"])
def test_the_documentation_lists_each_frames_columns_and_dtypes(name):
    documented = section(name)
    assert documented == dict(FRAMES.get(name, columns.EVENTS))
    assert list(documented) == list(FRAMES.get(name, columns.EVENTS))


@pytest.mark.parametrize("name", FRAMES)
@pytest.mark.parametrize("which", ["trace", "storm", "empty"])
def test_a_frame_has_these_columns_and_dtypes_with_and_without_rows(name, which, request):
    frame = getattr(request.getfixturevalue(which), name)()
    found = dtypes(frame)
    if name == "samples":
        counted = {column: found.pop(column) for column in list(found) if column not in columns.SAMPLES}
        assert set(counted.values()) <= {"Int64"}
    assert list(found.items()) == list(FRAMES[name].items())
    assert isinstance(frame.index, pd.RangeIndex)


def test_every_frame_has_rows_in_one_of_the_recordings(trace, storm):
    assert [name for name in FRAMES if not len(getattr(trace, name)()) and not len(getattr(storm, name)())] == []


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.name)
def test_every_kinds_frame_has_the_same_columns_with_and_without_rows(kind, trace, empty):
    expected = list(event_columns(kind_of(kind.name)).items())
    assert list(dtypes(empty.events(kind.name)).items()) == expected
    assert list(dtypes(trace.events(kind.name)).items()) == expected


def test_events_come_by_time_with_names_symbols_and_text(trace):
    reclaim = trace.events("direct_reclaim_begin")
    assert len(reclaim) == 98 + 2
    assert reclaim.time_ns.is_monotonic_increasing
    assert reclaim.time_s[0] == 0.0
    assert set(reclaim.comm) == {HOSTILE_COMM, "java"}
    slab = trace.events("shrink_slab_start")
    assert set(slab.shrink) == {SUPER_CACHE_SCAN}
    assert set(slab.shrink_name) == {"super_cache_scan"}
    assert trace.events("mark_victim").victim_comm.tolist() == ["java"]


def test_events_that_arrive_out_of_order_are_sorted(tmp_path):
    stream = records(event(20, "kswapd_sleep", nid=2), event(10, "kswapd_sleep", nid=1))
    frame = tracer.open(write(tmp_path / "a.rtrace", stream)).events("kswapd_sleep")
    assert frame.nid.tolist() == [1, 2]


def test_fields_the_kernel_lacked_are_missing_not_zero(tmp_path):
    absent = {"mark_victim": ("uid", "victim_comm"), "shrink_slab_start": ("shrink", "memcg_id")}
    stream = records(event(1, "mark_victim", pid=7), event(2, "shrink_slab_start", priority=12))
    there = tracer.open(write(tmp_path / "a.rtrace", stream, metadata=replace(METADATA, absent_fields=absent)))
    victim, slab = there.events("mark_victim"), there.events("shrink_slab_start")
    assert victim[["uid", "victim_comm"]].isna().all(axis=None)
    assert slab[["shrink", "shrink_name", "memcg_id"]].isna().all(axis=None)
    assert (victim.pid[0], slab.priority[0], victim.total_vm[0]) == (7, 12, 0)
    assert dtypes(slab) == event_columns(kind_of("shrink_slab_start"))


def test_unsigned_values_do_not_wrap_and_addresses_stay_whole(tmp_path):
    stream = records(
        event(1, "lru_shrink_inactive", nr_scanned=10, nr_reclaimed=32),
        event(2, "oom_notifier_run", cb=0xFFFF_FFFF_8100_0999, comm="a" * 16),
    )
    there = tracer.open(write(tmp_path / "a.rtrace", stream))
    lru, run = there.events("lru_shrink_inactive"), there.events("oom_notifier_run")
    assert (lru.nr_scanned - lru.nr_reclaimed).tolist() == [-22]
    assert run.cb[0] == 0xFFFF_FFFF_8100_0999
    assert run.cb_name.isna().all()
    assert run.comm[0] == "a" * 16


def test_names_that_are_no_utf8_are_kept_apart_from_the_rest(tmp_path):
    stream = np.concatenate([event(at, "kswapd_sleep") for at in range(4)])
    stream["comm"] = [b"\xff\xfe", b"\xc3\xa9t\xc3\xa9", b"same-prefix-aaaa", b"same-prefix-aaab"]
    frame = tracer.open(write(tmp_path / "a.rtrace", stream)).events("kswapd_sleep")
    assert frame.comm.tolist() == ["\ufffd\ufffd", "été", "same-prefix-aaaa", "same-prefix-aaab"]


def test_an_unknown_kind_names_those_there_are(trace):
    with pytest.raises(tracer.UsageError, match="no event kind 'slab'; the kinds are shrink_slab_start, "):
        trace.events("slab")


def test_spans_know_parent_tier_times_and_task(trace):
    spans = trace.spans()
    slab, reclaim = spans[spans.kind == "shrink_slab"], spans.set_index("id")
    first = slab.iloc[0]
    assert reclaim.kind[first.parent] == "direct_reclaim"
    assert (first.tier, first.comm, first.tid, first.duration_ns) == ("direct", HOSTILE_COMM, 100, MS)
    assert (first.begin_s, first.end_s) == (pytest.approx(0.001), pytest.approx(0.002))
    assert spans[spans.kind == "balloon_work"].tier.isna().all()
    assert (spans.tier >= "oom_notify").sum() == 2
    assert spans.begin_s.is_monotonic_increasing
    assert spans.id.tolist() == list(range(len(spans)))


def test_no_begin_and_no_end_disappears(tmp_path):
    stream = records(
        event(10 * MS, "direct_reclaim_end", 1, nr_reclaimed=5),
        event(20 * MS, "direct_reclaim_begin", 2),
        event(21 * MS, "shrink_slab_start", 2, shrink=SUPER_CACHE_SCAN),
        event(22 * MS, "memcg_reclaim_end", 2),
        event(23 * MS, "direct_reclaim_end", 2),
        event(30 * MS, "memcg_reclaim_begin", 3),
        event(900 * MS, "wakeup_kswapd", 4),
    )
    there = tracer.open(write(tmp_path / "a.rtrace", stream))
    spans = there.spans()
    rows = spans[["kind", "tid", "state", "tier"]].to_numpy().tolist()
    # THEN the cut-off end, the reclaim whole, the slab call that lost its end, the end inside it, the cut-off begin
    assert rows == [
        ["direct_reclaim", 1, "end_without_begin", "direct"],
        ["direct_reclaim", 2, "complete", "direct"],
        ["shrink_slab", 2, "begin_without_end", "direct"],
        ["memcg_reclaim", 2, "end_without_begin", "direct"],
        ["memcg_reclaim", 3, "begin_without_end", "direct"],
    ]
    assert spans.id.isna().tolist() == [True, False, False, True, False]
    assert spans.parent.tolist() == [pd.NA, pd.NA, 0, 1, pd.NA]
    assert spans.begin_s.isna().tolist() == [True, False, False, True, False]
    assert spans.end_s.isna().tolist() == [False, False, True, False, True]
    assert spans.duration_ns.isna().tolist() == [True, False, True, True, True]
    assert spans.end_s[3] == pytest.approx(0.022)
    accounting = there.analysis.accounting
    assert (accounting.begins_without_end, accounting.ends_without_begin) == (2, 2)
    assert len(spans) == accounting.spans + accounting.ends_without_begin


def test_spans_do_not_depend_on_how_the_recording_is_cut_into_blocks(tmp_path):
    cut, whole = tmp_path / "cut.rtrace", write_recording(tmp_path / "whole.rtrace")
    original = tracer.open(whole)
    writer = Writer(cut, META)
    stream = [event_record for kind in KINDS for event_record in _records_of(original, kind.name)]
    for record in sorted(stream, key=lambda one: one["time_ns"][0]):
        writer.write_events(record)
        writer.flush()
    writer.close()
    pd.testing.assert_frame_equal(tracer.open(cut).spans(), original.spans())


def _records_of(trace, kind):
    for row in trace.events(kind).to_dict("records"):
        known = {name: row[name] for name, _ in kind_of(kind).fields}
        known |= {name: value.encode() for name, value in known.items() if isinstance(value, str)}
        yield event(row["time_ns"], kind, row["tid"], row["comm"], row["cpu"], **known)


def test_the_ladder_is_tier_by_source(trace):
    ladder = trace.ladder().set_index(["tier", "source"])
    assert ladder.pages["direct", "file"] == 98 * 32
    assert ladder.objects["direct", "slab:super_cache_scan"] == 98 * 50
    assert pd.isna(ladder.pages["direct", "slab:super_cache_scan"])
    assert ladder.kills["oom_kill", "process"] == 1
    assert ladder.quality["direct", "slab"] == "inferred"
    assert ladder.pages["oom_notify", "balloon"] == 512
    assert (ladder.pages.sum()) == sum(
        sum(source.get("pages", 0) for source in tier["sources"].values()) for tier in trace.summary()["tiers"]
    )


def test_an_episodes_ladder_and_no_episode(storm):
    episodes = storm.episodes()
    assert episodes.id.tolist() == [1, 2, 3, 4, 5, 6]
    assert set(episodes.highest_tier) == {"direct"}
    assert episodes.before_notifier_s.isna().all()
    direct = storm.ladder(episode=1).set_index("source")
    assert direct.pages["balloon"] == 256
    with pytest.raises(tracer.UsageError, match="no episode 9; there are 6"):
        storm.ladder(episode=9)


def test_cycles_storms_conflicts_steps_and_findings(storm):
    cycles, storms = storm.cycles(), storm.storms()
    assert cycles["class"].tolist() == ["shrinker-reinflate"] * 3
    assert cycles.leaked_pages.tolist() == [256] * 3
    assert cycles.storm.tolist() == [1] * 3
    assert storms[["class", "cycles", "wasted_pages"]].to_numpy().tolist() == [["shrinker-reinflate", 3, 1536]]
    assert (storm.conflicts().overlap_self_s > 0).all()
    assert storm.steps().pages.tolist() == [-256, 256] * 3
    assert storm.steps().cause.tolist() == ["shrinker", pd.NA] * 3
    assert "storm" in storm.findings().kind.tolist()
    assert storm.findings().numbers[0]["cycles"] == 3


def test_what_came_before_the_notifier_is_there_where_it_ran(trace):
    assert trace.episodes().before_notifier_stalls.notna().tolist() == [True]


def test_samples_are_wide_with_gaps_where_nothing_was_read(tmp_path):
    first = Samples(np.asarray([1, 2]), ("vmstat.a", "vmstat.b"), np.asarray([[1, 2], [SAMPLE_NULL, 3]]))
    second = Samples(np.asarray([3]), ("vmstat.b", "vmstat.c"), np.asarray([[4, 5]]))
    frame = tracer.open(write(tmp_path / "a.rtrace", first, second)).samples()
    assert list(frame.columns) == ["time_s", "time_ns", "vmstat.a", "vmstat.b", "vmstat.c"]
    assert frame["vmstat.a"].tolist() == [1, pd.NA, pd.NA]
    assert frame["vmstat.b"].tolist() == [2, 3, 4]
    assert frame["vmstat.c"].tolist() == [pd.NA, pd.NA, 5]


@pytest.mark.parametrize(("start_s", "end_s"), [(None, None), (1.0, 3.0), (4.0, None)])
def test_the_summary_is_the_command_lines(trace, start_s, end_s):
    here = tracer.open(trace.path, horizon_s=5.0, gap_s=0.03, start_s=start_s, end_s=end_s)
    analysis, facts = analyse_file(trace.path, Options(horizon_s=5.0, gap_s=0.03), Span(start_s, end_s))
    assert here.summary() == summary_json(analysis, facts)
    assert len(here.episodes()) > 1


def test_a_part_is_clipped_and_counts_from_where_it_begins(trace):
    part, whole = tracer.open(trace.path, start_s=1.0, end_s=2.0), tracer.open(trace.path)
    times = part.events("direct_reclaim_begin")
    assert 0.0 <= times.time_s.min() < times.time_s.max() < 1.0
    assert 0.0 <= part.samples().time_s.min() < part.samples().time_s.max() < 1.0
    assert part.metadata.start_ns == whole.metadata.start_ns + 1_000_000_000
    in_whole = whole.events("direct_reclaim_begin")
    assert set(times.time_ns) == set(in_whole.time_ns[(in_whole.time_s >= 1.0) & (in_whole.time_s < 2.0)])
    assert part.analysis.duration_s == pytest.approx(1.0)
    of_s = whole.analysis.duration_s
    assert part.summary()["recording"]["slice"] == {"from_s": 1.0, "to_s": 2.0, "of_s": of_s}
    assert whole.summary()["recording"]["slice"] is None
    assert tracer.open(trace.path, start_s=100.0).spans().empty


def test_options_that_make_no_sense_and_files_that_are_none_are_refused(trace, tmp_path):
    with pytest.raises(tracer.UsageError, match=r"end_s 1 is not after start_s 2"):
        tracer.open(trace.path, start_s=2.0, end_s=1.0)
    with pytest.raises(tracer.UsageError, match="horizon_s 0"):
        tracer.open(trace.path, horizon_s=0.0)
    with pytest.raises(tracer.RecordingError, match=r"nothing\.rtrace"):
        tracer.open(tmp_path / "nothing.rtrace")


def test_the_analysis_runs_once_and_only_when_asked(trace, monkeypatch):
    there, passes = tracer.open(str(trace.path)), []
    items = there._recording.items
    monkeypatch.setattr(there._recording, "items", lambda *of, **more: passes.append(of) or items(*of, **more))
    assert there.metadata.host == "vm1"
    assert passes == []
    for name in FRAMES.keys() - {"samples"}:
        getattr(there, name)()
    there.summary()
    assert len(passes) == 1


def test_frames_are_the_callers_own(trace):
    spans, findings = trace.spans(), trace.findings()
    spans["tid"] = 0
    findings.numbers[0].clear()
    assert (trace.spans().tid != 0).all()
    assert trace.findings().numbers[0]


def test_importing_the_package_loads_nothing_heavy():
    code = (
        "import sys, tracer\n"
        "print(sorted({'numpy', 'pandas', 'zstandard'} & set(sys.modules)))\n"
        "print(tracer.Trace.__name__, hasattr(tracer, 'nothing'))"
    )
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT)
    assert (result.stdout, result.stderr) == ("[]\nTrace False\n", "")


def test_the_documentations_example_prints_what_it_says(tmp_path):
    example, printed = re.search(r"```python\n(.*?)```.*?```text\n(.*?)```", API, re.DOTALL).groups()
    shutil.copy(ROOT / "tests/golden/data/memcg-kill.rtrace", tmp_path / "trace.rtrace")
    run = [sys.executable, "-W", "error", "-c", f"import sys; sys.path.insert(0, {str(ROOT)!r})\n{example}"]
    result = subprocess.run(run, capture_output=True, text=True, cwd=tmp_path)
    assert result.stderr == ""
    assert result.stdout == printed
