"""Guests of 128 and 192 MiB under a still balloon: carried programs record there, what would do harm is refused."""

from __future__ import annotations

import pytest
from guest.kernels import chosen_kernels
from guest.small import SIZES_MIB, measure
from guest.ways import PROGRAMS

CARRIED_MIB = 192
"""The smallest in which they start without being forced to."""


@pytest.mark.parametrize("kernel", chosen_kernels())
def test_carried_programs_record_in_a_guest_without_a_compiler_and_without_memory_to_spare(kernel, tmp_path):
    row = measure(kernel, CARRIED_MIB, tmp_path, PROGRAMS)
    assert row.state == "recorded", row.said
    assert [row.phases[name].oom_kills for name in ("starting", "running", "ending")] == [0, 0, 0]
    assert row.recorded["events"] > 0
    assert row.recorded["lost"] == 0


@pytest.mark.parametrize("kernel", chosen_kernels())
def test_compiling_is_refused_where_it_takes_more_than_half_of_what_there_is(kernel, tmp_path):
    row = measure(kernel, min(SIZES_MIB), tmp_path)
    assert row.state == "refused", row.said
    assert "more than half" in row.said
    assert row.phases["starting"].oom_kills == 0
