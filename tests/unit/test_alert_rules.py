"""The alert rules of the documentation, evaluated by promtool on what recordings would have told Prometheus."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from pathlib import Path

import pytest
from command_line import ROOT
from metric_series import Series, fetched
from written_recordings import write_recording

from tests.golden.cases import DATA as GOLDEN
from tests.golden.cases import Case

RULES = ROOT / "docs/prometheus/alerts.yml"
DATA = Path(__file__).parent / "data/alerts"
STILL = DATA / "still-balloon.rtrace"
EVERY_S = 5


@pytest.fixture(scope="module", autouse=True)
def promtool(need) -> None:
    need("live", shutil.which("promtool") is not None, "no promtool on PATH (`.ci/setup test` installs prometheus)")


def test_the_rules_are_valid() -> None:
    subprocess.run(["promtool", "check", "rules", RULES], check=True, capture_output=True)


def dashboard_queries() -> list[str]:
    panels = json.loads((ROOT / "docs/prometheus/dashboard.json").read_text())["panels"]
    return [target["expr"] for panel in panels for target in panel["targets"]]


def test_the_dashboards_queries_are_valid_and_ask_for_what_is_told(tmp_path: Path) -> None:
    queries = [one.replace("$__rate_interval", "5m").replace("$instance", ".*") for one in dashboard_queries()]
    rules = [{"record": f"panel:{number}", "expr": query} for number, query in enumerate(queries)]
    path = tmp_path / "dashboard.yml"
    path.write_text(json.dumps({"groups": [{"name": "dashboard", "rules": rules}]}))
    subprocess.run(["promtool", "check", "rules", path], check=True, capture_output=True)
    told = {name for path in (GOLDEN / "guest-host-reasserts.rtrace", STILL) for name, _ in [*fetched(path, 60.0)][-1]}
    # Nothing tells the host's target in these recordings, and they are not made now.
    told |= {"reclaim_tracer_balloon_target_bytes", "reclaim_tracer_lag_seconds"}
    asked = {name for text in (*queries, RULES.read_text()) for name in re.findall(r"\breclaim_tracer_\w+", text)}
    assert {name for name in asked - told if "_process_" not in name} == set()


def input_series(rounds: list[Series]) -> list[dict[str, str]]:
    """As promtool takes them: `_` where there was no sample."""
    keys = sorted({key for each in rounds for key in each})
    return [
        {
            "series": f"{name}{{{','.join(f'{label}={json.dumps(value)}' for label, value in (*labels, WHO))}}}",
            "values": " ".join(repr(each[name, labels]) if (name, labels) in each else "_" for each in rounds),
        }
        for name, labels in keys
    ]


WHO = ("instance", "guest")


def fired(rounds: list[Series], tmp_path: Path) -> set[str]:
    """Alerts that fired at any time."""
    question = {
        "expr": 'count by (alertname) (max_over_time(ALERTS{alertstate="firing"}[1h]))',
        "eval_time": f"{EVERY_S * (len(rounds) - 1)}s",
        "exp_samples": [],
    }
    test = {"interval": f"{EVERY_S}s", "input_series": input_series(rounds), "promql_expr_test": [question]}
    asked = tmp_path / "asked.yml"
    asked.write_text(json.dumps({"rule_files": [str(RULES)], "evaluation_interval": f"{EVERY_S}s", "tests": [test]}))
    done = subprocess.run(["promtool", "test", "rules", asked], capture_output=True, text=True)
    # promtool compares with what it expects, which is nothing, and says what there is instead.
    said = done.stdout + done.stderr
    found = set(re.findall(r'alertname="ReclaimTracer(\w+)"', said))
    assert bool(found) == bool(done.returncode), said
    return found


def recorded(path: Path) -> list[Series]:
    return [*fetched(path, EVERY_S)]


def test_starved_fires_on_a_still_balloon(tmp_path: Path) -> None:
    rounds = recorded(STILL)
    assert fired(rounds, tmp_path) == {"Starved"}
    # AND it has not fired before there was anything
    assert fired(rounds[:2], tmp_path) == set()


def test_nothing_fires_on_the_same_load_with_memory_given_back(tmp_path: Path) -> None:
    assert fired(recorded(DATA / "memory-given-back.rtrace"), tmp_path) == set()


def test_storm_fires_on_the_shrinkers_cycles(tmp_path: Path) -> None:
    source = Case(GOLDEN / "run-shrinker.txt.zst").recording(tmp_path)
    assert "Storm" in fired(recorded(source), tmp_path)


def test_worker_stuck_fires_where_the_worker_is(tmp_path: Path) -> None:
    source = Case(GOLDEN / "B-unreachable.txt.zst").recording(tmp_path)
    assert "WorkerStuck" in fired(recorded(source), tmp_path)


def test_loss_fires(tmp_path: Path) -> None:
    rounds = recorded(write_recording(tmp_path / "lossy.rtrace", lost=7))
    assert "EventsLost" in fired(rounds, tmp_path)
    whole = recorded(write_recording(tmp_path / "whole.rtrace"))
    assert "EventsLost" not in fired(whole, tmp_path)


def test_late_and_unjudged_metrics_fire(tmp_path: Path) -> None:
    late: Series = {("reclaim_tracer_lag_seconds", ()): 31.0}
    assert fired([late] * 30, tmp_path) == {"Behind"}
    unjudged: Series = {("reclaim_tracer_finding_judged", (("kind", "starved"),)): 0.0}
    assert fired([unjudged] * 30, tmp_path) == {"NotJudged"}
