"""The verdict is the worst finding, with what its kind comes to and the next kind; and says what limits it."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest
from streams import SECOND, analyse, event, records
from synthetic_analysis import MIB_PAGES, facts, ladder, quiet, storm

from tracer.analyze.findings.kind import Kind
from tracer.analyze.findings.registry import KIND_BY_NAME, KINDS
from tracer.analyze.model import Analysis, Finding, NotJudged
from tracer.analyze.terms import Quality, Severity
from tracer.metadata import BalloonInfo, PlanRow, SourceState
from tracer.report import render, verdict
from tracer.wording.verdict import QUIET, UNKNOWN

SEVERITIES = {"critical": Severity.CRITICAL, "warning": Severity.WARNING, "info": Severity.INFO}
NO_KILLS_TRACED = NotJudged("oom_kill", "nothing tells whether a task was killed")
BACKGROUND_FREED = (
    "background reclaim freed 100.0 MiB of page cache and 25.0 MiB of anonymous memory, plus slab objects"
)
NO_PAGES_COUNTED = NotJudged("cycle", "nothing counts pages"), NotJudged("storm", "nothing counts pages")


def flagged(*findings: str) -> Analysis:
    """An analysis with findings in the order of the engine, the worst first: `warning cycle`."""
    made = []
    for number, words in enumerate(findings, 1):
        severity, kind = words.split()
        numbers = {"stall_s": 1.5, "wasted_pages": 512}
        text = f"What {kind} number {number} says."
        made.append(Finding(number, kind, SEVERITIES[severity], 1.0, 2.0, text, Quality.MEASURED, numbers))
    return replace(quiet(), findings=made)


def test_the_worst_finding_leads_and_the_next_kind_follows_in_a_clause() -> None:
    said = verdict(flagged("critical worker_stuck", "warning starved", "warning cycle"), facts())
    assert (said.severity, said.kind, said.finding) == (Severity.CRITICAL, "worker_stuck", 1)
    clause = KIND_BY_NAME["starved"].clause
    assert said.sentence == f"What worker_stuck number 1 says. Also, {clause}."


def test_others_of_the_kind_are_added_up() -> None:
    said = verdict(flagged("warning starved", "warning starved", "warning starved"), facts())
    assert said.sentence == "What starved number 1 says. 3 such stretches, 4.5 s of waiting in total."


def test_a_kind_without_a_sum_says_how_many() -> None:
    said = verdict(flagged("warning kswapd_gave_up", "warning kswapd_gave_up"), facts())
    assert said.sentence.endswith("says. 2 such findings in total.")


def test_a_kill_is_never_left_out_of_a_worse_verdict() -> None:
    worse = flagged("critical worker_stuck", "critical storm", "critical oom_kill", "critical oom_kill")
    assert verdict(worse, facts()).sentence.endswith("Also, the OOM killer killed a task (2 times).")


@pytest.mark.parametrize(("kills", "said_again"), [(1, True), (2, False)])
def test_kills_that_the_worst_finding_tells_are_not_told_twice(kills: int, said_again: bool) -> None:
    analysis = flagged("critical starved", "critical oom_kill", "critical oom_kill")
    analysis.findings[0].numbers = {"kills": kills}
    assert ("the OOM killer killed a task" in verdict(analysis, facts()).sentence) == said_again


def test_nor_is_a_kill_from_user_space() -> None:
    worse = flagged("critical worker_stuck", "critical storm", "warning user_kill")
    assert verdict(worse, facts()).sentence.endswith("Also, a process was killed from user space.")


def test_mere_information_does_not_follow_something_worse() -> None:
    assert "Also" not in verdict(flagged("warning starved", "info refault"), facts()).sentence


@pytest.mark.parametrize("kind", ["lost", "module", "recorder_share"])
def test_what_is_about_the_recording_leads_no_verdict(kind: str) -> None:
    said = verdict(flagged(f"warning {kind}"), facts())
    assert (said.severity, said.kind, said.finding) == (Severity.INFO, QUIET, None)


def test_information_leads_with_what_the_tiers_gave_behind_it() -> None:
    said = verdict(replace(flagged("info refault"), tiers=ladder(0.0)[1:2]), facts())
    assert (said.level, said.kind, said.finding) == ("info", "refault", 1)
    assert said.sentence == f"What refault number 1 says. No conflict and no cycle: {BACKGROUND_FREED}."


def test_without_any_trouble_it_says_which_tier_gave_what() -> None:
    said = verdict(replace(quiet(), tiers=ladder(0.0)[:2]), facts())
    assert (said.severity, said.kind) == (Severity.INFO, QUIET)
    assert f"proactive reclaim freed 2.0 MiB of LRU pages; {BACKGROUND_FREED}" in said.sentence
    assert verdict(quiet(), facts()).sentence == "No conflict and no cycle: no memory had to be reclaimed."


@pytest.mark.parametrize("page_bytes", [4096, 65536])
def test_its_total_is_that_of_the_tile(page_bytes: int) -> None:
    # GIVEN a storm and a cycle outside it
    analysis = storm()
    beside = replace(analysis.cycles[0], id=9, storm=None)
    analysis = replace(analysis, cycles=[*analysis.cycles, beside])
    analysis.balloon.wasted_pages = sum(cycle.wasted_pages for cycle in analysis.cycles)
    analysis.findings = [finding for finding in analysis.findings if finding.kind == "storm"]
    of_size = replace(facts(), metadata=replace(facts().metadata, page_size_bytes=page_bytes))
    # THEN the verdict has the sum, as the report's tile shows it
    said = verdict(analysis, of_size).sentence
    (tile,) = re.findall(r">Moved for nothing</a></dt><dd>([^<]+)<", render(analysis, of_size))
    assert f"1 storm of 3 cycles and 1 other cycle in total; {tile} moved for nothing." in said


def test_what_was_not_judged_is_listed_and_quiet_stays_quiet_without_what_does_not_decide() -> None:
    analysis = replace(quiet(), not_judged=[NotJudged("lag", "the host's log is missing"), *NO_PAGES_COUNTED])
    said = verdict(analysis, replace(facts(), metadata=replace(facts().metadata, balloon=BalloonInfo())))
    assert (said.kind, said.not_judged) == (QUIET, tuple(analysis.not_judged))
    assert said.sentence == "No conflict: no memory had to be reclaimed."


@pytest.mark.parametrize(
    ("unjudged", "why"),
    [([NO_KILLS_TRACED], "nothing tells whether a task was killed"), ([*NO_PAGES_COUNTED], "nothing counts pages")],
)
@pytest.mark.parametrize("found", [(), ("info refault",)])
def test_nothing_is_quiet_that_was_not_looked_at(unjudged: list[NotJudged], why: str, found: tuple[str, ...]) -> None:
    analysis = replace(flagged(*found), not_judged=unjudged)
    said = verdict(analysis, facts())
    assert (said.level, said.kind, said.finding) == ("unknown", UNKNOWN, None)
    assert said.sentence.count(why) == 1
    assert "No problem found" not in render(analysis, facts())


def test_an_unjudged_kind_takes_nothing_from_what_was_found() -> None:
    said = verdict(replace(flagged("warning starved"), not_judged=[NO_KILLS_TRACED]), facts())
    assert (said.level, said.kind) == ("warning", "starved")


def test_an_oom_whose_end_is_not_known_is_said_once() -> None:
    plan = (PlanRow("direct_reclaim_end", "x", SourceState.USED), PlanRow("out_of_memory_begin", "x", SourceState.USED))
    analysis = replace(quiet(), tiers=ladder(0.0)[1:2], not_judged=[NO_KILLS_TRACED])
    analysis.accounting.events_by_kind = {"out_of_memory_begin": 2}
    said = verdict(analysis, replace(facts(), metadata=replace(facts().metadata, plan=plan)))
    assert said.kind == UNKNOWN
    assert "out_of_memory() was called 2 times" in said.sentence
    assert NO_KILLS_TRACED.why not in said.sentence


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.name)
def test_every_kind_can_lead_or_follow_in_a_sentence(kind: Kind) -> None:
    assert kind.clause[0].islower() or kind.clause.startswith("OOM ")
    assert not kind.clause.endswith(".")
    assert not kind.title.endswith(".")


def test_pages_of_the_last_resort_are_the_balloons_total() -> None:
    analysis = replace(storm(), findings=flagged("warning late_tap", "warning late_tap").findings)
    assert "OOM notifiers took 39.0 MiB from the balloon in total." in verdict(analysis, facts()).sentence
    assert analysis.balloon.leaked_pages["oom_notifier"] == 39 * MIB_PAGES


@pytest.mark.parametrize(
    ("changes", "part"),
    [
        ({"lost": {"shrink_slab_start": 1, "throttled": 2}}, "3 events were lost"),
        ({"lost": {"throttled": 1}}, "1 event was lost"),
        ({"cut_bytes": 2048, "complete": False}, "The recording was cut short (2.0 KiB at its end could not be used)"),
        ({"complete": False}, "The recorder was stopped before it could close the recording"),
        ({"bad_blocks": 1}, "1 damaged block was skipped"),
    ],
)
def test_what_was_missed_qualifies_the_verdict(changes: dict[str, object], part: str) -> None:
    said = verdict(quiet(), facts(**changes))
    assert part in said.qualifier
    assert "lower bounds" in said.qualifier


def test_a_whole_recording_needs_no_qualifier() -> None:
    assert verdict(quiet(), facts()).qualifier == ""


@pytest.mark.parametrize(("kind", "said"), [("memcg_limit", 0), ("oom_kill", 1)])
def test_where_all_reclaim_was_is_not_said_after_a_finding_that_says_it(kind: str, said: int) -> None:
    begin, end = event(SECOND, "memcg_reclaim_begin"), event(2 * SECOND, "memcg_reclaim_end", nr_reclaimed=300)
    analysis = replace(analyse(records(begin, end)), findings=flagged(f"warning {kind}").findings)
    assert verdict(analysis, facts()).sentence.count("All reclaim was in memory cgroups") == said
