"""Half a minute of fuzzing each of the reader, the importers, the views, and descriptions of kernels.

`python -m tests.fuzz` does it for as long as asked. Here the inputs are the same each time: a run
of the tests must not fail by chance.
"""

from __future__ import annotations

import shutil

import pytest
from targets import TARGETS
from watching import watched

INPUTS = {
    "reader": 5000,
    "text": 300,
    "long": 10,
    "packed": 250,
    "trace_dat": 300,
    "host": 500,
    "samples": 400,
    "views": 120,
    "facts": 250,
}
"""As many as take half a minute of a CPU for the reader, for all importers, for the views, and for descriptions."""
FOUND = {"text": (1846, 1876, 3_000_000)}
"""Inputs that once brought one down, took it minutes, or had an importer write what can't be read."""
GOOD = {"read", "imported", "judged"}


@pytest.mark.parametrize("target", TARGETS)
def test_whatever_is_given_is_taken_or_refused_in_a_line_within_bounds(target, tmp_path):
    if target == "trace_dat" and not shutil.which("trace-cmd"):
        pytest.skip("needs trace-cmd")
    numbers = (*range(INPUTS[target]), *FOUND.get(target, ()))
    ways = {watched(lambda number=number: TARGETS[target](number, tmp_path)).way for number in numbers}
    assert ways & GOOD, "none got far enough to try anything"
    assert target == "long" or ways - GOOD, "none was hostile"
