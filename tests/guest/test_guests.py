"""Real kernels with a real balloon: on one of them every scenario, one recorded in every way, a smoke on the others.

By carried programs, which a guest loads in a moment that it would take half a minute to compile; `SMOKE` once more on
each kernel by its own bcc. `GUESTS=all` runs all of it on every kernel.
"""

from __future__ import annotations

import json
from collections import Counter

import pytest
from guest.kernels import KERNELS, chosen_kernels
from guest.scenario import scenario_named, scenarios
from guest.trial import Trial
from guest.ways import CARRIED_WAYS, DEFAULT, PROGRAMS

SMOKE = "plain"
ELSEWHERE = {"6.1": ("lru_gen_page_cache", "lru_gen_swap"), "newest": ("kswapd_gives_up",)}
"""What only another kernel can show: reclaim of which no tracepoint tells, a tracepoint that 6.12 has not."""
IN_EVERY_WAY = "host_reasserts"
"""The host and the OOM notifier take pages by turns, which a way of counting them has to tell apart."""


MATRIX_ONLY = {"same_load_no_balloon", "still_balloon_no_deflate"}
"""Where the whole matrix is wanted (`GUESTS=all`): on one kernel `still_balloon` stands for them."""


def trials() -> list[Trial]:
    """In the order in which the pool begins them: those first whose machine has the most."""
    chosen = chosen_kernels()
    left_out = set() if chosen == list(KERNELS) else MATRIX_ONLY
    wanted = [scenario for scenario in scenarios() if scenario.name not in left_out]
    whole = [Trial(kernel, scenario, PROGRAMS) for kernel in chosen for scenario in wanted]
    others = [kernel for kernel in KERNELS if kernel not in chosen]
    elsewhere = [(kernel, name) for kernel in others for name in (SMOKE, *ELSEWHERE.get(kernel, ()))]
    smoke = [Trial(kernel, scenario_named(name), PROGRAMS) for kernel, name in elsewhere]
    ways = [Trial(kernel, scenario_named(IN_EVERY_WAY), way) for kernel in chosen for way in CARRIED_WAYS]
    compiled = [Trial(kernel, scenario_named(SMOKE), DEFAULT) for kernel in KERNELS]
    found = [*whole, *smoke, *ways, *compiled]
    shared = Counter(trial.machine for trial in found)
    return sorted(found, key=lambda trial: -shared[trial.machine])


@pytest.mark.parametrize("trial", [pytest.param(trial, id=str(trial)) for trial in trials()])
def test_what_is_found_is_what_was_done(pool, trial, record_property):
    if trial.why_not:
        pytest.skip(trial.why_not)
    outcome = pool.outcome(trial)
    record_property("numbers", json.dumps(outcome.numbers))
    assert outcome.state == "ok", f"{outcome.reason}\n{outcome.numbers}"
