"""Rows by key."""

from __future__ import annotations

import numpy as np
import pytest

from tracer.analyze.stream.grouping import grouped, groups, numbered, stable_order
from tracer.distinct_values import distinct_values

_SMALLEST, _LARGEST = np.iinfo(np.int64).min, np.iinfo(np.int64).max
_KEYS = {
    "none": [],
    "one": [7],
    "all alike": [3, 3, 3],
    "close to each other": [5, -2, 5, 0, -2, 9],
    "far from each other": [1 << 40, 0, -(1 << 40), 1 << 40, 0],
    "further apart than 64 bits reach": [_LARGEST, _SMALLEST, 0, _LARGEST, _SMALLEST, -1],
    "close to each other at the end of 64 bits": [_LARGEST, _LARGEST - 3, _LARGEST],
}


@pytest.mark.parametrize("keys", _KEYS.values(), ids=_KEYS)
@pytest.mark.filterwarnings("error")
def test_rows_are_those_of_sorting_by_key_and_position(keys: list[int]) -> None:
    key = np.array(keys, np.int64)
    by_key: dict[int, list[int]] = {}
    for position, value in enumerate(keys):
        by_key.setdefault(value, []).append(position)
    expected = {value: by_key[value] for value in sorted(by_key)}
    assert {value: rows.tolist() for value, rows in groups(key)} == expected
    assert list(dict(groups(key))) == list(expected)
    in_order = [position for positions in expected.values() for position in positions]
    assert stable_order(key).tolist() == in_order
    assert distinct_values(key).tolist() == list(expected)
    if keys:
        assert grouped(key)[0].tolist() == in_order
        values, numbers = numbered(key)
        assert values.tolist() == list(expected)
        assert values[numbers].tolist() == keys
