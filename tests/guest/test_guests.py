"""Real kernels with a real balloon: every scenario on one kernel, a smoke on each other; `GUESTS=all` runs all."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from guest.kernels import KERNELS, chosen_kernels
from guest.trial import Bench, Scenario, numbers, scenarios

SMOKE = ("plain",)
OUT = Path("out/guests")


@pytest.fixture(scope="module")
def bench():
    OUT.mkdir(parents=True, exist_ok=True)
    with Bench(OUT) as bench:
        yield bench


def trials() -> list[tuple[str, Scenario]]:
    whole = [(kernel, scenario) for kernel in chosen_kernels() for scenario in scenarios()]
    others = [kernel for kernel in KERNELS if kernel not in chosen_kernels()]
    return whole + [(kernel, scenario) for kernel in others for scenario in scenarios() if scenario.name in SMOKE]


@pytest.mark.parametrize(
    ("kernel", "scenario"), [pytest.param(*trial, id=f"{trial[0]}-{trial[1].name}") for trial in trials()]
)
def test_what_is_found_is_what_was_done(bench, kernel, scenario, record_property):
    if reason := scenario.why_not(kernel):
        pytest.skip(reason)
    record_property("numbers", json.dumps(numbers(bench.run(kernel, scenario))))
