"""Sums and least values by key against plain Python."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tracer.analyze.stream.cells import Cells
from tracer.analyze.stream.grouping import is_among

FAR = 1 << 40
"""A key beyond anything that could have a bin of its own."""
ROWS = st.lists(st.tuples(st.integers(0, 5) | st.just(FAR), st.integers(-(1 << 62), 1 << 62)), max_size=40)


def plain(rows: list[tuple[int, int]]) -> dict[int, list[int]]:
    by_key: dict[int, list[int]] = {}
    for key, value in rows:
        by_key.setdefault(key, []).append(value)
    return dict(sorted(by_key.items()))


@given(ROWS)
def test_rows_are_counted_and_their_least_value_found(rows: list[tuple[int, int]]) -> None:
    cells, expected = Cells(np.asarray([key for key, _ in rows], np.int64)), plain(rows)
    assert cells.keys.tolist() == [*expected]
    assert cells.count().tolist() == [len(values) for values in expected.values()]
    assert cells.least(np.asarray([value for _, value in rows], np.int64)).tolist() == [*map(min, expected.values())]


@given(st.lists(st.tuples(st.integers(0, 5) | st.just(FAR), st.integers(-(1 << 57), 1 << 57)), max_size=40))
def test_sums_are_exact_beyond_what_a_float_holds(rows: list[tuple[int, int]]) -> None:
    cells = Cells(np.asarray([key for key, _ in rows], np.int64))
    assert cells.sums(np.asarray([value for _, value in rows], np.int64)).tolist() == [*map(sum, plain(rows).values())]


@pytest.mark.parametrize("key", [1, FAR])
def test_what_holds_is_counted_by_key(key: int) -> None:
    cells = Cells(np.asarray([key, 0, key], np.int64))
    assert cells.sums(np.asarray([True, False, True])).tolist() == [0, 2]


@given(values=st.lists(st.integers(-(2**62), 2**62) | st.integers(0, 9)), others=st.lists(st.integers(0, 9)))
def test_which_values_are_among_others(values: list[int], others: list[int]) -> None:
    found = is_among(np.asarray(values, np.int64), np.asarray(others, np.int64))
    assert found.tolist() == [value in others for value in values]
