"""Traces of other people's troubles, cut to a few lines: each with what is right to say about it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

import tracer
from tracer.frames.trace import Trace
from tracer.imports import ImportRequest, import_trace
from tracer.terminal.summary_text import summary_text
from tracer.wording import Verdict, verdict

DATA = Path(__file__).parent / "data" / "foreign"
MIB_PAGES = 256


class Told:
    """What is said of one of the traces."""

    def __init__(self, name: str, folder: Path) -> None:
        path = folder / f"{name}.rtrace"
        import_trace(ImportRequest(str(DATA / f"{name}.txt"), path))
        self.trace: Trace = tracer.open(path)
        self.summary: dict[str, Any] = self.trace.summary()
        facts = self.trace._part.facts({})
        self.verdict: Verdict = verdict(self.trace.analysis, facts)
        self.text = " ".join(summary_text(self.trace.analysis, facts).split())

    @property
    def tiers(self) -> dict[str, dict[str, Any]]:
        """Rows of the ladder by name."""
        return {row["tier"]: row for row in self.summary["tiers"]}

    def finding(self, kind: str) -> dict[str, Any]:
        """The only finding of a kind."""
        (found,) = [found for found in self.summary["findings"] if found["kind"] == kind]
        return found


@pytest.fixture
def told(request: pytest.FixtureRequest, tmp_path: Path) -> Told:
    return Told(request.param, tmp_path)


def trace_of(name: str) -> pytest.MarkDecorator:
    return pytest.mark.parametrize("told", [name], indirect=True)


@trace_of("slab-without-its-reclaim")
def test_shrinker_calls_whose_reclaim_began_before_are_their_reclaims(told: Told) -> None:
    assert list(told.tiers) == ["background", "direct"]
    objects = [row["sources"]["slab"]["objects"] for row in told.tiers.values()]
    assert objects == [{"super_cache_scan": 110}] * 2
    assert told.tiers["background"]["busy_s"] == pytest.approx(1.4)
    assert told.tiers["direct"]["sources"]["lru"]["pages"] == 64
    assert {row["quality"] for row in told.tiers.values()} == {"lower_bound"}
    assert "at least" in told.verdict.sentence


@trace_of("verdict-hides-the-kill")
def test_a_kill_leads_and_pages_reclaim_says_it_got_count(told: Told) -> None:
    assert told.verdict.sentence.startswith(
        "The OOM killer chose a process (pid 500) with 256.0 MiB still in the balloon"
    )
    (conflict,) = told.summary["conflicts"]
    assert conflict["reclaimed_pages"] == 40


@trace_of("hyperv-none-was-seen")
def test_the_driver_is_known_by_its_events(told: Told) -> None:
    balloon = told.summary["balloon"]
    assert (balloon["driver"], balloon["inflated_pages"], balloon["quality"]) == ("hv_balloon", 350_000, "inferred")
    assert "Balloon: hv_balloon" in told.text
    assert "inflated 1,367 MiB" in told.text
    assert balloon["work_spans"] is None


@trace_of("balloon-full-guest-starves")
def test_a_balloon_that_keeps_what_tasks_wait_for_leads_the_verdict(told: Told) -> None:
    found = told.finding("starved")
    numbers = {"balloon_pages": 2048 * MIB_PAGES, "stall_s": pytest.approx(2.4), "stalls": 6, "min_priority": 2}
    assert found["numbers"] == numbers
    assert told.verdict.kind == "starved"
    waited = "Tasks waited 2.4 s in direct reclaim (global), down to priority 2"
    assert f"{waited}, while the balloon held 2,048 MiB" in told.text


@trace_of("worker-waits-for-host")
def test_a_worker_that_does_not_return_waits_for_the_host(told: Told) -> None:
    found = told.finding("worker_stuck")
    assert found["numbers"]["stuck_s"] == pytest.approx(1208.0, abs=0.1)
    assert "tell_host, waiting for the host" in found["text"]
    assert told.verdict.kind == "worker_stuck"
    assert told.summary["balloon"]["puffs"] == 0


@trace_of("end-without-begin-is-nothing")
def test_an_end_without_begin_is_a_lower_bound(told: Told) -> None:
    direct = told.tiers["direct"]
    assert (direct["sources"]["lru"]["pages"], direct["busy_s"], direct["quality"]) == (193, None, "lower_bound")
    assert "direct reclaim (global) freed at least 0.8 MiB" in told.verdict.sentence
    assert "no memory had to be reclaimed" not in told.text


@trace_of("softlimit-pages-dropped")
def test_kswapds_soft_limit_reclaim_is_background(told: Told) -> None:
    assert list(told.tiers) == ["background"]
    assert told.tiers["background"]["sources"]["lru"]["pages"] == 32
    assert told.summary["stalls"] == []


@trace_of("work-without-pages-is-zero")
def test_pages_that_nothing_counts_are_unknown_and_a_worker_that_reclaims_inflates(told: Told) -> None:
    balloon = told.summary["balloon"]
    names = ("inflated_pages", "net_pages", "wasted_pages", "migrated_pages", "puffs")
    assert {balloon[name] for name in names} == {None}
    assert set(balloon["leaked_pages"].values()) == {None}
    assert balloon["quality"] == "unknown"
    (conflict,) = told.summary["conflicts"]
    assert conflict["overlap_s"] == {"self": pytest.approx(0.1), "induced": 0.0, "foreign": 0.0}
    assert (conflict["inflated_pages"], conflict["reclaimed_pages"]) == (None, 64)


@trace_of("not-in-time-order")
def test_second_0_is_the_earliest_event(told: Told) -> None:
    assert told.summary["recording"]["duration_s"] == pytest.approx(2.054, abs=0.001)
    background, direct = told.tiers["background"], told.tiers["direct"]
    assert (background["first_s"], direct["first_s"]) == (0.0, pytest.approx(1.037, abs=0.001))
    assert background["busy_s"] == pytest.approx(2.054, abs=0.001)
    assert {source["pages"] for name, source in background["sources"].items() if name in ("file", "lru")} == {None}


@trace_of("kill-where-no-balloon-is")
def test_a_kill_where_no_balloon_was_seen_blames_none(told: Told) -> None:
    assert told.verdict.sentence == "The OOM killer chose a process (pid 502); no balloon was seen."
    kill = told.tiers["oom_kill"]
    assert (kill["spans"], kill["tasks"], kill["busy_s"]) == (1, 1, None)


@trace_of("cut-before-the-pages")
def test_pages_that_were_cut_off_are_unknown_in_every_result(told: Told) -> None:
    assert told.trace.metadata.absent_fields["lru_shrink_inactive"]
    for row in told.tiers.values():
        assert {row["sources"][source]["pages"] for source in ("file", "anon", "lru")} == {None}
        assert row["min_priority"] is None
        assert {reclaimer["pages"] for reclaimer in row["reclaimers"]} == {None}
    assert told.verdict.level == "unknown"
    assert "no memory had to be reclaimed" not in told.text


@trace_of("cut-before-the-objects")
def test_objects_that_were_cut_off_are_unknown_in_every_result(told: Told) -> None:
    (shrinker,) = told.summary["shrinkers"]
    keys = ("scanned", "freed_objects", "scan_share", "size_share")
    assert [shrinker[key] for key in keys] == [None] * 4
    assert told.tiers["background"]["sources"]["slab"] == {"pages": None, "objects": {"super_cache_scan": None}}
    assert "super_cache_scan 1 - - - 200 ms" in told.text
    assert "reclaim freed" not in told.verdict.sentence.replace("that reclaim freed", "")


@trace_of("function-tracer")
def test_entries_without_arguments_move_no_pages_and_an_oom_is_no_quiet_recording(told: Told) -> None:
    balloon = told.summary["balloon"]
    assert (balloon["inflated_pages"], balloon["net_pages"], balloon["wasted_pages"]) == (None,) * 3
    assert set(balloon["leaked_pages"].values()) == {None}
    assert told.verdict.level == "unknown"
    assert "out_of_memory() was called once" in told.verdict.sentence
    assert "no memory had to be reclaimed" not in told.text


@trace_of("folded-lines")
def test_a_tier_that_gave_objects_gave_at_least_these(told: Told) -> None:
    assert told.verdict.sentence.startswith(
        "Nothing was flagged: background reclaim freed slab objects, possibly more; kills were not"
    )
    assert told.verdict.level == "unknown", "it has no kills"
