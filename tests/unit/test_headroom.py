"""How much more a balloon could have taken, or should give back."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from shortage_streams import GUEST, readings, sized, waits
from streams import SECOND, analyse, event
from synthetic_analysis import facts

from tracer.analyze import Analysis
from tracer.analyze.model import Finding
from tracer.batch import Samples
from tracer.metadata import BalloonInfo, PlanRow, SourceState
from tracer.wording.verdict import verdict

MIB = 1 << 20


def estimate(analysis: Analysis) -> Finding | None:
    found = [finding for finding in analysis.findings if finding.kind == "headroom"]
    return found[0] if found else None


def numbers(analysis: Analysis) -> dict[str, float]:
    found = estimate(analysis)
    assert found is not None
    return found.numbers


def test_a_guest_that_has_enough_could_lend_its_free_memory_and_its_page_cache():
    told = estimate(analyse(sized(700, 300, held_mib=100)))
    assert told is not None
    assert told.numbers == {
        "balloon_bytes": 100 * MIB,
        "free_bytes": 400 * MIB,
        "available_bytes": 700 * MIB,
        "calm_s": 20.0,
    }
    assert told.text.startswith("Estimate: the balloon of 100.0 MiB could have taken 400.0 MiB more of free memory")


def test_a_guest_without_room_is_told_that_the_balloon_could_not_grow():
    # GIVEN nothing available beside the balloon, and nothing read again
    told = estimate(analyse(sized(0, 0)))
    assert told is not None
    assert told.text.startswith("Estimate: the balloon of 100.0 MiB could not have taken more (lowest in ")
    assert told.numbers["available_bytes"] == 0


def test_the_lowest_counts_whatever_the_balloon_held_then():
    # GIVEN 300 MiB available beside a balloon of 200 MiB, and later 450 beside 100 that are left of it
    available = np.where(np.arange(41) < 20, 300 * MIB, 450 * MIB)
    samples = sized(0, 0, held_mib=200, seconds=40, gave_mib=[(20, 100)], **{"meminfo.MemAvailable_bytes": available})
    assert numbers(analyse(samples))["available_bytes"] == (500 - 100) * MIB


def test_what_was_lowest_under_pressure_does_not_count():
    # GIVEN less available while page cache was read again, and more before and long after
    at = np.arange(61)
    available = np.where((at > 20) & (at < 25), 10 * MIB, 700 * MIB)
    samples = sized(0, 0, 100, 1, 60, until_s=25, from_s=20, **{"meminfo.MemAvailable_bytes": available})
    told = numbers(analyse(samples))
    assert told["available_bytes"] == 700 * MIB
    assert told["calm_s"] == 55.0


@pytest.mark.parametrize(("each_ms", "is_told"), [(1, True), (2, False)])
def test_a_guest_that_waits_is_not_calm(each_ms, is_told):
    assert (estimate(analyse(sized(700, 300), waits(20, each_ms))) is not None) is is_told


def test_a_starved_guest_should_get_back_what_is_out():
    samples = readings(40, 640, 20, 15, **{"meminfo.MemAvailable_bytes": np.full(41, 100 * MIB)})
    told = estimate(analyse(samples, metadata=GUEST))
    assert told is not None
    assert told.numbers == {"balloon_bytes": 640 * MIB, "give_back_bytes": 200 * MIB}
    assert "should give back 200.0 MiB of its 640.0 MiB" in told.text


def test_no_balloon_gives_back_more_than_it_holds():
    samples = readings(40, 110, 20, 10, **{"meminfo.MemAvailable_bytes": np.full(41, 100 * MIB)})
    assert numbers(analyse(samples, metadata=GUEST))["give_back_bytes"] == 110 * MIB


def test_a_machine_without_a_balloon_has_no_estimate():
    samples = sized(700, 300, held_mib=0)
    assert estimate(analyse(samples, metadata=replace(GUEST, balloon=BalloonInfo()))) is None


def test_an_estimate_needs_what_it_is_made_of():
    rows = (PlanRow("kswapd_wake", "tracepoint", SourceState.USED),)
    samples = sized(700, 300).without({"meminfo.MemAvailable_bytes"})
    analysis = analyse(samples, metadata=replace(GUEST, plan=rows))
    assert estimate(analysis) is None
    assert "headroom" in {each.kind for each in analysis.not_judged}


def test_no_verdict_speaks_of_an_estimate():
    analysis = analyse(sized(700, 300), event(SECOND, "kswapd_wake", 60, "kswapd0"))
    assert estimate(analysis) is not None
    said = verdict(analysis, facts())
    assert said.kind != "headroom"
    assert "stimate" not in said.sentence


def test_readings_that_lack_the_caches_tell_no_free_memory():
    samples = sized(700, 300).without({"vmstat.nr_active_file"})
    assert estimate(analyse(Samples(samples.time_ns, samples.names, samples.values))) is None


def test_a_size_at_which_the_guest_starved_is_no_room():
    # GIVEN 200 MiB out beside 640 in the balloon, which gives 600 of them later, and then much free memory
    at = np.arange(121)
    available = np.where(at < 60, 100, 900) * MIB
    caches = {"meminfo.SReclaimable_bytes": at * 0, "vmstat.nr_active_file": at * 0, "vmstat.nr_inactive_file": at * 0}
    more = {"meminfo.MemAvailable_bytes": available, **caches}
    samples = readings(120, 640, 20, 15, until_s=40, gave_mib=[(60, 600)], **more)
    told = numbers(analyse(samples, metadata=GUEST))
    assert (told["balloon_bytes"], told["free_bytes"], told["available_bytes"]) == (40 * MIB, 400 * MIB, 400 * MIB)
