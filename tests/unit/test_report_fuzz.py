"""Recordings that say and hold anything, in every view."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from report_inputs import look, recordings

EXAMPLES = 60
"""The same ones each time: a run of half a minute must not fail by chance."""


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("fuzz") / "x.rtrace"


@settings(max_examples=EXAMPLES, derandomize=True, deadline=None, suppress_health_check=list(HealthCheck))
@given(content=recordings())
def test_whatever_a_recording_holds_every_view_shows_it_or_it_is_refused(file: Path, content: bytes) -> None:
    file.write_bytes(content)
    look(file)
