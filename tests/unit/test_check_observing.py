"""`check --recording`: the reclaim path as a recording shows it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from test_check import FACTS
from typer.testing import CliRunner
from written_recordings import write_recording

from tracer.commands.app import app
from tracer.jobs import checking as check
from tracer.jobs.observing import observe_recording


def test_two_oom_leaks_in_a_recording_are_its_reclaim_path(tmp_path: Path) -> None:
    seen = observe_recording(write_recording(tmp_path / "x.rtrace"))
    assert (seen.path, seen.quality) == ("oom_notifier", "inferred")
    assert seen.leaked_pages == {"host": 0, "shrinker": 0, "oom_notifier": 512}


def test_the_commands_option_reaches_the_json(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(check, "gather", lambda *_: FACTS)
    path = write_recording(tmp_path / "x.rtrace")
    result = CliRunner().invoke(app, ["check", "--json", "--recording", str(path)])
    balloon = json.loads(result.stdout)["balloon"]
    assert (result.exit_code, balloon["reclaim_path_observed"]) == (0, "oom_notifier")
    assert balloon["observation"]["where"] == str(path)
