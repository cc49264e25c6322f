"""Charts show what the analysis holds, in MiB of the recording's page size, or say in words that there is nothing."""

from dataclasses import replace

import numpy as np
import pytest
from synthetic_analysis import MIB_PAGES, enormous, quiet, storm

from tracer.analyze.balloon.size import balloon_mib, sampled_size, stepped_size
from tracer.analyze.curves import Quantity, Timeline
from tracer.analyze.model import BalloonStep, Conflict, Episode
from tracer.analyze.terms import Cause, Quality, Tier
from tracer.report.figure import Absence, Figure
from tracer.report.ladder import MOST_EPISODES, choices, ladder_figures
from tracer.report.timeline import timeline

PAGE = 4096
ROWS = ["lanes", "memory", "reclaim", "busy", "slab", "balloon", "pressure"]


def rows_of(analysis, page_bytes=PAGE):
    return {row.id: row for row in timeline(analysis, page_bytes).rows}


def test_a_full_recording_has_every_row_in_order():
    rows = timeline(storm(), PAGE).rows
    assert [row.id for row in rows] == ROWS
    assert all(isinstance(row, Figure) and row.traces and row.words for row in rows)


def test_an_empty_recording_has_sentences_and_no_chart():
    rows = timeline(quiet(), PAGE).rows
    assert [row.id for row in rows] == ROWS
    assert all(isinstance(row, Absence) and row.words.endswith(".") for row in rows)
    assert rows_of(quiet())["balloon"].words == "No balloon activity was recorded."
    assert ladder_figures(quiet(), PAGE) == []


def test_reclaimed_pages_are_stacked_by_tier_and_source_in_mib():
    pages = np.zeros(10)
    pages[3] = 2 * MIB_PAGES
    given = Timeline(
        0.1, {"direct.file_pages": pages, "direct.anon_pages": pages / 2, "background.file_pages": np.zeros(10)}
    )
    row = rows_of(replace(quiet(), timeline=given))["reclaim"]
    assert [trace["name"] for trace in row.traces] == ["direct file", "direct anon"]
    assert row.traces[0]["y"].tolist() == [2.0]
    assert row.traces[0]["x"].tolist() == pytest.approx([0.35])
    assert {trace["marker"]["color"] for trace in row.traces} == {"var(--tier-2)"}


def test_time_at_work_is_a_share_of_its_bucket():
    busy = Timeline(0.5, {"background.busy_s": np.array([0.25, 0.0])})
    row = rows_of(replace(quiet(), duration_s=1.0, timeline=busy))["busy"]
    assert row.traces[0]["y"].tolist()[:2] == [50.0, 0.0]
    assert row.words == "Busy time: background 250 ms (25.0 %)."


def test_each_leak_is_marked_by_its_cause():
    row = rows_of(storm())["balloon"]
    marks = {trace["name"]: len(trace["x"]) for trace in row.traces if trace["mode"] == "markers"}
    assert marks == {"leak: host": 1, "leak: oom_notifier": 39}


def test_the_marks_of_many_leaks_reach_from_the_first_to_the_last():
    # GIVEN leaks that become smaller all the time
    steps = [BalloonStep(t / 10, t / 10, t - 3000, Cause.SHRINKER, Quality.MEASURED) for t in range(2000)]
    row = rows_of(replace(storm(), duration_s=200.0, steps=steps))["balloon"]
    [marks] = [trace for trace in row.traces if trace["mode"] == "markers"]
    # THEN neighbours share a mark, all along
    assert len(marks["x"]) == 200
    assert marks["x"][0] == 0.0
    assert np.diff(marks["x"]).max() < 1.1
    assert marks["x"][-1] > 198.9
    assert "1,800 leaks are not marked" in row.note


def test_a_balloon_that_rests_is_a_sentence_with_its_size():
    resting = {"meminfo.Balloon_bytes": Quantity(np.array([0.0, 1.0]), np.array([64.0, 64.0]) * (1 << 20))}
    assert "held 64.0 MiB" in rows_of(replace(quiet(), samples=resting))["balloon"].words


def test_pressure_sampled_but_absent_is_told_from_not_sampled():
    idle = {"psi.memory.some_total_us": Quantity(np.array([0.0, 1.0]), np.array([7.0, 7.0]))}
    assert (
        rows_of(replace(quiet(), samples=idle))["pressure"].words == "Pressure was sampled; no task waited for memory."
    )
    assert rows_of(quiet())["pressure"].words == "Memory pressure was not sampled."


def test_bands_cover_conflicts_cycles_episodes_and_loss():
    bands = timeline(storm(), PAGE).bands
    assert {kind for kind, _, _ in bands} == {"episode", "conflict", "cycle", "lost"}
    assert ("lost", 26.0, 27.4) in bands


def test_an_oom_kill_has_its_lane():
    kills = np.zeros(5)
    kills[2] = 1
    row = rows_of(replace(quiet(), timeline=Timeline(1.0, {"oom.kills": kills})))["lanes"]
    assert row.traces[0]["name"] == "OOM kill"
    assert row.words == "1 OOM kill."


def test_thousands_of_bands_and_samples_are_thinned_and_it_is_said():
    result = timeline(enormous(), PAGE)
    assert len(result.bands) < 1000
    notes = {row.id: row.note for row in result.rows if isinstance(row, Figure)}
    assert notes["memory"].startswith("Showing ")
    assert " of 300,000 samples" in notes["memory"]
    assert "buckets" in notes["reclaim"]


def test_the_balloons_size_comes_from_the_best_counter():
    def gauge(value):
        return Quantity(np.array([0.0]), np.array([float(value)]))

    counters = {"vmstat.balloon_inflate": gauge(5 * MIB_PAGES), "vmstat.balloon_deflate": gauge(2 * MIB_PAGES)}
    assert sampled_size(replace(quiet(), samples=counters), PAGE).mib.tolist() == [3.0]
    exact = {**counters, "meminfo.Balloon_bytes": gauge(4 << 20)}
    assert sampled_size(replace(quiet(), samples=exact), PAGE).source == "meminfo.Balloon_bytes"
    assert balloon_mib(quiet(), PAGE, 1.0) is None


def test_the_balloons_size_follows_its_steps():
    steps = [
        BalloonStep(2.0, 3.0, -MIB_PAGES, Cause.HOST, Quality.INFERRED),
        BalloonStep(0.0, 1.0, 3 * MIB_PAGES, None, Quality.INFERRED),
    ]
    size = stepped_size(steps, PAGE, base_mib=1.0, end_s=9.0)
    assert size.time_s.tolist() == [0.0, 1.0, 3.0, 9.0]
    assert size.mib.tolist() == [1.0, 4.0, 3.0, 3.0]
    assert [size.at(0.5), size.at(1.0), size.at(100.0)] == [1.0, 4.0, 3.0]


def test_the_ladder_offers_the_recording_and_its_longest_episodes_in_time_order():
    picks = choices(enormous())
    assert picks[0].label == "Whole recording"
    assert len(picks) == MOST_EPISODES + 1
    starts = [pick.start_s for pick in picks[1:]]
    assert starts == sorted(starts)


def test_ladder_charts_count_first_entries_from_the_episodes_start():
    first, busy, given = ladder_figures(storm(), PAGE)
    assert len(first.variants) == 1 + len(storm().episodes)
    assert first.variants[2][0][Tier.BACKGROUND] == 0.3
    assert first.variants[1][0][Tier.OOM_KILL] is None
    assert given.variants[0][0][Tier.BACKGROUND] == 200.0
    assert busy.variants[0][0][Tier.DIRECT] == 5.8


def test_a_conflicts_band_leaves_out_what_no_episode_is_in():
    # GIVEN a balloon that inflates from 1 to 20 s, and reclaim up to 4 s and from 17 s on
    conflict = Conflict(1, 1.0, 20.0, {"self": 0.0, "induced": 2.0, "foreign": 0.0}, 100, 100)
    episodes = [Episode(1, 0.5, 4.0), Episode(2, 17.0, 25.0), Episode(3, 30.0, 31.0)]
    analysis = replace(quiet(), duration_s=40.0, conflicts=[conflict], episodes=episodes)
    bands = [band for band in timeline(analysis, PAGE).bands if band[0] == "conflict"]
    assert bands == [("conflict", 1.0, 4.0), ("conflict", 17.0, 20.0)]
    assert "1 conflict" in rows_of(analysis)["lanes"].words
