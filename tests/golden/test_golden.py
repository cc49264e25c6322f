"""The analysis of real inputs says what it said when somebody last looked at it."""

from __future__ import annotations

import difflib
import json

import pytest
from golden.cases import COMMAND, DATA, DIGITS, Case, all_cases, as_text, rounded

DIFFERENCES_SHOWN = 60


def differences(case: Case, expected: str, actual: str) -> str:
    """What changed, and how to accept it."""
    lines = list(difflib.unified_diff(expected.splitlines(), actual.splitlines(), "expected", "actual", "", "", 2, ""))
    more = f"\n... and {len(lines) - DIFFERENCES_SHOWN} lines more" if len(lines) > DIFFERENCES_SHOWN else ""
    shown = "\n".join(lines[:DIFFERENCES_SHOWN])
    return f"{case.name}: the analysis changed\n{shown}{more}\nIf that is right: {COMMAND} {case.name}"


@pytest.mark.parametrize("case", all_cases(), ids=lambda case: case.name)
def test_the_summary_is_the_expected_one(case):
    if not case.expected.exists():
        pytest.fail(f"{case.expected.name} is missing; to write it: {COMMAND} {case.name}", pytrace=False)
    expected, actual = case.expected.read_text(), case.actual()
    if json.loads(actual) != json.loads(expected):
        pytest.fail(differences(case, expected, actual), pytrace=False)


def test_every_expected_summary_has_its_input():
    names = {case.name for case in all_cases()}
    assert len(names) >= 3
    assert {path.stem for path in DATA.glob("*.json")} == names


def test_a_failure_shows_what_changed_and_prints_the_command():
    case = all_cases()[0]
    message = differences(case, as_text({"cycles": 1, "busy_s": 0.5}), as_text({"cycles": 2, "busy_s": 0.5}))
    assert '- "cycles": 1,' in message
    assert '+ "cycles": 2,' in message
    assert message.endswith(f"{COMMAND} {case.name}")


def test_floats_are_compared_to_the_last_kept_digit():
    assert rounded({"a": [1.00000049, 2]}) == {"a": [1.0, 2]}
    assert rounded(1.0 + 10**-DIGITS) != 1.0
