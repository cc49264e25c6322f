"""The live view's screen looks as it did when somebody last looked at it."""

from __future__ import annotations

import difflib

import pytest
from golden.cases import COMMAND
from golden.screens import SCREENS, screen_cases


@pytest.mark.parametrize("case", screen_cases(), ids=lambda case: case.name)
def test_the_screen_is_the_expected_one(case):
    if not case.expected.exists():
        pytest.fail(f"{case.expected.name} is missing; to write it: {COMMAND} {case.name}", pytrace=False)
    expected, actual = case.expected.read_text(), case.actual()
    if actual != expected:
        lines = difflib.unified_diff(expected.splitlines(), actual.splitlines(), "expected", "actual", "", "", 0, "")
        changed = "\n".join(lines)
        pytest.fail(f"{case.name} changed\n{changed}\nIf that is right: {COMMAND} {case.name}", pytrace=False)


def test_every_expected_screen_has_its_case():
    assert {path.stem for path in SCREENS.glob("*")} == {case.name for case in screen_cases()}
