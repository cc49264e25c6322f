"""`check --json` where tracing works: the programs are attached for a moment."""

from __future__ import annotations

import json

from json_schemas import errors
from typer.testing import CliRunner

from tracer.commands.app import app


def test_what_check_prints_here_is_as_its_schema_says():
    result = CliRunner().invoke(app, ["check", "--json"])
    output = json.loads(result.stdout)
    assert errors("check", output) == []
    assert output["can_trace"] is (result.exit_code == 0)
    assert output["plan_tried"]


def test_observing_traces_for_so_long_and_says_what_left_the_balloon():
    result = CliRunner().invoke(app, ["check", "--json", "--observe", "0.3"])
    output = json.loads(result.stdout)
    assert errors("check", output) == []
    assert output["balloon"]["observation"]["where"].endswith("s on this machine")
    assert set(output["balloon"]["observation"]["leaked_pages"]) == {"host", "shrinker", "oom_notifier"}
