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
