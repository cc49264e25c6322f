"""Events held against the kernel's counters: readings in the middle of a rest tell nothing, and change nothing."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tracer.analyze.totals import tier_gaps
from tracer.analyze.totals.reclaim_counts import SUMS, Counter, Edges, ReclaimCounts

NAMES = frozenset({*(counter.sample for counter in Counter), "vmstat.pgsteal_file", "vmstat.pgsteal_anon"})


class Written(ReclaimCounts):
    """Edges that were made before."""

    def __init__(self, edges: Edges) -> None:
        super().__init__(sampled=True)
        self.has = NAMES
        self._written = edges

    def edges(self) -> Edges:
        return self._written


def edges(seed: int, count: int, rest: float, doubt: float) -> Edges:
    """Readings at which nothing moved with a probability of `rest`, and some events are counted perhaps."""
    source = np.random.default_rng(seed)
    low = high = np.zeros(SUMS, np.int64)
    counts, lists = np.zeros(len(Counter), np.int64), (0, 0)
    found = []
    for number in range(count):
        if source.random() >= rest:
            more = source.integers(0, 4, SUMS) * (source.random(SUMS) < 0.2)
            low = high
            high = high + more
            counts = counts + source.integers(0, 6, len(Counter))
            lists = (lists[0] + int(source.integers(0, 12)), lists[1] + int(source.integers(0, 12)))
        if source.random() >= doubt:
            low = high
        found.append((number * 250_000_000, low, high, counts, lists))
    return Edges(*map(np.array, zip(*found, strict=True)))


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    seed=st.integers(0, 10_000), count=st.integers(2, 60), rest=st.sampled_from([0.3, 0.7, 0.95]), doubt=st.floats(0, 1)
)
def test_a_rest_changes_nothing(
    monkeypatch: pytest.MonkeyPatch, seed: int, count: int, rest: float, doubt: float
) -> None:
    # GIVEN readings, many of them of a machine at rest
    written = edges(seed, count, rest, doubt)
    found = tier_gaps.find_gaps(Written(written), cpus=2, nodes=1)
    # THEN what is found is what all of them tell
    with monkeypatch.context() as patched:
        patched.setattr(tier_gaps, "_moving", lambda columns: np.arange(len(columns[0])))
        assert found == tier_gaps.find_gaps(Written(written), cpus=2, nodes=1)
