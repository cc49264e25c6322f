"""The timeline's rows show what the analysis holds, say what is not known, and pack it without losing any of it."""

from __future__ import annotations

import base64
import gzip
import json
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from synthetic_analysis import MIB_PAGES, enormous, facts, quiet, storm

from tracer.analyze.curves import Occurrences, Quantity, Timeline
from tracer.analyze.model import Analysis, Conflict, Episode, Finding
from tracer.analyze.terms import Quality, Severity
from tracer.metadata import BalloonInfo, ClockChange, ClockChangeKind, HostCommand, Mark, Metadata
from tracer.recording_facts import RecordingFacts
from tracer.report.section import Source
from tracer.report.timeline import content
from tracer.report.timeline.clock import clocks_of
from tracer.report.timeline.lanes import joined
from tracer.report.timeline.model import Lane, Row
from tracer.report.timeline.packing import times, values
from tracer.report.timeline.section import timeline

ROWS = ["lanes", "balloon", "memory", "reclaim", "refaults", "waiting", "pressure", "slab"]
MIB = float(1 << 20)


def rows_of(analysis: Analysis, of: RecordingFacts | None = None) -> dict[str, Row]:
    return {row.id: row for row in timeline(Source(analysis, of or facts())).rows}


def names(row: Row) -> list[str]:
    return [series.look.name for series in row.series]


def lane(analysis: Analysis, name: str, of: RecordingFacts | None = None) -> Lane:
    (found,) = [series for series in rows_of(analysis, of)["lanes"].series if series.look.name == name]
    assert isinstance(found, Lane)
    return found


def gauge(*readings: float) -> Quantity:
    return Quantity(np.arange(float(len(readings))), np.array(readings))


def unpacked(packed: dict) -> np.ndarray:
    return np.cumsum(np.frombuffer(base64.b64decode(packed["steps"]), "<i4").astype(np.int64)) * packed["unit"]


def test_a_full_recording_has_every_row_in_order() -> None:
    rows = rows_of(storm())
    assert list(rows) == ROWS
    assert [row.id for row in rows.values() if not row.drawn] == ["refaults", "waiting"]
    assert all(row.words.endswith(".") for row in rows.values())


def test_an_empty_recording_has_sentences_and_nothing_to_draw() -> None:
    rows = rows_of(quiet())
    assert not any(row.drawn for row in rows.values())
    assert rows["balloon"].words == "No balloon activity was recorded."
    assert content(Source(quiet(), facts())).data is None


def test_reclaimed_pages_are_told_by_tier_and_source() -> None:
    pages = np.zeros(10)
    pages[3] = 2 * MIB_PAGES
    series = {"direct.file_pages": pages, "direct.anon_pages": pages / 2, "background.file_pages": np.zeros(10)}
    row = rows_of(replace(quiet(), timeline=Timeline(0.1, series)))["reclaim"]
    assert names(row) == ["direct file", "direct anon"]
    assert row.words == "MiB over the whole recording: direct file 2.0; direct anon 1.0."


MOVED = {
    "meminfo.Balloon_bytes": gauge(0, 200 * MIB, 100 * MIB),
    "meminfo.MemFree_bytes": gauge(700 * MIB, 500 * MIB, 600 * MIB),
}


@pytest.mark.parametrize(
    ("total_mib", "used_mib"), [((1000, 1000, 1000), 1000), ((1000, 800, 900), 1000)], ids=["inside", "taken out"]
)
def test_memory_is_stacked_to_what_the_guest_owns_whether_memtotal_has_the_balloon_or_not(
    total_mib: tuple[float, ...], used_mib: float
) -> None:
    samples = MOVED | {"meminfo.MemTotal_bytes": gauge(*(mib * MIB for mib in total_mib))}
    row = rows_of(replace(quiet(), samples=samples))["memory"]
    assert names(row) == ["free", "other", "balloon"]
    stacked = np.sum([series.value for series in row.series], axis=0)
    assert stacked.tolist() == [used_mib] * 3
    assert row.unknown == ""


def test_a_balloon_that_hardly_moves_is_not_put_into_memory_by_guess() -> None:
    samples = MOVED | {"meminfo.Balloon_bytes": gauge(200 * MIB, 201 * MIB, 200 * MIB)}
    samples |= {"meminfo.MemTotal_bytes": gauge(1000 * MIB, 1000 * MIB, 1000 * MIB)}
    info = BalloonInfo("virtio_balloon", "virtio0")
    row = rows_of(replace(quiet(), samples=samples), replace(facts(), metadata=Metadata(balloon=info)))["memory"]
    assert "balloon" not in names(row)
    assert "cannot be told" in row.unknown


@pytest.mark.parametrize(
    ("features", "total_mib", "shown"),
    [
        (("stats_vq", "deflate_on_oom"), 1000, {"free", "other", "balloon"}),
        (("stats_vq",), 800, {"free", "other", "balloon"}),
        ((), 1000, {"free", "other"}),
    ],
)
def test_where_the_balloon_stands_still_its_features_tell_whether_memtotal_has_it(features, total_mib, shown) -> None:
    samples = MOVED | {"meminfo.Balloon_bytes": gauge(200 * MIB, 200 * MIB, 200 * MIB)}
    samples |= {"meminfo.MemTotal_bytes": gauge(*[total_mib * MIB] * 3)}
    info = BalloonInfo("virtio_balloon", "virtio0", features)
    recorded = replace(facts(), metadata=replace(facts().metadata, balloon=info))
    row = rows_of(replace(quiet(), samples=samples), recorded)["memory"]
    assert {*names(row)} == shown
    assert np.sum([series.value for series in row.series], axis=0).tolist() == [1000.0] * 3
    assert ("cannot be told" in row.unknown) == (not features)


def test_the_hosts_target_is_drawn_as_the_balloons_size_it_asks_for() -> None:
    samples = {
        "host.full_bytes": gauge(1024 * MIB, 1024 * MIB, 1024 * MIB),
        "host.actual_bytes": gauge(1024 * MIB, 1000 * MIB, 724 * MIB),
        "host.target_bytes": gauge(1024 * MIB, 624 * MIB, 624 * MIB),
    }
    row = rows_of(replace(storm(), samples=storm().samples | samples))["balloon"]
    (target,) = [series for series in row.series if series.look.name == "host's target"]
    assert (target.shape, target.value.tolist()) == ("hv", [0.0, 400.0, 400.0])
    assert "target" not in row.unknown
    assert lane(replace(storm(), samples=samples), "host command").labels == ["guest to have 624 MiB"]


def test_a_hosts_log_tells_every_command_also_those_that_change_nothing() -> None:
    asked = ((1.0, 400, "inflate"), (2.5, 400, "reassert"), (3.0, 1024, ""), (50.0, 400, "after the end"))
    commands = tuple(HostCommand(round(at_s * 1e9), mib * (1 << 20), words) for at_s, mib, words in asked)
    found = lane(storm(), "host command", facts(host_commands=commands))
    assert found.labels == [
        "guest to have 400 MiB: inflate",
        "guest to have 400 MiB once more: reassert",
        "guest to have 1,024 MiB",
    ]
    assert found.spans.begin_s.tolist() == [1.0, 2.5, 3.0]


def test_a_target_that_is_not_recorded_is_said_to_be_unknown() -> None:
    assert "The host's target is not in this recording." in rows_of(storm())["balloon"].unknown


def test_each_leak_is_marked_by_its_cause() -> None:
    marks = {
        series.look.name: len(series.time_s)
        for series in rows_of(storm())["balloon"].series
        if hasattr(series, "symbol")
    }
    assert marks == {"inflated": 43, "leak: host": 1, "leak: oom_notifier": 39}


def test_a_balloon_that_rests_is_a_sentence_with_its_size() -> None:
    resting = {"meminfo.Balloon_bytes": gauge(64 * MIB, 64 * MIB)}
    assert "held 64.0 MiB" in rows_of(replace(quiet(), samples=resting))["balloon"].words


def test_sampled_but_absent_is_told_from_not_sampled() -> None:
    still = {"psi.memory.some_total_us": gauge(7.0, 7.0), "vmstat.workingset_refault_file": gauge(7.0, 7.0)}
    sampled, unsampled = rows_of(replace(quiet(), samples=still)), rows_of(quiet())
    assert sampled["pressure"].words == "Pressure was sampled; no task waited for memory."
    assert sampled["refaults"].words == "Refaults were sampled; no page was read again."
    assert unsampled["pressure"].words == "Memory pressure was not sampled."
    assert unsampled["refaults"].words == "Refaults were not sampled."


def test_lanes_name_what_was_found_marked_lost_and_fought_over() -> None:
    marked = facts(marks=(Mark(3_000_000_000, "load on"),))
    found = [f"finding: {severity}" for severity in ("info", "warning", "critical")]
    happened = ["mark", "cycle", "conflict", "inflating", "episode", "lost"]
    assert names(rows_of(storm(), marked)["lanes"]) == found + happened
    mark = lane(storm(), "mark", marked)
    assert (mark.spans.begin_s.tolist(), mark.labels) == ([3.0], ["load on"])


def test_a_stretch_of_a_lane_leads_to_the_finding_it_is_in() -> None:
    # GIVEN a conflict's finding from 15 to 17 s, and a storm's from 16 to 23 s
    assert lane(storm(), "conflict").finding == [1, -1]
    assert lane(storm(), "cycle").finding == [2, 2, 2]
    kill = Occurrences(np.array([5.0]), np.array([5.0]), np.zeros(1), np.ones(1, np.int64))
    found = Finding(8, "oom_kill", Severity.CRITICAL, 5.0, 5.0, "Killed.", Quality.MEASURED)
    killed = replace(quiet(), findings=[found], timeline=Timeline(1.0, {}, spans={"oom_kill": kill}))
    assert lane(killed, "OOM kill").finding == [8]


def test_a_conflicts_stretches_leave_out_what_no_episode_is_in() -> None:
    # GIVEN a balloon that inflates from 1 to 20 s, and reclaim up to 4 s and from 17 s on
    conflict = Conflict(1, 1.0, 20.0, {"self": 0.0, "induced": 2.0, "foreign": 0.0}, 100, 100)
    episodes = [Episode(1, 0.5, 4.0), Episode(2, 17.0, 25.0), Episode(3, 30.0, 31.0)]
    analysis = replace(quiet(), duration_s=40.0, conflicts=[conflict], episodes=episodes)
    spans = lane(analysis, "conflict").spans
    assert list(zip(spans.begin_s.tolist(), spans.end_s.tolist(), strict=True)) == [(1.0, 4.0), (17.0, 20.0)]
    assert "conflict 1" in rows_of(analysis)["lanes"].words


@given(begins=st.lists(st.floats(0, 1e4), max_size=300).map(sorted), most=st.integers(1, 50))
def test_many_stretches_become_few_and_none_is_lost(begins: list[float], most: int) -> None:
    begin = np.array(begins)
    rows = Occurrences(begin, begin + 1.0, np.ones(len(begin)), np.ones(len(begin), np.int64))
    few = joined(rows, most)
    assert len(few.count) <= max(most, 0) or len(begin) <= most
    assert few.count.sum() == len(begin)
    assert few.begin_s[:1].tolist() == begin[:1].tolist()
    assert few.end_s.max(initial=0.0) == (begin.max(initial=-1.0) + 1.0)


@given(st.lists(st.floats(0, 1e5), max_size=200))
def test_packed_times_are_right_to_a_part_of_a_pixel(time_s: list[float]) -> None:
    told = unpacked(times(time_s, 1e5))
    assert np.abs(told - np.array(time_s)).max(initial=0.0) <= 1e5 / 2**30


@given(st.lists(st.integers(-(2**20) + 1, 2**20 - 1), max_size=200))
def test_packed_whole_numbers_are_exact(numbers: list[int]) -> None:
    assert unpacked(values(np.array(numbers, np.float64))).tolist() == numbers


@given(st.lists(st.floats(-1e12, 1e12), min_size=1, max_size=200))
def test_other_packed_numbers_are_right_to_a_millionth_of_the_largest(numbers: list[float]) -> None:
    assert np.abs(unpacked(values(numbers)) - numbers).max() <= np.abs(numbers).max() / 2**20 + 1e-9


def test_the_data_of_thousands_of_everything_is_small() -> None:
    made = content(Source(enormous(), facts()))
    given_rows = json.loads(gzip.decompress(base64.b64decode(made.data["packed"])))
    assert [row["id"] for row in given_rows["rows"]] == [
        id_ for id_ in ROWS if id_ not in ("refaults", "waiting", "slab")
    ]
    assert max(len(series["labels"]) for series in given_rows["rows"][0]["series"]) <= 200
    assert len(made.data["packed"]) < 900_000


def test_the_clocks_say_which_of_them_is_not_known_and_why() -> None:
    told = clocks_of(facts())
    assert (told.utc_s, told.why_no_utc) == (1_760_000_000.0, "")
    metadata = replace(facts().metadata, start_ns=5_000_000_000, start_utc_ns=0)
    recorded = clocks_of(facts(metadata=metadata))
    assert (recorded.utc_s, recorded.dmesg_s) == (None, 5.0)
    assert recorded.why_no_utc
    imported = clocks_of(facts(metadata=replace(metadata, imported_from="trace.dat")))
    assert imported.dmesg_s is None
    assert imported.why_no_dmesg


def test_the_wall_clock_is_ahead_after_a_suspend() -> None:
    metadata = replace(facts().metadata, start_ns=1_000_000_000)
    slept = ClockChange(3_000_000_000, ClockChangeKind.SUSPENDED, 60_000_000_000)
    assert clocks_of(facts(metadata=metadata, clock_changes=(slept,))).jumps == [(2.0, 60.0)]
