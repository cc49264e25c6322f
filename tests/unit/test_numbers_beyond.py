"""Events with numbers that can't be added up in 64 bits: one line says so, whichever way they are looked at."""

from __future__ import annotations

import io
from pathlib import Path

import pytest
from streams import METADATA, MS, event, records

from tracer.analyze import Options
from tracer.errors import RecordingError
from tracer.jobs.analysis import analyse_file
from tracer.jobs.replaying import replay_recording
from tracer.store import Writer, open_recording


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """A balloon that says it holds nothing, and 2^64 - 1 pages the next moment."""
    writer = Writer(tmp_path / "x.rtrace", METADATA)
    sizes = (0, (1 << 64) - 1, 0)
    writer.write_events(
        records(*(event(at * MS, "balloon_status", pages_ballooned=size) for at, size in enumerate(sizes, 1)))
    )
    writer.close()
    return tmp_path / "x.rtrace"


def test_an_analysis_refuses_them(file):
    with pytest.raises(RecordingError, match=r"x\.rtrace: has events with numbers too large"):
        analyse_file(file)


@pytest.mark.parametrize("speed", [None, 1000.0])
def test_a_replay_refuses_them_at_any_speed(file, speed):
    with pytest.raises(RecordingError, match=r"x\.rtrace: has events with numbers too large"):
        replay_recording(open_recording(file), Options(), speed, io.StringIO(), quiet=True)
