"""How sure `compare` is: Student's distribution, what is told where nothing differs, and where something does."""

from __future__ import annotations

import numpy as np
import pytest
from compare_error_rates import Load, said

from tracer.compare.spread import Part, estimate, t_cdf, t_quantile, told


def part(total: float, spread: float = 0.0, windows: int = 16) -> Part:
    """A recording of 16 s, its windows alike but for every other one."""
    amount = np.full(windows, total / windows) * (1 + spread * np.where(np.arange(windows) % 2, 1, -1))
    return Part(total, float(windows), amount)


@pytest.mark.parametrize(
    ("freedom", "share", "value"),
    [(1, 0.975, 12.7062), (2, 0.975, 4.3027), (4, 0.995, 4.6041), (10, 0.975, 2.2281), (30, 0.995, 2.7500)],
)
def test_students_quantiles_are_those_of_the_tables(freedom, share, value):
    assert t_quantile(share, freedom) == pytest.approx(value, abs=1e-4)
    assert t_cdf(value, freedom) == pytest.approx(share, abs=1e-5)


def test_between_whole_degrees_of_freedom_it_lies_between_theirs():
    assert t_quantile(0.975, 5) < t_quantile(0.975, 4.5) < t_quantile(0.975, 4)


def test_the_same_twice_is_no_difference():
    found = estimate([part(100, 0.3)], [part(100, 0.3)])
    assert (found.difference, found.p) == (0, 1)
    assert found.low < 0 < found.high


def test_all_gone_is_told_from_one_recording_a_side_and_half_gone_is_not():
    gone, half = (estimate([part(100, 0.3)], [part(rest, 0.3)]) for rest in (0, 50))
    assert told([gone.p, None, 1.0, 1.0]) == [True, False, False, False]
    assert gone.high < 0
    assert told([half.p]) == [False]


def test_more_recordings_tell_smaller_differences_where_they_are_alike():
    few, many = (estimate([part(100, 0.2)] * n, [part(60, 0.2)] * n).p for n in (1, 5))
    assert many < 0.005 < few


def test_recordings_that_vary_tell_less_than_those_that_do_not():
    alike = estimate([part(each) for each in (99, 100, 101)], [part(each) for each in (49, 50, 51)])
    varied = estimate([part(each) for each in (40, 100, 160)], [part(each) for each in (10, 50, 90)])
    assert alike.difference == pytest.approx(varied.difference)
    assert alike.p < 0.05 < varied.p


def test_one_burst_is_not_told_from_none():
    burst = np.zeros(16)
    burst[5] = 100.0
    assert estimate([part(0)], [Part(100.0, 16.0, burst)]).p > 0.2


def test_a_single_recording_of_unknown_spread_tells_nothing():
    assert estimate([Part(100.0, 16.0)], [part(0)]).p is None
    assert estimate([Part(100.0, 16.0), Part(101.0, 16.0)], [part(0), part(0)]).p < 0.05


def test_it_is_the_same_each_time():
    sides = [part(100, 0.5)], [part(70, 0.5)]
    assert estimate(*sides) == estimate(*sides)


def test_a_rate_never_falls_by_more_than_all_of_it():
    assert estimate([part(100, 0.3)], [part(80, 0.3)]).low >= -100 / 16


def test_several_differences_are_held_to_one_error():
    assert told([0.03]) == [True]
    assert told([0.03, 1.0]) == [False, False]
    assert told([0.04, 0.02]) == [True, True], "the second is held to the whole level once the first is told"
    assert told([None, 0.01, None]) == [False, True, False]


@pytest.mark.parametrize(("recordings", "between"), [(1, 0.2), (1, 0.4), (3, 0.2)])
def test_where_nothing_differs_something_is_told_in_one_comparison_of_20_at_most(recordings, between):
    found = said(Load(4.0, 2, between), recordings, 1.0, trials=60)
    assert found.any <= 0.05 + 1.65 * (0.05 * 0.95 / 60) ** 0.5


def test_what_is_likely_is_wrong_as_rarely_where_recordings_vary_as_they_usually_do():
    found = said(Load(8.0, 1, 0.25), 1, 1.0, trials=60)
    assert found.any_usual <= 0.05 + 1.65 * (0.05 * 0.95 / 60) ** 0.5


def test_a_cost_that_is_gone_is_told_from_one_recording_a_side_and_a_tenth_is_likely():
    gone, tenth = (said(Load(8.0, 1, 0.1), 1, times, trials=20) for times in (0.0, 0.1))
    assert gone.own >= 0.75
    assert tenth.own_usual >= 0.7


def test_how_recordings_vary_is_seen_on_both_sides_together():
    one_sided = estimate([part(60), part(140)], [part(20)])
    assert one_sided.p_usual is None, "two recordings show it"
    assert one_sided.p > estimate([part(99), part(101)], [part(20)]).p


def test_recordings_without_any_of_it_do_not_show_how_they_vary():
    assert estimate([part(0)] * 3, [part(100)]).p_usual is not None
    gone = estimate([part(100), part(130)], [part(0), part(0)])
    assert gone.p < 0.01
