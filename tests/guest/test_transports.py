"""One run of a real scenario, recorded by the ring buffer and by perf buffers at the same time."""

from __future__ import annotations

from pathlib import Path

import pytest
from guest.kernels import chosen_kernels
from guest.scenario import scenario_named
from guest.trial import Bench, Trial
from guest.ways import PERF, PROGRAMS, carried, options_of

SCENARIO = "host_oscillates"


@pytest.mark.parametrize("kernel", chosen_kernels())
def test_perf_buffers_give_what_the_ring_gives(kernel: str, tmp_path: Path) -> None:
    # GIVEN two recorders of the same, each held against guest and host
    by_perf = carried(PERF)
    with Bench(tmp_path, beside={by_perf: options_of(by_perf)}) as bench:
        found = bench.run(Trial(kernel, scenario_named(SCENARIO), PROGRAMS))
    ring, perf = found.summary, found.beside[by_perf].summary
    assert (found.transport, found.beside[by_perf].transport) == ("ring", PERF)
    # THEN there is something to find, and pages, cycles and findings are the same to the number
    assert ring["findings"]
    for key in ("inflated_pages", "leaked_pages", "net_pages", "wasted_pages", "migrated_pages", "quality"):
        assert perf["balloon"][key] == ring["balloon"][key]
    assert [cycle["class"] for cycle in perf["cycles"]] == [cycle["class"] for cycle in ring["cycles"]]
    assert sorted(finding["kind"] for finding in perf["findings"]) == sorted(f["kind"] for f in ring["findings"])
