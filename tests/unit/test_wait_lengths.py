"""Waits are counted by how long they were, in powers of two of a nanosecond: exact counts, and bounds of quantiles."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from streams import MS, analyse, event, records

from tracer.analyze.wait_lengths import added, quantile_bounds_ns


def lengths_of(waits_ns: list[int]) -> dict[int, int]:
    """What the engine counts of one task's direct reclaims of these lengths, one after the other."""
    told, at_ns = [], 0
    for waited in waits_ns:
        told += [event(at_ns, "direct_reclaim_begin"), event(at_ns + waited, "direct_reclaim_end", nr_reclaimed=1)]
        at_ns += waited + MS
    [stall] = analyse(records(*told)).stalls
    return stall.lengths


def test_each_wait_is_counted_below_the_power_of_two_above_it() -> None:
    assert lengths_of([1, 1023, 1024, 1024, 3 * MS]) == {2: 1, 1024: 1, 2048: 2, 4_194_304: 1}


@given(st.lists(st.integers(1, 10**9), min_size=1, max_size=30))
def test_all_waits_are_counted_and_the_median_lies_within_its_bounds(waits_ns: list[int]) -> None:
    lengths = lengths_of(waits_ns)
    assert sum(lengths.values()) == len(waits_ns)
    for share in (0.5, 0.99):
        bounds = quantile_bounds_ns(lengths, share, max(waits_ns))
        assert bounds is not None
        assert bounds[0] <= np.quantile(waits_ns, share, method="inverted_cdf") <= bounds[1] <= max(waits_ns)


@pytest.mark.parametrize("share", [0.0, 0.5, 1.0])
def test_without_waits_nothing_is_known(share: float) -> None:
    assert quantile_bounds_ns({}, share, 0) is None


def test_several_are_added_up_the_shortest_first() -> None:
    assert [*added([{1024: 2, 4: 1}, {1024: 1}]).items()] == [(4, 1), (1024, 3)]
