"""The verdict says the worst thing first, with its cost, and what limits it."""

from dataclasses import replace

import numpy as np
import pytest
from synthetic_analysis import MIB_PAGES, facts, ladder, quiet, storm

from tracer.analyze.model import Finding, Quantity, TierRow
from tracer.analyze.terms import Cause, Quality, Severity, Tier
from tracer.report import verdict

KILL = TierRow(Tier.OOM_KILL, 4.0, kills=2)
NO_STORM = replace(storm(), storms=[])
NO_CYCLE = replace(NO_STORM, cycles=[], tiers=ladder(0.0)[:2])
NO_CONFLICT = replace(NO_CYCLE, conflicts=[], tiers=NO_STORM.tiers)


def with_balloon(pages: int, at_s: float = 0.0):
    """A quiet analysis with a kill at 4 s and balloon counters read before it."""
    counters = {"vmstat.balloon_inflate": pages, "vmstat.balloon_deflate": 0}
    samples = {name: Quantity(np.array([at_s]), np.array([float(value)])) for name, value in counters.items()}
    return replace(quiet(), tiers=[KILL], samples=samples)


def test_a_storm_comes_first_with_class_and_cost():
    said = verdict(storm(), facts())
    assert said.severity is Severity.CRITICAL
    assert "1 storm of 3 cycles" in said.sentence
    assert "notifier-reinflate" in said.sentence
    assert "78.0 MiB for nothing" in said.sentence


@pytest.mark.parametrize(
    ("analysis", "severity", "part"),
    [
        (NO_STORM, Severity.WARNING, "3 cycles of leak and reinflation (notifier-reinflate"),
        (NO_CYCLE, Severity.WARNING, "2 conflicts (400 ms self, 1.20 s induced and 100 ms foreign)"),
        (with_balloon(100 * MIB_PAGES), Severity.CRITICAL, "killed 2 tasks with 100.0 MiB still in the balloon"),
        (
            NO_CONFLICT,
            Severity.WARNING,
            "gave 39.0 MiB only as the last resort, after 7.40 s of direct reclaim and retries",
        ),
        (replace(quiet(), tiers=[KILL]), Severity.CRITICAL, "killed 2 tasks; no conflict and no cycle"),
        (quiet(), Severity.INFO, "No conflict and no cycle: no tier had to give memory"),
    ],
)
def test_the_worst_thing_is_said(analysis, severity, part):
    said = verdict(analysis, facts())
    assert said.severity is severity
    assert part in said.sentence


def test_without_any_trouble_it_says_which_tier_gave_what():
    tiers = ladder(0.0)[:2]
    said = verdict(replace(quiet(), tiers=tiers), facts())
    assert said.severity is Severity.INFO
    assert (
        "proactive gave 2.0 MiB of LRU; background gave 100.0 MiB of file, 25.0 MiB of anon and slab objects"
        in said.sentence
    )


def test_pages_are_of_the_recordings_size():
    large = replace(facts(), metadata=replace(facts().metadata, page_size_bytes=65536))
    assert "1,248 MiB for nothing" in verdict(storm(), large).sentence


def test_a_kill_is_never_left_out_of_a_worse_verdict():
    said = verdict(replace(storm(), tiers=[KILL]), facts())
    assert said.sentence.endswith("moved 78.0 MiB for nothing, and the OOM killer killed 2 tasks.")


def test_a_kill_over_an_empty_balloon_does_not_blame_it():
    assert "balloon" not in verdict(with_balloon(0), facts()).sentence


def test_a_kill_over_a_balloon_tells_the_reason_found():
    found = Finding(
        1, "oom_kill", Severity.CRITICAL, 4.0, 4.0, "It chose a task: the feature is off.", Quality.INFERRED
    )
    said = verdict(replace(with_balloon(MIB_PAGES), findings=[found]), facts())
    assert said.sentence.endswith("1.0 MiB still in the balloon: the feature is off.")


def test_a_balloon_tapped_by_its_shrinker_was_tapped_early():
    leaked = {**quiet().balloon.leaked_pages, Cause.SHRINKER: 3 * MIB_PAGES}
    said = verdict(replace(quiet(), balloon=replace(quiet().balloon, leaked_pages=leaked)), facts())
    assert "shrinker gave 3.0 MiB side by side with the page cache" in said.sentence


@pytest.mark.parametrize(
    ("changes", "part"),
    [
        ({"lost": {"shrink_slab_start": 1, "throttled": 2}}, "3 events were lost"),
        ({"lost": {"throttled": 1}}, "1 event was lost"),
        ({"cut_bytes": 2048, "complete": False}, "The recording was cut short (2.0 KiB at its end could not be used)"),
        ({"complete": False}, "The recorder was ended before it could close the recording"),
        ({"bad_blocks": 1}, "1 damaged block was skipped"),
    ],
)
def test_what_was_missed_qualifies_the_verdict(changes, part):
    said = verdict(quiet(), facts(**changes))
    assert part in said.qualifier
    assert "lower bounds" in said.qualifier


def test_a_whole_recording_needs_no_qualifier():
    assert verdict(quiet(), facts()).qualifier == ""
