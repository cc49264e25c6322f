"""OTLP's JSON: read by the official protocol buffers, it says what the summary says."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from command_line import run
from exports import exported, exported_of, exported_part, with_notes
from import_cases import import_text
from metric_series import samples
from otlp_requests import named, parsed, records, series
from prometheus_client.parser import text_string_to_metric_families

import tracer
from tests.golden.cases import DATA
from tracer.export.otlp.clock import WallClock
from tracer.export.otlp.requests import LOGS, requests
from tracer.jobs.analysis import Span
from tracer.metadata import ClockChange, ClockChangeKind, Metadata
from tracer.otlp_json import attributes
from tracer.recording_facts import RecordingFacts
from tracer.store.slicing import RecordingPart
from tracer.tables.origin import tracing_id

STORM = DATA / "guest-out-of-reach.rtrace"
KILL = DATA / "guest-no-deflate.rtrace"
P = "reclaim_tracer."
SEVERITIES = {"info": 9, "warning": 13, "critical": 18}


@pytest.fixture(scope="module")
def lines() -> dict[Path, list[bytes]]:
    return {path: exported(path, "otlp").splitlines() for path in (STORM, KILL)}


@pytest.fixture(scope="module")
def summaries() -> dict[Path, dict[str, Any]]:
    return {path: tracer.open(path).summary() for path in (STORM, KILL)}


def of(lines: dict[Path, list[bytes]], path: Path) -> tuple[list[Any], list[Any], list[Any]]:
    return records(parsed(line) for line in lines[path])


def kind(span: Any) -> str:
    return span.name.split()[0]


@pytest.mark.parametrize("path", [STORM, KILL], ids=lambda path: path.stem)
def test_spans_are_what_the_summary_found(path: Path, lines: Any, summaries: Any) -> None:
    spans, _, _ = of(lines, path)
    summary = summaries[path]
    for name, rows in (("episode", "episodes"), ("storm", "storms"), ("cycle", "cycles"), ("conflict", "conflicts")):
        ours = [span for span in spans if kind(span) == name]
        assert [named(span.attributes)[f"{P}{name}.id"] for span in ours] == [row["id"] for row in summary[rows]]
        for span, row in zip(ours, summary[rows], strict=True):
            length_s = (span.end_time_unix_nano - span.start_time_unix_nano) / 1e9
            assert length_s == pytest.approx(row["end_s"] - row["start_s"], abs=1e-8)
    assert len(spans) == sum(len(summary[rows]) for rows in ("episodes", "storms", "cycles", "conflicts")) > 0
    wasted = [named(span.attributes)[f"{P}cycle.wasted_pages"] for span in spans if kind(span) == "cycle"]
    assert sum(wasted) == summary["balloon"]["wasted_pages"]


def test_spans_form_trees(lines: Any) -> None:
    spans, _, _ = of(lines, STORM)
    by_id = {span.span_id: span for span in spans}
    assert len(by_id) == len(spans)
    assert all((len(span.trace_id), len(span.span_id)) == (16, 8) for span in spans)
    parents = Counter((kind(span), kind(by_id[span.parent_span_id])) for span in spans if span.parent_span_id)
    assert parents == {("cycle", "storm"): 3, ("storm", "episode"): 1, ("conflict", "episode"): 1}
    assert all(span.trace_id == by_id[span.parent_span_id].trace_id for span in spans if span.parent_span_id)
    roots = [span for span in spans if not span.parent_span_id]
    assert len({span.trace_id for span in roots}) == len(roots) == 2


@pytest.mark.parametrize("path", [STORM, KILL], ids=lambda path: path.stem)
def test_tiers_are_events_of_their_episode(path: Path, lines: Any, summaries: Any) -> None:
    spans, _, _ = of(lines, path)
    for span, episode in zip(spans, summaries[path]["episodes"], strict=False):
        tiers = {event.name: event for event in span.events if event.name.startswith("tier ")}
        assert sorted(tiers) == sorted(f"tier {row['tier']}" for row in episode["tiers"])
        for row in episode["tiers"]:
            event = tiers[f"tier {row['tier']}"]
            told = named(event.attributes)
            at_s = (event.time_unix_nano - span.start_time_unix_nano) / 1e9
            assert at_s == pytest.approx(row["first_s"] - episode["start_s"], abs=1e-8)
            assert told[f"{P}tier.quality"] == row["quality"]
            for source in ("file", "anon", "lru", "slab", "balloon", "reported"):
                assert told.get(f"{P}tier.{source}_pages") == row["sources"][source]["pages"]


def test_a_kill_is_an_event_of_its_episode(lines: Any) -> None:
    spans, logs, _ = of(lines, KILL)
    ((span, event),) = [(span, event) for span in spans for event in span.events if event.name == "oom_kill"]
    (log,) = [record for record in logs if record.event_name == f"{P}oom_kill"]
    assert (log.trace_id, log.span_id) == (span.trace_id, span.span_id)
    assert event.time_unix_nano == log.time_unix_nano
    told = named(event.attributes)
    assert told.items() <= named(log.attributes).items()
    assert told[f"{P}finding.numbers.pid"] > 0


@pytest.mark.parametrize("path", [STORM, KILL], ids=lambda path: path.stem)
def test_log_records_are_the_findings(path: Path, lines: Any, summaries: Any) -> None:
    spans, logs, _ = of(lines, path)
    by_id = {span.span_id: span for span in spans}
    findings = summaries[path]["findings"]
    start_ns = tracer.open(path).metadata.start_utc_ns
    for record, finding in zip(logs, findings, strict=True):
        told = named(record.attributes)
        assert record.body.string_value == finding["text"]
        assert record.event_name == P + told[f"{P}finding.kind"] == P + finding["kind"]
        assert (record.severity_number, record.severity_text) == (
            SEVERITIES[finding["severity"]],
            finding["severity"],
        )
        assert record.time_unix_nano == start_ns + round(finding["start_s"] * 1e9)
        numbers = {name: told[f"{P}finding.numbers.{name}"] for name in finding["numbers"]}
        assert numbers == pytest.approx(finding["numbers"])
        if record.span_id:
            span = by_id[record.span_id]
            assert record.trace_id == span.trace_id
            assert span.start_time_unix_nano <= record.time_unix_nano <= span.end_time_unix_nano
    linked = Counter(kind(by_id[record.span_id]) for record in logs if record.span_id)
    assert linked == ({"storm": 1, "conflict": 1, "episode": 2} if path == STORM else {"episode": 1})


@pytest.mark.parametrize("path", [STORM, KILL], ids=lambda path: path.stem)
def test_metrics_are_those_for_prometheus(path: Path, lines: Any) -> None:
    _, _, metrics = of(lines, path)
    families = [*text_string_to_metric_families(exported(path, "prometheus").decode())]
    ours = {
        (name, tuple(one for one in labels if one[1])): value for (name, labels), value in samples(families).items()
    }
    assert series(metrics) == ours
    assert {metric.unit for metric in metrics} == {"", "By", "s"}


def test_whose_it_is_follows_the_conventions(lines: Any) -> None:
    told = named(parsed(lines[KILL][0]).resource_spans[0].resource.attributes)
    metadata = tracer.open(KILL).metadata
    assert told["service.name"] == "reclaim-tracer"
    assert (told["host.arch"], told["os.type"]) == ("amd64", "linux")
    assert told["os.version"] == metadata.kernel_release
    assert "host.name" not in told  # the kernel's "(none)" is no name
    assert all(parsed(line).ListFields()[0][1][0].resource.attributes for line in lines[KILL])


def test_the_same_recording_gives_the_same_lines(lines: Any) -> None:
    assert exported(STORM, "otlp").splitlines() == lines[STORM]


@pytest.mark.parametrize("is_clock_set", [False, True])
def test_a_slice_has_the_ids_and_times_of_the_whole(is_clock_set: bool) -> None:
    # GIVEN a recording, where it is so with a clock that was set long before the slice
    start_ns = tracer.open(STORM).metadata.start_ns
    notes = {"clock_changes": [[start_ns + 10**9, "set", 3600 * 10**9]]} if is_clock_set else {}
    recording = with_notes(STORM, notes)
    whole, _, _ = records(parsed(line) for line in exported_of(recording, "otlp").splitlines())
    # WHEN the second episode is exported, with all that belongs to it
    part, _, _ = records(parsed(line) for line in exported_of(recording, "otlp", Span(8.0)).splitlines())
    # THEN all of it is what the whole has, but for the conflict, which began before
    assert Counter(kind(span) for span in part) == {"episode": 1, "storm": 1, "cycle": 3, "conflict": 1}
    by_id = {span.span_id: span for span in whole}
    assert [kind(span) for span in part if span.span_id not in by_id] == ["conflict"]
    for span in (span for span in part if span.span_id in by_id):
        twin = by_id[span.span_id]
        assert (span.name, span.trace_id, span.parent_span_id) == (twin.name, twin.trace_id, twin.parent_span_id)
        assert span.start_time_unix_nano == twin.start_time_unix_nano
        assert span.end_time_unix_nano == twin.end_time_unix_nano
    later_s = (part[0].start_time_unix_nano - recording.metadata.start_utc_ns) / 1e9
    assert later_s == pytest.approx(8.70209211 + 3600 * is_clock_set)


def test_what_rotation_left_has_the_ids_of_the_whole() -> None:
    # GIVEN the last file of a recording: it began when that file did
    recording, later_ns = with_notes(STORM, {}), 8 * 10**9
    began = recording.metadata
    left = replace(began, start_ns=began.start_ns + later_ns, start_utc_ns=began.start_utc_ns + later_ns)
    recording.metadata = left
    # WHEN it is exported
    part = exported_part(RecordingPart(recording, left, left.start_ns), "otlp")
    # THEN what it has whole is called as it was while all files were there
    whole, left_over = (records(map(parsed, each.splitlines()))[0] for each in (exported(STORM, "otlp"), part))
    names = Counter(kind(span) for span in left_over if span.span_id in {one.span_id for one in whole})
    assert names == {"episode": 1, "storm": 1, "cycle": 3}


def test_imports_of_unknown_boots_are_told_apart_by_their_begin() -> None:
    metadata = tracer.open(STORM).metadata
    for unknown in (replace(metadata, boot_id=""), replace(metadata, imported_from="trace.dat")):
        assert tracing_id(unknown) != tracing_id(replace(unknown, start_utc_ns=1))
    assert tracing_id(metadata) == tracing_id(replace(metadata, start_utc_ns=1))


def test_a_slice_of_a_recording_without_a_clock_has_none() -> None:
    recording = with_notes(STORM, {"clock_changes": [[0, "set", 10**9]]})
    recording.metadata = replace(recording.metadata, start_utc_ns=0)
    assert Span(8.0).part(recording).metadata.start_utc_ns == 0


def test_an_import_without_a_clock_is_refused_in_one_line(tmp_path: Path) -> None:
    text = "  a-1 [000] 1.000000: mm_vmscan_kswapd_wake: nid=0 order=0\n"
    import_text(text, tmp_path)
    (path,) = tmp_path.glob("*.rtrace")
    done = run("export", path, "--format", "otlp", "-o", tmp_path / "out.jsonl")
    assert (done.returncode, done.stdout) == (1, "")
    assert f"{path.name}: OTLP needs the time of day" in done.stderr
    assert done.stderr.count("\n") == 1
    assert not (tmp_path / "out.jsonl").exists()


def test_times_follow_the_wall_clock_and_lengths_do_not() -> None:
    changes = (
        ClockChange(1_000 + 2 * 10**9, ClockChangeKind.SUSPENDED, 60 * 10**9),
        ClockChange(1_000 + 4 * 10**9, ClockChangeKind.SET, -3600 * 10**9),
    )
    facts = RecordingFacts("a", Metadata(start_ns=1_000, start_utc_ns=10**18), clock_changes=changes)
    clock = WallClock(facts)
    told = [clock.at_ns(seconds) - 10**18 for seconds in (1.0, 3.0, 5.0)]
    assert told == [10**9, 63 * 10**9, (5 + 60 - 3600) * 10**9]
    stretch = clock.stretch(3.0, 5.0)
    assert int(stretch["endTimeUnixNano"]) - int(stretch["startTimeUnixNano"]) == 2 * 10**9
    assert WallClock(replace(facts, clock_changes=())).at_ns(5.0) == 10**18 + 5 * 10**9


def test_no_line_is_longer_than_the_collector_reads() -> None:
    records = [{"body": {"stringValue": "x" * 1000}, "n": number} for number in range(3000)]
    requested = [*requests(LOGS, {"attributes": []}, iter(records))]
    assert sum(one.records for one in requested) == len(records)
    made = [one.body for one in requested]
    assert max(map(len, made)) < 1 << 19
    back = [record for line in made for record in json.loads(line)["resourceLogs"][0]["scopeLogs"][0]["logRecords"]]
    assert back == records
    assert [*requests(LOGS, {}, [])] == []


def test_attributes_leave_out_what_is_not_known() -> None:
    told = attributes(
        {"a_pages": None, "b": float("inf"), "c": "", "d_s": 0, "e": 2**40, "f": {"g": True}, "h": "\x1b"}
    )
    assert told == [
        {"key": "d_s", "value": {"doubleValue": 0.0}},
        {"key": "e", "value": {"intValue": str(2**40)}},
        {"key": "f.g", "value": {"boolValue": True}},
        {"key": "h", "value": {"stringValue": "\\x1b"}},
    ]
