"""Stretches of a recording span by span: which, what is kept of them, who led to whom, and as a section of the page."""

from __future__ import annotations

import base64
import gzip
import json
import os
from dataclasses import replace

import numpy as np
import pytest
from golden.cases import DATA
from streams import MS
from typer.testing import CliRunner
from written_recordings import HOSTILE_COMM, write_recording

import tracer
from tracer.analyze import Options
from tracer.analyze.model import Cycle, Finding
from tracer.analyze.stream.closed import NO_SPAN, ClosedSpans, SpanState
from tracer.analyze.stream.lane import SPAN_CODE
from tracer.analyze.terms import CycleClass, Quality, Severity, Tier
from tracer.commands.app import app
from tracer.evidence import anatomy as reading
from tracer.evidence.links import LinkKind, links_of
from tracer.evidence.longest_wait import Wait
from tracer.evidence.rows import EventRow, SpanRow
from tracer.evidence.scenes import SceneKind, scenes
from tracer.evidence.standing import WITHOUT_SPANS, Standing
from tracer.evidence.thinning import Thinned
from tracer.jobs.analysis import WHOLE, Span, opened
from tracer.jobs.standing import analyse_for_report, analyse_stdin_for_report
from tracer.report import render
from tracer.report.anatomy.lanes import MOST_LANES, lanes
from tracer.report.anatomy.looks import SPAN_LOOKS
from tracer.report.anatomy.scene import SceneView
from tracer.schema import SpanKind

GUEST = DATA / "guest-out-of-reach.rtrace"
KILLED = DATA / "guest-no-deflate.rtrace"
PAGE = 4096


def source_of(path, span=WHOLE, *, redact=False):
    return analyse_for_report(opened(path, span, redact=redact), Options(), span)


@pytest.fixture(scope="module")
def guest():
    return source_of(GUEST)


def row(kind, begin_ms, end_ms, tid=1, depth=0, number=0, comm="task", **fields):
    begin, end = (None if at is None else round(at * MS) for at in (begin_ms, end_ms))
    state = SpanState.COMPLETE
    if begin is None or end is None:
        state = SpanState.END_WITHOUT_BEGIN if begin is None else SpanState.BEGIN_WITHOUT_END
    return SpanRow(
        number, None, depth, kind.value, Tier.DIRECT, begin, end, tid, tid, comm, 0, None, None, state, fields
    )


def point(kind, at_ms, tid=1, comm="task", **fields):
    return EventRow(round(at_ms * MS), kind, fields, 0, tid, tid, comm)


# Which stretches


def test_the_costliest_cycle_the_longest_wait_and_each_kill_come_first(guest):
    kinds = [each.scene.kind for each in guest.anatomies]
    assert kinds[:2] == [SceneKind.CYCLE, SceneKind.WAIT]
    cycle = max(guest.analysis.cycles, key=lambda each: each.wasted_pages)
    assert guest.anatomies[0].scene.subject == cycle
    killed = source_of(KILLED)
    kills = [each.scene for each in killed.anatomies if each.scene.kind is SceneKind.KILL]
    found = [each for each in killed.analysis.findings if each.kind == "oom_kill"]
    assert {scene.subject.id for scene in kills} == {each.id for each in found} != set()
    for scene in kills:
        at_ns = killed.facts.metadata.start_ns + round(scene.subject.start_s * 1e9)
        assert scene.from_ns < at_ns < scene.to_ns


@pytest.mark.parametrize("path", [GUEST, KILLED, DATA / "memcg-read.rtrace"], ids=lambda path: path.stem)
def test_the_longest_wait_is_the_longest_of_the_summarys_stalls(path):
    source = source_of(path)
    (wait,) = (each.scene.subject for each in source.anatomies if each.scene.kind is SceneKind.WAIT)
    longest = max(stall.max_ns for stall in source.analysis.stalls if stall.tier is not Tier.RETRY)
    assert wait.length_ns == longest


def finding(number, kind, start_s, end_s, spans=()):
    return Finding(number, kind, Severity.WARNING, start_s, end_s, "text", Quality.MEASURED, spans=[*spans])


def cycle(number, start_s, end_s, wasted):
    return Cycle(number, CycleClass.SHRINKER_REINFLATE, start_s, end_s, 1, 1, wasted, 0.0, leak_start_s=start_s)


def test_of_a_long_finding_the_part_that_tells_most_is_shown(guest):
    analysis = replace(guest.analysis, cycles=[cycle(1, 5.0, 5.1, 10), cycle(2, 7.0, 7.1, 99), cycle(3, 50.0, 50.1, 1)])
    storm, starved, bare = (
        finding(1, "storm", 4.0, 9.0),
        finding(2, "starved", 0.0, 60.0, [7]),
        finding(3, "puff", 20.0, 40.0),
    )
    standing = {2: Standing([row(SpanKind.DIRECT_RECLAIM, 30_000, 30_400, number=7)], 1)}
    made = {each.key: each for each in scenes(analysis, 0, None, [storm, starved, bare], standing)}
    by_storm, by_span, by_start = (made[f"finding-{number}"] for number in (1, 2, 3))
    assert (by_storm.part, by_storm.from_ns < 7000 * MS < 7100 * MS < by_storm.to_ns < 7500 * MS) == (
        "its costliest cycle",
        True,
    )
    assert by_span.part == "around its longest span"
    assert 29_500 * MS < by_span.from_ns < 30_000 * MS < 30_400 * MS < by_span.to_ns < 31_000 * MS
    assert (by_start.part, by_start.from_ns < 20_000 * MS) == ("its beginning", True)
    assert made["cycle"].subject.id == 2


def test_findings_that_stand_on_counters_have_no_scene(guest):
    assert not [*scenes(replace(guest.analysis, cycles=[]), 0, None, [finding(1, "refault", 0.0, 1.0)], {})]


# What is read of them


@pytest.mark.parametrize("start_s", [None, 3.0])
def test_spans_read_from_the_middle_are_those_of_the_whole(start_s):
    source = source_of(GUEST, Span(start_s))
    frame = tracer.open(GUEST, start_s=start_s).spans().dropna(subset=["id"]).set_index("id")
    checked = 0
    for found in source.anatomies:
        for each in found.spans:
            if each.id is not None and each.state is SpanState.COMPLETE:
                assert (frame.loc[each.id].kind, frame.loc[each.id].duration_ns) == (each.kind, each.duration_ns)
                checked += 1
        named = {each.id for each in found.spans} & found.scene.named
        inside = frame.loc[sorted(found.scene.named)] if found.scene.named else frame.iloc[:0]
        start_ns, scene = source.facts.metadata.start_ns, found.scene
        begin_ns, end_ns = (start_ns + column * 1e9 for column in (inside.begin_s, inside.end_s))
        assert named == set(inside.index[(begin_ns < scene.to_ns) & (end_ns >= scene.from_ns)]), scene.key
    assert checked > 300


def test_a_scene_counts_all_spans_of_its_time_and_keeps_some(guest):
    frame = tracer.open(GUEST).spans()
    start_ns = guest.facts.metadata.start_ns
    for found in guest.anatomies[:4]:
        from_s, to_s = ((at - start_ns) / 1e9 for at in (found.scene.from_ns, found.scene.to_ns))
        touching = frame[(frame.begin_s.fillna(frame.end_s) < to_s) & (frame.end_s.fillna(frame.begin_s) >= from_s)]
        assert abs(found.spans_seen - len(touching)) <= 2, "but for spans that are open at its edges"
        assert len(found.spans) == min(found.spans_seen, reading.MOST_SPANS)


def test_reading_is_bounded_and_says_where_it_stopped(monkeypatch):
    monkeypatch.setattr(reading, "_MOST_EVENTS_FIRST", 1)
    monkeypatch.setattr("tracer.evidence.spans._PIECE_EVENTS", 64)
    source = source_of(GUEST)
    cut = [each for each in source.anatomies if each.until_ns]
    assert cut
    view = SceneView.of(cut[0], source.facts.metadata.start_ns, PAGE)
    assert view.to_s < (cut[0].scene.to_ns - source.facts.metadata.start_ns) / 1e9
    assert "Read up to " in view.shown


def test_so_many_scenes_are_made_and_no_more_read(monkeypatch):
    monkeypatch.setattr(reading, "MOST_SCENES", 2)
    assert len(source_of(GUEST).anatomies) == 2
    monkeypatch.setattr(reading, "MOST_SCENES", 40)
    monkeypatch.setattr(reading, "_MOST_READ", 1)
    assert len(source_of(GUEST).anatomies) == 1


def closed(*spans):
    """(id, parent, kind, length) as columns."""
    ids, parents, kinds, lengths = (np.asarray(column) for column in zip(*spans, strict=True))
    begin_ns = ids.astype(np.int64) * 10
    nothing = np.zeros(len(ids), np.int64)
    code = np.asarray([SPAN_CODE[kind] for kind in kinds])
    return ClosedSpans(
        ids, parents, code, nothing, begin_ns, begin_ns + lengths, nothing + 1, nothing, nothing, nothing, nothing
    )


def test_of_too_many_spans_those_are_kept_that_tell_most():
    slab = [(number, NO_SPAN, SpanKind.SHRINK_SLAB, 1000 - number) for number in range(100)]
    inner = (200, 201, SpanKind.LEAK_BALLOON, 2)
    outer = (201, NO_SPAN, SpanKind.SHRINK_SLAB, 3)
    spans = closed(*slab, inner, outer)
    thinned = Thinned(6, frozenset({77}))
    everything = np.arange(len(spans))
    kept = set(spans.id[thinned.of_stretch(spans, everything, spans.id)].tolist())
    assert len(kept) == 6
    assert {77, 200, 201} <= kept, "the named one, the only leak, and what lies around it"
    assert kept - {77, 200, 201} == {0, 1, 2}, "the longest of the others"
    assert (thinned.seen, thinned.threads) == (102, 1)


# Who led to whom


def links(spans, points=(), events=(), *, came_back=False):
    found = links_of(spans, points, events, came_back=came_back)
    return [
        (each.kind, each.quality, each.from_tid, each.from_ns // MS, each.to_tid, each.to_ns // MS) for each in found
    ]


def test_kswapd_is_woken_by_the_last_wakeup_of_its_node():
    wakeups = [
        point("wakeup_kswapd", 1, tid=7, nid=0),
        point("wakeup_kswapd", 2, tid=8, nid=0),
        point("wakeup_kswapd", 3, tid=9, nid=1),
    ]
    runs = [row(SpanKind.KSWAPD, 4, 6, tid=50, nid=0), row(SpanKind.KSWAPD, 8, 9, tid=50, nid=0)]
    assert links(runs, events=wakeups) == [(LinkKind.WOKE, Quality.MEASURED, 8, 2, 50, 4)]


def test_an_inflation_follows_the_last_leak_in_need():
    leaks = [row(SpanKind.OOM_NOTIFIER, at, at + 1, tid=7, deflated_pages=256) for at in (1, 3)]
    runs = [row(SpanKind.BALLOON_WORK, at, at + 1, tid=50, inflated_pages=pages) for at, pages in ((6, 256), (8, 256))]
    assert links([*leaks, *runs]) == [(LinkKind.REINFLATED, Quality.INFERRED, 7, 4, 50, 6)]
    hosts = row(SpanKind.LEAK_BALLOON, 1.2, 1.4, tid=50, depth=1, freed=5)
    assert links([row(SpanKind.BALLOON_WORK, 1, 2, tid=50), hosts, runs[0]]) == [], "the host asked for those"


def test_a_run_that_nothing_counts_brings_pages_back_only_where_some_came():
    spans = [row(SpanKind.OOM_NOTIFIER, 1, 2, deflated_pages=9), row(SpanKind.BALLOON_WORK, 3, 4, tid=50)]
    assert links(spans) == []
    assert [each[0] for each in links(spans, came_back=True)] == [LinkKind.REINFLATED]


def test_the_hosts_change_and_a_kill_lead_on():
    spans = [row(SpanKind.BALLOON_WORK, 3, 4, tid=50), row(SpanKind.DIRECT_RECLAIM, 1, 9, tid=77)]
    points = [point("virtballoon_changed", 2, tid=0), point("mark_victim", 5, tid=8, pid=77)]
    assert links(spans, points) == [
        (LinkKind.QUEUED, Quality.INFERRED, 0, 2, 50, 3),
        (LinkKind.KILLED, Quality.MEASURED, 8, 5, 77, 5),
    ]


# In the page


def unpacked(page):
    text = page.partition('"anatomy":{"packed":"')[2].partition('"')[0]
    return json.loads(gzip.decompress(base64.b64decode(text)))


def test_the_page_has_them_as_data_and_the_first_as_a_table(guest):
    page = render(guest.analysis, guest.facts, evidence=guest.evidence, anatomies=guest.anatomies)
    data = unpacked(page)
    assert [each["key"] for each in data["scenes"]] == [each.scene.key for each in guest.anatomies]
    first = data["scenes"][0]
    assert len(first["entries"]) >= len(first["spans"]) > 50
    for each in data["scenes"]:
        assert f"Showing {len(each['spans'])} of" in each["shown"]
        lanes_seen = {span[0] for span in each["spans"]}
        assert lanes_seen <= set(range(len(each["lanes"])))
        assert all(span[1] < each["lanes"][span[0]][2] for span in each["spans"])
    assert page.count('href="#anatomy=finding-') == len(
        {key for key in (s["key"] for s in data["scenes"]) if "-" in key}
    )
    assert "<td>kworker/" in page
    assert "OOM notifier" in page
    assert len(page) < 1_200_000


def test_threads_have_roles_and_the_costliest_are_drawn(guest):
    made, seen = lanes(guest.anatomies[0])
    assert "balloon worker" in {lane.role for lane in made}
    assert "waits, runs the OOM notifier" in {lane.role for lane in made}
    assert len(made) <= min(seen, MOST_LANES)


def test_many_threads_are_counted_and_the_busiest_drawn(guest):
    spans = [row(SpanKind.DIRECT_RECLAIM, tid, tid + tid, tid=tid, number=tid) for tid in range(1, 30)]
    found = replace(guest.anatomies[1], spans=spans, points=[], links=[], points_seen=0, spans_seen=40, threads_seen=31)
    found = replace(found, scene=replace(found.scene, named=frozenset()))
    view = SceneView.of(found, 0, PAGE)
    assert [lane.tid for lane in view.lanes] == [*range(29, 29 - MOST_LANES, -1)]
    assert view.shown == "Showing 8 of 40 spans, 8 of 31 threads; the others are shorter or tell less."


def test_what_was_not_seen_is_said(guest):
    spans = [row(SpanKind.DIRECT_RECLAIM, None, 5, number=None), row(SpanKind.KSWAPD, 2, None, tid=2, number=None)]
    found = replace(guest.anatomies[1], spans=spans, points=[], links=[])
    told = {entry.thread: entry for entry in SceneView.of(found, 0, PAGE).entries}
    assert told["task (1)"].what.endswith("its begin was not seen")
    assert told["task (2)"].what.endswith("its end lies beyond this or was not seen")
    assert told["task (1)"].lasted_ns is told["task (2)"].lasted_ns is None


def test_without_single_spans_at_hand_there_is_no_section(guest):
    page = render(guest.analysis, guest.facts)
    assert 'id="anatomy"' not in page
    assert "#anatomy=" not in page


def test_names_are_inert_and_redacted_where_they_are_asked_to_be(tmp_path):
    path, page = write_recording(tmp_path / "a.rtrace"), tmp_path / "a.html"
    for options in ((), ("--redact",)):
        result = CliRunner().invoke(app, ["report", str(path), "-o", str(page), "--force", *options])
        assert result.exit_code == 0, result.output
        text = page.read_text()
        data = json.dumps(unpacked(text))
        assert "\\u001b" not in data
        assert "\x1b" not in text
        assert ("hog" in data, "java" in data) == (not options, not options)
        assert ("task-1" in data) is bool(options)
    assert HOSTILE_COMM.startswith("hog")


def test_a_wait_is_named_with_its_tier():
    from tracer.evidence.scenes import Scene
    from tracer.report.anatomy.titles import title_of

    wait = Wait(3, 0, 114 * MS, 282, "a\x1bb", Tier.OOM_NOTIFY)
    title = title_of(Scene(SceneKind.WAIT, "wait", 0, 1, frozenset(), wait), PAGE)
    assert title.name == "Longest wait: a\\x1bb (282), 114 ms"
    assert title.about == "a\\x1bb (282) waited 114 ms in one span of tier 4 oom_notify."


# Standard input, and what has no scene


@pytest.fixture
def as_stdin():
    """Makes a file this process's standard input."""
    before = os.dup(0)

    def put(path):
        descriptor = os.open(path, os.O_RDONLY)
        os.dup2(descriptor, 0)
        os.close(descriptor)

    yield put
    os.dup2(before, 0)
    os.close(before)


@pytest.mark.parametrize("redact", [False, True])
def test_a_report_of_standard_input_has_the_same_evidence_and_scenes_as_its_files(as_stdin, redact):
    whole = source_of(GUEST, redact=redact)
    as_stdin(GUEST)
    found = analyse_stdin_for_report(Options(), redact=redact)
    assert len(found.anatomies) > 5
    assert [each.spans for each in found.anatomies] == [each.spans for each in whole.anatomies]
    assert [each.links for each in found.anatomies] == [each.links for each in whole.anatomies]
    assert found.evidence == whole.evidence
    assert found.analysis.findings == whole.analysis.findings
    assert found.facts.complete


def test_standard_input_that_is_cut_has_scenes_of_what_came_and_says_that_it_is_cut(as_stdin, tmp_path):
    cut = tmp_path / "cut.rtrace"
    cut.write_bytes(GUEST.read_bytes()[:60_000])
    as_stdin(cut)
    found = analyse_stdin_for_report(Options())
    assert (found.facts.complete, bool(found.anatomies)) == (False, True)
    assert [each.spans for each in found.anatomies] == [each.spans for each in source_of(cut).anatomies]


def test_the_worker_and_the_function_that_it_runs_are_told_apart(guest):
    spans = [row(SpanKind.BALLOON_WORK, 0, 9), row(SpanKind.UPDATE_BALLOON_SIZE, 1, 8, depth=1)]
    worker = replace(guest.anatomies[0], spans=spans)
    told = [entry.what for entry in SceneView.of(worker, 0, PAGE).entries if "→" not in entry.what]
    assert any(each.startswith("balloon work") for each in told)
    assert any(each.startswith("update_balloon_size_func()") for each in told)
    work, update = (SPAN_LOOKS[kind] for kind in (SpanKind.BALLOON_WORK, SpanKind.UPDATE_BALLOON_SIZE))
    assert work.letter != update.letter
    assert work.css != update.css


def test_a_finding_that_is_not_drawn_says_why(guest):
    counted = next(each for each in guest.analysis.findings if each.kind == "headroom")
    page = render(guest.analysis, guest.facts, anatomies=guest.anatomies)
    assert page.count("no spans to draw") == sum(each.kind in WITHOUT_SPANS for each in guest.analysis.findings) > 0
    assert f'href="#anatomy=finding-{counted.id}"' not in page
    assert "make it from the recording" in render(guest.analysis, guest.facts)
