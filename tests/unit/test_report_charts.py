"""The ladder's charts, and the balloon's size from whatever a recording has of it."""

from dataclasses import replace

import numpy as np
import pytest
from synthetic_analysis import MIB_PAGES, enormous, quiet, storm

from tracer.analyze.balloon.size import balloon_mib, sampled_size, stepped_size
from tracer.analyze.balloon_result import BalloonStep
from tracer.analyze.curves import Quantity
from tracer.analyze.model import Waits
from tracer.analyze.terms import Cause, Quality, Tier
from tracer.report.episodes import MOST_EPISODES, choices
from tracer.report.ladder import ladder_figures

PAGE = 4096


def test_without_reclaim_there_are_no_charts():
    assert ladder_figures(quiet(), PAGE) == []


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


def test_steps_that_were_joined_count_evenly_over_their_time():
    steps = [
        BalloonStep(0.0, 99.0, -50 * MIB_PAGES, Cause.SHRINKER, Quality.MEASURED),
        BalloonStep(1.0, 100.0, 51 * MIB_PAGES, None, Quality.MEASURED),
        BalloonStep(110.0, 110.1, MIB_PAGES, None, Quality.MEASURED),
    ]
    size = stepped_size(steps, PAGE, base_mib=10.0, end_s=120.0)
    assert (size.time_s[0], size.mib[0], size.time_s[-1]) == (0.0, 10.0, 120.0)
    assert 9.0 < size.mib.min() < size.mib.max() <= 12.0, "not 51 MiB more between two joined steps"
    assert size.mib[-2:].tolist() == pytest.approx([12.0, 12.0])
    assert size.at(105.0) == pytest.approx(11.0)


def test_the_ladder_offers_the_recording_and_its_costliest_episodes_first():
    picks = choices(enormous(), PAGE)
    assert picks[0].label == "Whole recording"
    assert len(picks) == MOST_EPISODES + 1
    lengths = [pick.end_s - pick.start_s for pick in picks[1:]]
    assert lengths == sorted(lengths, reverse=True), "without waits the longest"
    waits = Waits(0.5, 3, 12)
    short = [replace(episode, global_waits=waits if episode.id == 2 else None) for episode in storm().episodes]
    picks = choices(replace(storm(), episodes=short), PAGE)
    assert picks[1].label.startswith("Episode 2: ")
    assert "waited 500 ms" in picks[1].label


def test_entries_are_told_in_their_order():
    whole = choices(storm(), PAGE)[0]
    firsts = {row.first_s: whole.entry(row) for row in whole.rows}
    assert [firsts[first] for first in sorted(firsts)] == list(range(1, len(firsts) + 1))


def test_ladder_charts_count_first_entries_from_the_episodes_start():
    first, busy, given = ladder_figures(storm(), PAGE)
    assert len(first.variants) == 1 + len(storm().episodes)
    assert first.variants[2][0][Tier.BACKGROUND] == 0.3
    assert first.variants[1][0][Tier.OOM_KILL] is None
    assert given.variants[0][0][Tier.BACKGROUND] == 200.0
    assert busy.variants[0][0][Tier.DIRECT] == 5.8
