"""The summary as text."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest
from streams import METADATA, MS, SECOND, event, records
from streams import analyse as analyse_stream
from synthetic_analysis import HOSTILE

from tracer.analyze.balloon_result import BalloonResult
from tracer.analyze.model import Analysis, Finding, ShrinkerStat, Stall, TierRow
from tracer.analyze.terms import Quality, Severity, Tier
from tracer.metadata import LOCKED, BalloonInfo, ClockChange, ClockChangeKind, PlanRow, SourceState
from tracer.report import RecordingFacts
from tracer.terminal.cells import cells
from tracer.terminal.paper import Paper
from tracer.terminal.summary_text import finding_line, summary_text

FACTS = RecordingFacts("small.rtrace", replace(METADATA, host="vm1", kernel_release="6.12.1"))


@pytest.fixture
def quiet() -> Analysis:
    return analyse_stream(event(MS, "module_load"), end_ns=SECOND)


def sections(text: str) -> dict[str, str]:
    """Section text by its first word."""
    return {re.split(r"\W", part)[0]: part for part in text.split("\n\n")}


def test_a_quiet_recording_has_no_tables(quiet):
    plan = (PlanRow("lru_shrink_inactive", "vmscan:mm_vmscan_lru_shrink_inactive", SourceState.USED),)
    parts = sections(summary_text(quiet, replace(FACTS, metadata=replace(FACTS.metadata, plan=plan))))
    assert parts["Ladder"] == "Ladder: no memory was reclaimed."
    assert parts["Findings"].splitlines()[0] == "Findings: none."
    assert "storm, cycle (the balloon's pages were not counted)" in " ".join(parts["Findings"].split())
    assert "Shrinkers" not in parts
    assert "Stalls" not in parts
    assert parts["Recording"].splitlines() == ["Recording", "  1 event recorded, 0 lost"]


def test_a_machine_without_a_balloon_says_so(quiet):
    plan = (PlanRow("module_load", "module:module_load", SourceState.USED),)
    facts = RecordingFacts("x", replace(FACTS.metadata, balloon=BalloonInfo(), plan=plan))
    assert sections(summary_text(quiet, facts))["Balloon"] == "Balloon: this machine has none."


def test_without_a_plan_nobody_looked_for_a_balloon(quiet):
    facts = RecordingFacts("x", replace(FACTS.metadata, balloon=BalloonInfo()))
    assert sections(summary_text(quiet, facts))["Balloon"] == "Balloon: not known whether there is one."


def test_pages_become_mib_of_the_recordings_page_size(quiet):
    quiet.tiers = [TierRow(Tier.DIRECT, first_s=0.5, file_pages=512)]
    for page_bytes, expected in ((4096, "2.0 MiB"), (65536, "32.0 MiB")):
        facts = RecordingFacts("x", replace(FACTS.metadata, page_size_bytes=page_bytes))
        assert expected in sections(summary_text(quiet, facts))["Ladder"]


def test_what_was_inferred_is_marked(quiet):
    quiet.tiers = [
        TierRow(Tier.DIRECT, 0.0, balloon_pages=256, quality=Quality.MEASURED),
        TierRow(Tier.OOM_NOTIFY, 0.0, balloon_pages=512, quality=Quality.INFERRED),
    ]
    rows = sections(summary_text(quiet, FACTS))["Ladder"].splitlines()[2:]
    assert rows[0].endswith("  1.0 MiB")
    assert rows[1].endswith(" ~2.0 MiB")


def test_names_cannot_move_the_cursor(quiet):
    quiet.stalls = [Stall(HOSTILE, 1, Tier.DIRECT, 1, 0.5, 1000)]
    quiet.shrinkers = [ShrinkerStat(HOSTILE, 1, 1, 1, 0.1, 1, 1, 1, 1.0, 1.0)]
    quiet.findings = [Finding(1, "k", Severity.INFO, 0, 0, HOSTILE, Quality.MEASURED)]
    quiet.tiers = [TierRow(Tier.DIRECT, 0.0, slab_objects={HOSTILE: 3})]
    facts = RecordingFacts(
        HOSTILE, replace(FACTS.metadata, host=HOSTILE, balloon=BalloonInfo("d", features=(HOSTILE,)))
    )
    text = summary_text(quiet, facts)
    assert [char for char in text if not char.isprintable() and char != "\n"] == []
    assert text.count(r"\x1b[31m") >= 6


def test_loss_damage_and_what_could_not_be_seen_are_said(quiet):
    quiet.accounting.lost = {"shrink_slab_start": 1234}
    quiet.accounting.begins_without_end = 3
    plan = (
        PlanRow("mark_victim", "oom:mark_victim", SourceState.USED),
        PlanRow("oom_notifier_run", "notifier:notifier_run", SourceState.ABSENT, "no such tracepoint"),
    )
    facts = RecordingFacts(
        "x", replace(METADATA, plan=plan), {"shrink_slab_start": 1234}, cut_bytes=77, bad_blocks=2, complete=False
    )
    text = sections(summary_text(quiet, facts))
    for words in (
        "1,234 lost",
        "--buffer-size",
        "3 begins without an end",
        "2 blocks with a wrong checksum",
        "77 B cut",
    ):
        assert words in text["Recording"]
    assert "1 kind of event not traceable on this machine (-v lists it, `reclaim-tracer check` says why)" in " ".join(
        text["Recording"].split()
    )
    told = sections(summary_text(quiet, facts, verbose=True))["Recording"]
    assert "oom_notifier_run" in told
    assert "mark_victim" not in told
    assert "lower bounds" in text["Verdict"]


@pytest.mark.parametrize("width", [48, 80, 96, 120, 200])
def test_no_line_is_wider_than_the_terminal_even_when_numbers_and_names_are_large(quiet, width):
    quiet.balloon = BalloonResult(
        inflated_pages=10**9, puffs=10**6, work_spans=10**7, worker_s=1e5, target_changes=10**6
    )
    quiet.tiers = [
        TierRow(tier, 1e5, 1e5, 10**8, 10**5, 12, 10**8, 10**8, 10**8, 10**8, {}, 10**8, 99) for tier in Tier
    ]
    quiet.stalls = [Stall("a-name-of-16-ch", 4_194_304, Tier.OOM_NOTIFY, 10**8, 1e5, 10**12)]
    quiet.shrinkers = [ShrinkerStat("a_shrinker_" * 20, 10**9, 10**12, 10**12, 1e5, 10**12, 10**12, 10**12, 1.0, 1.0)]
    quiet.findings = [Finding(1, "k", Severity.INFO, 1e3, 1e3, "/kubepods.slice/" * 20, Quality.MEASURED)]
    facts = RecordingFacts("a-long-name" * 20, FACTS.metadata)
    text = summary_text(quiet, facts, Paper(width=width))
    assert max(map(cells, text.splitlines())) <= width
    whole = "".join(text.split())
    assert "a-long-name" * 20 in whole
    assert "a_shrinker_" * 3 in whole
    assert whole.count("390,625MiB") >= len(Tier)


def test_more_rows_than_fit_are_counted(quiet):
    quiet.stalls = [Stall("task", pid, Tier.DIRECT, 1, float(pid), 1) for pid in range(1, 12)]
    text = sections(summary_text(quiet, FACTS))["Stalls"]
    assert " 11  2 direct" in text.splitlines()[2], "the longest first"
    assert text.endswith("and 3 more tasks (--json, report)")


def test_a_finding_says_how_bad_when_and_what():
    finding = Finding(1, "cycle", Severity.WARNING, 12.3456, 13, "Pages moved.", Quality.MEASURED)
    assert finding_line(finding) == "  warning     12.346 s  Pages moved."


def test_the_ladder_names_the_tiers_that_were_reached():
    analysis = analyse_stream(
        records(
            event(0, "direct_reclaim_begin"),
            event(MS, "direct_reclaim_end", nr_reclaimed=10),
            event(2 * MS, "mark_victim", pid=1, victim_comm=b"java"),
        )
    )
    lines = sections(summary_text(analysis, FACTS))["Ladder"].splitlines()
    assert [line.split()[:2] for line in lines[2:4]] == [["2", "direct"], ["5", "oom_kill"]]


@pytest.mark.parametrize(
    ("lock", "lost", "said"),
    [("mlockall: no", 5, True), ("mlockall: no", 0, False), (LOCKED, 5, False), ("", 5, False)],
)
def test_memory_that_reclaim_may_have_taken_from_the_recorder_is_named_beside_loss(quiet, lock, lost, said):
    facts = RecordingFacts("x", replace(METADATA, memory_lock=lock), {"wakeup_kswapd": lost} if lost else {})
    text = " ".join(summary_text(quiet, facts).split())
    assert ("could be reclaimed (mlockall: no): CAP_IPC_LOCK prevents that" in text) is said


def test_what_happened_to_the_recorder_is_said(quiet):
    start_ns = METADATA.start_ns
    changes = (
        ClockChange(start_ns + 3 * SECOND, ClockChangeKind.SUSPENDED, 60 * SECOND),
        ClockChange(start_ns + 4 * SECOND, ClockChangeKind.SET, -SECOND // 2),
    )
    facts = RecordingFacts("x", METADATA, dropped_events=1234, clock_changes=changes)
    text = " ".join(summary_text(quiet, facts).split())
    assert "the recorder dropped 1,234 of the lost events because packing or writing was too slow" in text
    assert "the machine was suspended for 60.0 s, not counted in times here, seen at 3.000 s" in text
    assert "the wall clock was set back by 500 ms, seen at 4.000 s" in text


def test_pages_that_could_not_be_had_are_a_dash(quiet):
    quiet.tiers = [TierRow(Tier.BACKGROUND, 0.0, file_pages=None, anon_pages=None, slab_pages=None)]
    found = sections(summary_text(quiet, FACTS))["Ladder"].splitlines()[2]
    assert found.count(" -") == 4
    assert "0 MiB" not in found


def test_throttling_alone_is_not_called_a_retry():
    analysis = analyse_stream(event(20 * MS, "throttled", usec_delayed=5000))
    assert "3 retry / throttled" in summary_text(analysis, RecordingFacts("x", METADATA))


def test_lists_about_the_recording_say_how_much_they_leave_out(quiet):
    plan = tuple(PlanRow(f"kind_{number:06}", "some", SourceState.ABSENT) for number in range(100_000))
    changes = tuple(ClockChange(number * SECOND, ClockChangeKind.SUSPENDED, SECOND) for number in range(1000))
    facts = replace(FACTS, metadata=replace(FACTS.metadata, plan=plan), clock_changes=changes)
    text = summary_text(quiet, facts, verbose=True)
    assert len(text.splitlines()) < 60
    words = " ".join(text.split())
    assert "kind_000099 and 99,900 more" in words
    assert "  992 more changes of the clocks\n" in text
