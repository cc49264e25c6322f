"""Some seconds of fuzzing each of the importers; `tests/fuzz/fuzz_imports.py` does it for as long as asked."""

from __future__ import annotations

import pytest
from import_inputs import case_of

INPUTS = {"text": 100, "packed": 80, "host": 300, "samples": 300}
"""As many as take some seconds each."""
FOUND = {"text": (1846, 1876)}
"""Inputs that once brought the importer down, or had it write what can't be read."""


@pytest.mark.parametrize("kind", INPUTS)
def test_whatever_is_given_is_imported_or_refused_in_a_line(kind, tmp_path, capfd):
    ways = [case_of(kind, number).run(tmp_path) for number in (*range(INPUTS[kind]), *FOUND.get(kind, ()))]
    assert any(way.endswith(" events") for way in ways), "none got far enough to try anything"
    assert capfd.readouterr() == ("", "")
