"""Long series get small without hiding an extreme."""

import base64

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tracer.report.series import BARS, bucket_factor, encode, extremes, nested, rates, sums


def test_arrays_become_little_endian_float32_as_plotly_reads_them():
    spec = encode(np.array([1.5, -2.0]))
    assert spec["dtype"] == "f4"
    assert np.frombuffer(base64.b64decode(spec["bdata"]), "<f4").tolist() == [1.5, -2.0]


@given(st.lists(st.floats(-1e6, 1e6), min_size=1, max_size=3000), st.integers(1, 50))
def test_thinning_keeps_ends_and_extremes_in_order(values, columns):
    data = np.array(values)
    keep = extremes(data, columns)
    assert len(keep) <= max(2 * columns + 2, 1)
    assert (np.diff(keep) > 0).all()
    assert {keep[0], keep[-1]} == {0, len(data) - 1}
    assert data[keep].min() == data.min()
    assert data[keep].max() == data.max()


def test_thinning_keeps_a_single_spike_and_a_single_dip():
    data = np.ones(10_000)
    data[[1234, 7777]] = 9.0, -9.0
    keep = extremes(data, columns=10)
    assert len(keep) <= 22
    assert {1234, 7777} <= set(keep.tolist())


@given(st.lists(st.floats(0, 1e6), max_size=5000))
def test_bars_add_up_to_what_the_buckets_held(values):
    bars = sums(np.array(values), bucket_factor(len(values)))
    assert len(bars) <= BARS
    assert bars.sum() == pytest.approx(sum(values))


def test_a_counter_becomes_a_rate_and_a_reset_is_no_negative_one():
    time_s, rate = rates(np.array([0.0, 1.0, 3.0, 3.0, 4.0]), np.array([0.0, 10.0, 30.0, 31.0, 5.0]))
    assert time_s.tolist() == [1.0, 3.0, 4.0]
    assert rate.tolist() == [10.0, 10.0, 0.0]


def test_arrays_are_encoded_wherever_they_stand():
    assert nested({"a": [{"b": np.zeros(1)}], "c": "text"}) == {"a": [{"b": encode([0.0])}], "c": "text"}
