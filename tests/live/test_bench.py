"""The benchmarks themselves, run once and small: every row is there, whatever its figures."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SUITES = (
    "calls",
    "reclaim",
    "recording",
    "analysis",
    "repeated",
    "importing",
    "exporting",
    "large",
    "crash",
    "starting",
    "live",
)
"""Not `reporting`, which takes a browser."""


@pytest.fixture(autouse=True)
def _compiler(need, bcc):
    need("live", shutil.which("gcc") is not None, "no gcc on PATH (`make setup-test`)")


def run(*arguments: object, env: dict[str, str] | None = None) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "tests.bench", "--quick", *map(str, arguments)]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, env=env, timeout=1200)


def test_every_suite_gives_its_rows(tmp_path):
    result = run("--only", *SUITES, "--json", tmp_path / "rows.json")
    assert result.returncode == 0, result.stderr
    found = json.loads((tmp_path / "rows.json").read_text())
    assert found["quick"] is True
    rows = {row["name"]: row for row in found["rows"]}
    kept = json.loads((ROOT / "docs/performance.json").read_text())
    reporting = {row["name"] for row in kept["rows"] if row["group"] == "The report"}
    assert set(rows) >= {row["name"] for row in kept["rows"]} - reporting
    assert rows["producer_vs_tracefs"]["peer"] is not None
    assert rows["drain_vs_tracefs_splice"]["peer"] > 0
    assert rows["bytes_per_event"]["ratio"] > 1
    assert rows["reclaim_lost"]["ours"] is not None
    assert rows["repeated_to_findings_mevs"]["ours"] > 0
    assert rows["repeated_growth"]["ours"] is not None


def test_a_peer_that_is_not_installed_is_a_row_that_says_so(tmp_path):
    # GIVEN a PATH with everything but perf and bpftrace
    for command in ("taskset", "gcc", "as", "ld", "sleep", "sh"):
        (tmp_path / command).symlink_to(str(shutil.which(command)))
    env = os.environ | {"PATH": str(tmp_path)}
    result = run("--only", "crash", "--json", tmp_path / "rows.json", env=env)
    assert result.returncode == 0, result.stderr
    rows = {row["name"]: row for row in json.loads((tmp_path / "rows.json").read_text())["rows"]}
    assert rows["kill_loss_vs_perf"]["peer"] is None
    assert rows["kill_loss_vs_perf"]["note"] == "perf record can't run here: perf is not installed"
    assert rows["kill_loss_vs_tracefs_splice"]["peer"] is not None


def test_small_runs_are_never_kept():
    assert run("--write").returncode == 2
