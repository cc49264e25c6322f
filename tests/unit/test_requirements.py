"""What the tests themselves need: skipped with a reason, or failed where REQUIRE names it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


def test_what_is_there_is_no_reason_to_skip(need, monkeypatch):
    monkeypatch.setenv("REQUIRE", "live")
    need("live", True, "never said")


def test_what_is_missing_skips_with_the_reason(need, monkeypatch):
    monkeypatch.setenv("REQUIRE", "browser")
    with pytest.raises(pytest.skip.Exception, match="live: no such thing"):
        need("live", False, "no such thing")


def test_what_is_missing_fails_where_it_is_required(need, monkeypatch):
    monkeypatch.setenv("REQUIRE", "browser, live")
    with pytest.raises(pytest.fail.Exception, match="no such thing"):
        need("live", False, "no such thing")


def test_a_requirement_that_nobody_knows_is_refused(monkeypatch):
    monkeypatch.setenv("REQUIRE", "live,lvie")
    command = [sys.executable, "-m", "pytest", "--collect-only", "-q", "tests/unit/test_requirements.py"]
    result = subprocess.run(command, capture_output=True, text=True, cwd=ROOT)
    assert result.returncode == 4
    assert "REQUIRE names lvie" in result.stderr
