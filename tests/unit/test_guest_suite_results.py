"""What is kept of tests that ran in a guest, and what is left to run."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from guest.suite_results import FAILED, PASSED, SKIPPED, UNFINISHED, ReportLog, Result, Results

HEAD = {"pytest_version": "9.0", "$report_type": "SessionStart"}
CRASH = {"path": "tests/live/x.py", "lineno": 7, "message": "assert 1 == 2"}
TRACEBACK = {
    "reprtraceback": {"reprentries": [{"type": "ReprEntry", "data": {"lines": ["    assert one == two"]}}]},
    "reprcrash": CRASH,
}


def phases(test: str, **said: object) -> bytes:
    """Report lines of one test; `said` is what a phase that did not pass has to say, by its name."""
    rows = [
        {
            "$report_type": "TestReport",
            "nodeid": test,
            "when": when,
            "outcome": "passed" if when not in said else "skipped" if isinstance(said[when], list) else "failed",
            "longrepr": said.get(when),
            "duration": 0.5,
        }
        for when in ("setup", "call", "teardown")
    ]
    return b"".join(json.dumps(row).encode() + b"\n" for row in (HEAD, *rows))


@pytest.mark.parametrize("piece", [1, 7, 10_000])
def test_a_tests_outcome_is_that_of_its_worst_phase_however_the_log_comes(piece: int) -> None:
    data = phases("a") + phases("b", call=TRACEBACK) + phases("c", setup=["x.py", 3, "Skipped: no gcc"])
    data += phases("d", teardown="it stayed")
    log = ReportLog()
    found = [result for at in range(0, len(data), piece) for result in log.feed(data[at : at + piece])]
    outcomes = [(result.test, result.outcome, result.seconds) for result in found]
    assert outcomes == [("a", PASSED, 1.5), ("b", FAILED, 1.5), ("c", SKIPPED, 1.5), ("d", FAILED, 1.5)]
    assert found[0].said == ""
    assert "assert one == two" in found[1].said
    assert "assert 1 == 2" in found[1].said
    assert [result.said for result in found[2:]] == ["Skipped: no gcc", "it stayed"]


def test_what_a_failed_test_printed_is_said() -> None:
    row = json.loads(phases("a", teardown=TRACEBACK).splitlines()[-1])
    row["sections"] = [["Captured stderr call", "no room in the cgroup"]]
    (found,) = ReportLog().feed(json.dumps(row).encode() + b"\n")
    assert found.said.endswith("Captured stderr call:\nno room in the cgroup")


def test_a_test_under_way_has_no_result() -> None:
    assert ReportLog().feed(phases("a").rsplit(b"\n", 2)[0] + b"\n") == []


def test_a_run_goes_on_where_the_last_one_was_cut_and_the_last_result_counts(tmp_path: Path) -> None:
    first = Results(tmp_path / "r.jsonl")
    for result in (Result("a", PASSED, 1), Result("b", FAILED, 2, "why"), Result("c", UNFINISHED, 0)):
        first.add(result)
    again = Results(tmp_path / "r.jsonl")
    tests = ["a", "b", "c", "d"]
    assert again.left(tests, again=False) == ["d"]
    assert again.left(tests, again=True) == ["b", "c", "d"]
    again.add(Result("b", PASSED, 3))
    assert Results(tmp_path / "r.jsonl").counts() == {PASSED: 2, FAILED: 0, SKIPPED: 0, UNFINISHED: 1}
