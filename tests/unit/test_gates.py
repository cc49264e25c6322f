"""Conditions on a recording: how they are read, what comes of them, and what CI gets."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from dataclasses import replace

import pytest
from balloon_streams import shrinker_storm
from command_line import run
from golden.cases import DATA
from streams import METADATA, MS, SECOND, analyse, counters, event, records
from written_recordings import HOSTILE_COMM, write_recording

from tracer.analyze import Analysis
from tracer.errors import UsageError
from tracer.gates.conditions import EXAMPLES, MEASURES, Growth, completions, parse
from tracer.gates.judging import Judged, Outcome, failures, judge
from tracer.gates.junit import junit_xml
from tracer.metadata import Metadata, PlanRow, SourceState
from tracer.recording_facts import RecordingFacts

PAGE = 4096


def facts(metadata: Metadata = METADATA, **more: object) -> RecordingFacts:
    return RecordingFacts("x.rtrace", metadata, **more)


def outcome(text: str, analysis: Analysis, of: RecordingFacts | None = None) -> Judged:
    (judged,) = judge(parse(text), analysis, of or facts())
    return judged


@pytest.fixture(scope="module")
def storm() -> Analysis:
    return analyse(*shrinker_storm(4))


@pytest.mark.parametrize(
    ("text", "limit", "inclusive", "growth"),
    [
        ("cycles>0", 0, False, None),
        ("waste>64MiB", 64 << 20, False, None),
        (" waste >= 1.5 GiB ", 1.5 * (1 << 30), True, None),
        ("stall>250ms", 0.25, False, None),
        ("wait>=2m", 120, True, None),
        ("refault>+20%", 0.2, False, Growth.SHARE),
        ("refault>20%", 0.2, False, Growth.SHARE),
        ("waste>+64MiB", 64 << 20, False, Growth.AMOUNT),
        ("kills>+0", 0, False, Growth.AMOUNT),
    ],
)
def test_a_limit_is_read_in_its_measures_unit(text, limit, inclusive, growth):
    (condition,) = parse(text, compares=True)
    assert (condition.limit, condition.inclusive, condition.growth) == (pytest.approx(limit), inclusive, growth)
    assert condition.measure is MEASURES[text.strip().partition(">")[0].strip()]


def test_the_example_of_the_messages_is_one():
    texts = [condition.text for condition in parse(EXAMPLES)]
    assert texts == ["cycles>0", "waste>64MiB", "stall>1s", "kind:starved", "severity>=warning", "loss"]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("weather", "'weather' is not one of cycles, conflicts"),
        ("waste>64", "waste takes a number with B or KiB or MiB"),
        ("waste>64s", "waste takes a number with B"),
        ("stall>1MiB", "stall takes a number with ms"),
        ("cycles>1MiB", "cycles takes a number with no unit"),
        ("cycles>=0", "'cycles>=0' is always met; use cycles>0"),
        ("cycles<3", "'cycles<3' is not one of"),
        ("waste>-1MiB", "is not one of"),
        ("waste", "'waste' is not one of"),
        ("kind:starvation", "no kind of finding is named 'starvation'"),
        ("severity>=bad", "'bad' is not one of info, warning, critical"),
        ("refault>+20%", "reclaim-tracer compare BEFORE AFTER"),
    ],
)
def test_what_is_no_condition_is_refused(text, words):
    with pytest.raises(UsageError, match=words.replace("+", r"\+")):
        parse(text)


def test_numbers_are_held_against_limits(storm):
    wasted = storm.balloon.wasted_pages * PAGE
    assert len(storm.cycles) == 4
    assert outcome("cycles>3", storm).outcome is Outcome.MET
    assert outcome("cycles>=4", storm).outcome is Outcome.MET
    assert outcome("cycles>4", storm).outcome is Outcome.PASSED
    assert outcome(f"waste>{wasted - 1}B", storm).outcome is Outcome.MET
    assert outcome(f"waste>{wasted}B", storm).outcome is Outcome.PASSED


def test_findings_are_held_against_kinds_and_severities(storm):
    assert {finding.kind for finding in storm.findings} >= {"storm"}
    found = outcome("kind:storm", storm)
    assert (found.outcome, found.words) == (Outcome.MET, storm.findings[0].text)
    assert outcome("severity>=critical", storm).outcome is Outcome.MET
    assert outcome("kind:user_kill", storm).outcome is not Outcome.MET


def test_waits_are_counted_once_and_the_longest_is_one():
    stream = records(
        event(SECOND, "direct_reclaim_begin", 7),
        event(SECOND + 100 * MS, "throttled", 7, usec_timeout=100_000, usec_delayed=80_000),
        event(SECOND + 500 * MS, "direct_reclaim_end", 7, nr_reclaimed=3),
        event(3 * SECOND, "direct_reclaim_begin", 8),
        event(3 * SECOND + 700 * MS, "direct_reclaim_end", 8, nr_reclaimed=3),
    )
    analysis = analyse(stream, end_ns=5 * SECOND)
    assert outcome("stall>1.19s", analysis).outcome is Outcome.MET
    assert outcome("stall>1.21s", analysis).outcome is Outcome.PASSED
    assert outcome("wait>0.69s", analysis).outcome is Outcome.MET
    assert outcome("wait>0.71s", analysis).words == "700 ms"


def test_read_again_is_the_counters_growth_in_bytes():
    rows = [(0, 0, 0), (SECOND, 0, 0), (2 * SECOND, 0, 0)]
    read = analyse(counters(rows, workingset_refault_file=[1000, 1100, 1256]))
    assert outcome("refault>1023KiB", read).words == "1.0 MiB"
    assert outcome("refault>1MiB", read).outcome is Outcome.PASSED
    unread = analyse(counters(rows))
    assert outcome("refault>1MiB", unread).line == (
        "--fail-on: refault>1MiB could not be judged: refaults were not sampled"
    )


def test_what_was_not_traced_is_not_passed():
    plan = (PlanRow("kswapd_wake", "tracepoint:vmscan:mm_vmscan_kswapd_wake", SourceState.USED),)
    metadata = replace(METADATA, plan=plan)
    blind = analyse(records(event(SECOND, "kswapd_wake", 3)), metadata=metadata)
    for text in ("kills>0", "stall>1s", "wait>1s", "kind:oom_kill", "cycles>0", "waste>1MiB", "severity>=warning"):
        judged = outcome(text, blind, facts(metadata))
        assert (judged.outcome, judged.fails) == (Outcome.UNKNOWN, True), text
        assert judged.words
    old = outcome("kills", blind, facts(metadata))
    assert (old.outcome, old.fails) == (Outcome.UNKNOWN, False), "a word alone means what it always meant"
    assert failures([old]) == ["--fail-on: kills could not be judged: kills were not traced"]


def test_where_events_were_lost_none_seen_is_no_zero_and_some_are_at_least_some(storm):
    lossy = facts(lost={"lru_shrink_inactive": 9})
    some = outcome("cycles>9", storm, lossy)
    assert (some.outcome, some.words) == (Outcome.PASSED, "at least 4")
    none = outcome("kills>0", storm, lossy)
    assert (none.outcome, none.words) == (Outcome.UNKNOWN, "9 events were lost")


def test_an_empty_recording_passes_nothing():
    empty = analyse()
    for text in ("cycles>0", "kills>0", "stall>1s", "refault>1MiB", "kind:storm", "severity>=info"):
        assert outcome(text, empty, facts(complete=False)).outcome is Outcome.UNKNOWN, text


def test_loss_counts_events_and_parts_whose_events_nobody_counted(storm):
    assert outcome("loss", storm).outcome is Outcome.PASSED
    cut = outcome("loss", storm, facts(cut_bytes=2048, complete=False))
    assert (cut.outcome, cut.line) == (Outcome.MET, "--fail-on: loss 2.0 KiB cut")
    assert outcome("loss>100", storm, facts(cut_bytes=2048)).outcome is Outcome.UNKNOWN


def test_junit_has_failures_errors_and_what_passed(storm):
    lossy = facts(lost={"lru_shrink_inactive": 9})
    suite = ET.fromstring(junit_xml("x\x1b.rtrace", judge(parse("cycles>0,kills>0,waste>1TiB"), storm, lossy)))
    cases = {case.get("name"): case for case in suite.iter("testcase")}
    assert [(name, *(child.tag for child in case)) for name, case in cases.items()] == [
        ("cycles>0", "failure"),
        ("kills>0", "error"),
        ("waste>1TiB", "system-out"),
    ]
    assert cases["cycles>0"].find("failure").get("message") == "at least 4"
    counted = suite.find("testsuite")
    assert {key: counted.get(key) for key in ("tests", "failures", "errors")} == {
        "tests": "3",
        "failures": "1",
        "errors": "1",
    }


def test_a_tasks_name_can_not_break_the_junit_file(tmp_path):
    recording, target = write_recording(tmp_path / "a.rtrace"), tmp_path / "gate.xml"
    result = run("summary", recording, "--fail-on", "kind:oom_kill, cycles>5", "--junit", target)
    assert result.returncode == 5
    assert HOSTILE_COMM not in target.read_text()
    names = [case.get("name") for case in ET.parse(target).iter("testcase")]
    assert names == ["kind:oom_kill", "cycles>5"]
    assert f"Wrote {target}" in result.stderr


@pytest.mark.parametrize(
    ("conditions", "code", "lines"),
    [
        ("cycles>1,kills>=1,waste>1GiB", 5, 2),
        ("cycles>2, waste>64MiB", 0, 0),
        ("severity>=critical", 5, 1),
        ("refault>1GiB", 5, 1),
    ],
)
def test_each_condition_that_is_met_is_one_line(tmp_path, conditions, code, lines):
    result = run("summary", write_recording(tmp_path / "a.rtrace"), "--fail-on", conditions)
    assert result.returncode == code
    assert len([line for line in result.stderr.splitlines() if line.startswith("--fail-on: ")]) == lines
    assert result.stdout


def test_junit_without_conditions_or_a_place_is_refused_before_any_work(tmp_path):
    recording = write_recording(tmp_path / "a.rtrace")
    none = run("summary", recording, "--junit", tmp_path / "gate.xml")
    assert (none.returncode, none.stdout) == (2, "")
    assert "'--junit': it needs conditions" in none.stderr
    nowhere = run("summary", recording, "--fail-on", "cycles", "--junit", tmp_path / "no" / "gate.xml")
    assert (nowhere.returncode, nowhere.stdout) == (1, "")


def test_a_list_of_no_conditions_is_refused(tmp_path):
    recording = write_recording(tmp_path / "a.rtrace")
    for empty in ("", " , "):
        result = run("summary", recording, "--fail-on", empty)
        assert (result.returncode, result.stdout) == (2, "")
        assert "it names no condition" in result.stderr


def test_a_junit_file_that_can_not_be_had_is_told_by_its_own_option(tmp_path):
    result = run("summary", write_recording(tmp_path / "a.rtrace"), "--fail-on", "loss", "--junit", "/dev/full")
    assert (result.returncode, result.stdout) == (1, "")
    assert result.stderr.endswith("a JUnit file needs a regular file; choose another path with --junit\n")


def test_a_junit_file_does_not_replace_the_recording(tmp_path):
    recording = write_recording(tmp_path / "a.rtrace")
    kept = recording.read_bytes()
    (link := tmp_path / "hard.rtrace").hardlink_to(recording)
    for name in (recording, link):
        result = run("summary", recording, "--fail-on", "loss", "--junit", name)
        assert (result.returncode, result.stdout, recording.read_bytes()) == (1, "", kept)
        assert "is the same file as the input" in result.stderr


@pytest.mark.parametrize(
    ("incomplete", "some"),
    [
        ("cycles,k", ["cycles,kills", "cycles,kind:"]),
        ("kind:st", ["kind:storm", "kind:starved"]),
        ("severity>=w", ["severity>=warning"]),
        ("loss,loss", []),
    ],
)
def test_what_a_condition_may_become_is_completed(incomplete, some):
    assert list(completions(incomplete)) == some


def test_a_real_storm_is_told_by_its_kind_and_its_waste():
    result = run("summary", DATA / "guest-host-reasserts.rtrace", "--fail-on", "waste>1MiB,kind:oom_kill")
    assert result.returncode == 5
