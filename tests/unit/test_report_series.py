"""Arrays in a page's data."""

import base64

import numpy as np

from tracer.report.series import encode, nested


def test_arrays_become_little_endian_float32_as_plotly_reads_them():
    spec = encode(np.array([1.5, -2.0]))
    assert spec["dtype"] == "f4"
    assert np.frombuffer(base64.b64decode(spec["bdata"]), "<f4").tolist() == [1.5, -2.0]


def test_arrays_are_encoded_wherever_they_stand():
    assert nested({"a": [{"b": np.zeros(1)}], "c": "text"}) == {"a": [{"b": encode([0.0])}], "c": "text"}
