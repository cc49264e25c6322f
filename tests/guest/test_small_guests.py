"""Guests of 128 and 192 MiB under a still balloon: carried programs record there, what would do harm is refused."""

from __future__ import annotations

import pytest
from guest.followed import follow
from guest.kernels import chosen_kernels
from guest.small import SIZES_MIB, measure
from guest.ways import PROGRAMS

from tracer.recorder.footprint import ANONYMOUS_BOUND_BYTES

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
def test_a_recording_that_is_followed_from_outside_tells_what_its_file_tells(kernel, tmp_path):
    # GIVEN a recorder in a guest without memory to spare, whose stream leaves the guest as it is made
    found = follow(kernel, tmp_path)
    # THEN nothing is missing, and the stream's results are the file's, to the number
    recording = found.stream["recording"]
    assert recording["complete"]
    assert [recording[name] for name in ("lost", "bad_blocks", "cut_bytes")] == [0, 0, 0]
    assert recording["events"] > 0
    assert found.stream == found.file
    # ... and the guest paid no more than is promised
    assert [found.row.phases[name].oom_kills for name in ("starting", "running", "ending")] == [0, 0, 0]
    assert found.row.resident_kib["storm"]["RssAnon"] <= (ANONYMOUS_BOUND_BYTES + found.queue_bytes) >> 10


@pytest.mark.parametrize("kernel", chosen_kernels())
def test_compiling_is_refused_where_it_takes_more_than_half_of_what_there_is(kernel, tmp_path):
    row = measure(kernel, min(SIZES_MIB), tmp_path)
    assert row.state == "refused", row.said
    assert "more than half" in row.said
    assert row.phases["starting"].oom_kills == 0
