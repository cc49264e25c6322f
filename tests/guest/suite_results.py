"""What became of each test that ran in a guest: from pytest's report log, a line each, the last one counting."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final

PASSED: Final = "passed"
FAILED: Final = "failed"
SKIPPED: Final = "skipped"
UNFINISHED: Final = "unfinished"
"""The test was under way when its process or its machine ended, or was given up."""
_MOST_SAID: Final = 6000


@dataclass(frozen=True)
class Result:
    """A test's outcome; `seconds` with what it set up and took down, `said` is why it did not pass."""

    test: str
    outcome: str
    seconds: float
    said: str = ""


class Results:
    """Those in a file, to which more are added as they come."""

    def __init__(self, path: Path) -> None:
        self._path = path
        lines = path.read_text().splitlines() if path.exists() else []
        self.by_test = {result.test: result for result in (Result(**json.loads(line)) for line in lines)}

    def add(self, result: Result) -> None:
        """Kept at once: a run that is cut short goes on from here."""
        self.by_test[result.test] = result
        with self._path.open("a") as file:
            file.write(json.dumps(asdict(result)) + "\n")

    def left(self, tests: Iterable[str], *, again: bool) -> list[str]:
        """Those without a result; with `again` those too that did not pass."""
        return [test for test in tests if test not in self.by_test or (again and not self._passed(test))]

    def counts(self) -> dict[str, int]:
        """Tests by outcome."""
        outcomes = [result.outcome for result in self.by_test.values()]
        return {outcome: outcomes.count(outcome) for outcome in (PASSED, FAILED, SKIPPED, UNFINISHED)}

    def _passed(self, test: str) -> bool:
        return self.by_test[test].outcome == PASSED


class ReportLog:
    """Lines of pytest-reportlog, fed in any pieces."""

    def __init__(self) -> None:
        self._pending = b""
        self._phases: dict[str, list[dict[str, Any]]] = {}

    def feed(self, data: bytes) -> list[Result]:
        """Tests whose last phase is in what came by now."""
        *lines, self._pending = (self._pending + data).split(b"\n")
        reports = [report for report in map(json.loads, lines) if report["$report_type"] == "TestReport"]
        found: list[Result] = []
        for report in reports:
            self._phases.setdefault(report["nodeid"], []).append(report)
            if report["when"] == "teardown":
                found.append(_result(self._phases.pop(report["nodeid"])))
        return found


def _result(phases: Sequence[dict[str, Any]]) -> Result:
    outcomes = [phase["outcome"] for phase in phases]
    outcome = next((bad for bad in (FAILED, SKIPPED) if bad in outcomes), PASSED)
    bad = [phase for phase in phases if phase["outcome"] == outcome != PASSED]
    # A phase's sections are all that was captured up to its end.
    captured = [f"{name}:\n{content}" for name, content in bad[-1].get("sections", [])] if bad else []
    said = "\n".join([*(text(phase["longrepr"]) for phase in bad), *captured])
    return Result(
        phases[0]["nodeid"], outcome, round(sum(phase["duration"] for phase in phases), 1), said[-_MOST_SAID:]
    )


def text(longrepr: Any) -> str:
    """Why a phase did not pass: the place and the message, of whatever form pytest gave it."""
    if isinstance(longrepr, dict):
        entries = longrepr["reprtraceback"]["reprentries"]
        lines = [line for entry in entries for line in entry["data"].get("lines", [])]
        return "\n".join([*lines, str(longrepr["reprcrash"])])
    return longrepr[2] if isinstance(longrepr, list | tuple) else str(longrepr)
