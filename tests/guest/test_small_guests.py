"""A guest of 128 MiB under a still balloon: what recording would harm is refused."""

from __future__ import annotations

import pytest
from guest.kernels import chosen_kernels
from guest.small import SIZES_MIB, measure


@pytest.mark.parametrize("kernel", chosen_kernels())
def test_compiling_is_refused_where_it_takes_more_than_half_of_what_there_is(kernel, tmp_path):
    row = measure(kernel, min(SIZES_MIB), tmp_path)
    assert row.state == "refused", row.said
    assert "more than half" in row.said
    assert row.phases["starting"].oom_kills == 0
