"""Readings of counters that are older than one that came before them."""

from __future__ import annotations

import numpy as np
import pytest
from streams import SECOND, analyse, counters

from tracer.batch import Samples

READINGS = [(1, 0, 0), (20, 1000, 0), (3, 2000, 0), (4, 2500, 100), (21, 3000, 300)]


@pytest.mark.parametrize("cuts", [(), (2,), (1, 2, 3, 4)])
def test_a_reading_from_before_the_last_one_is_taken_at_its_time_and_told(cuts):
    rows = [(second * SECOND, into, out) for second, into, out in READINGS]
    parts = [rows[start:stop] for start, stop in zip((0, *cuts), (*cuts, len(rows)), strict=True)]
    analysis = analyse(*map(counters, parts), end_ns=30 * SECOND)
    assert analysis.accounting.late_events == 2
    assert sum(step.pages for step in analysis.steps) == 3000 - 300
    assert all(step.start_s <= step.end_s for step in analysis.steps)
    assert {step.end_s for step in analysis.steps} <= {20.0, 21.0}


def test_the_hosts_readings_and_the_guests_are_each_in_their_own_order():
    host = Samples(np.array([2, 3]) * SECOND, ("host.target_mib",), np.array([[100], [200]]))
    assert analyse(counters([(SECOND, 0, 0), (9 * SECOND, 5, 0)]), host).accounting.late_events == 0
