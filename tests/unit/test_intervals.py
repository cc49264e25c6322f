"""Unions of intervals by group, however far apart their times are."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from tracer.analyze.stream.intervals import union_length_by_group

GROUPS = 5
INTERVALS = st.lists(st.tuples(st.integers(0, GROUPS - 1), st.integers(0, 30), st.integers(0, 9)), min_size=1)


def union_lengths(rows: list[tuple[int, int, int]]) -> list[int]:
    covered: list[set[int]] = [set() for _ in range(GROUPS)]
    for group, begin, length in rows:
        covered[group].update(range(begin, begin + length))
    return [len(points) for points in covered]


@settings(max_examples=200)
@given(INTERVALS, st.sampled_from([1, 7, 1 << 56]))
def test_each_group_has_the_length_of_its_own_union(rows: list[tuple[int, int, int]], unit: int) -> None:
    group, begin, length = np.array(rows, np.int64).T
    found = union_length_by_group(group, begin * unit, (begin + length) * unit, GROUPS)
    assert found.tolist() == [points * unit for points in union_lengths(rows)]
