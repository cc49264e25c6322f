"""Free pages reported and hinted to the host, and the host's commands for hinting, on small written streams."""

from __future__ import annotations

import dataclasses

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from streams import METADATA, MS, SECOND, Records, analyse, event, records, row

from tracer.analyze.balloon.host_words import HostWords
from tracer.analyze.model import Analysis
from tracer.analyze.terms import CycleClass, Quality, Tier
from tracer.metadata import BalloonInfo, Metadata, PlanRow, SourceState
from tracer.recording_facts import RecordingFacts
from tracer.terminal.summary_text import summary_text
from tracer.wording.verdict import verdict

COUNTING = ("virtballoon_free_page_report", "lru_shrink_inactive", "reclaim_pages", "virtballoon_changed")
STOP, DONE, START = 0, 1, 0x8000_0000


def recorded(*kinds: str, features: tuple[str, ...] = (), **more: object) -> Metadata:
    """Of a virtio balloon whose plan traces these kinds."""
    plan = tuple(PlanRow(kind, f"kprobe:{kind}", SourceState.USED) for kind in kinds)
    balloon = BalloonInfo("virtio_balloon", "virtio0", features, "oom_notifier")
    return dataclasses.replace(METADATA, plan=plan, balloon=balloon, **more)  # type: ignore[arg-type]


REPORTING = recorded(*COUNTING, features=("reporting",))
UNCOUNTED = dataclasses.replace(REPORTING, absent_fields={"virtballoon_free_page_report": ("reported_pages",)})
HINTING = recorded(*COUNTING, "report_free_page", features=("free_page_hint",))


def report(time_ns: int, pages: int = 512) -> Records:
    return event(time_ns, "virtballoon_free_page_report", 30, "kworker/1:0", nents=1, reported_pages=pages)


def change(time_ns: int, command: int, hinted: int = 0, returned: int = 0) -> Records:
    """A config change, and the end of the run of hinting that the driver makes after each."""
    numbers = {"cmd_id": command, "hinted_pages": hinted, "returned_pages": returned}
    return records(event(time_ns, "virtballoon_changed", 1), event(time_ns + MS, "report_free_page", 50, **numbers))


def told(analysis: Analysis, metadata: Metadata) -> tuple[str, str]:
    facts = RecordingFacts("x.rtrace", metadata)
    return verdict(analysis, facts).sentence, " ".join(summary_text(analysis, facts).split())


def test_reported_pages_are_tier_0s_and_nobodys_reclaim() -> None:
    analysis = analyse(records(*(report(at * SECOND) for at in range(4))), metadata=REPORTING, end_ns=8 * SECOND)
    balloon, tier = analysis.balloon, row(analysis, Tier.PROACTIVE)
    assert (balloon.reports, balloon.reported_pages) == (4, 2048)
    assert (tier.reported_pages, tier.spans, tier.off_lru_pages, tier.reclaimers) == (2048, 4, 0, [])
    assert tier.quality is Quality.MEASURED
    sentence, text = told(analysis, REPORTING)
    assert sentence.startswith(
        "Nothing was flagged: the driver reported 8.0 MiB of free pages to the host; kills were not"
    )
    assert "reported 8.0 MiB to the host in 4 reports (0.5/s)" in text


def test_reports_beside_reclaim_are_not_among_its_pages_nor_its_reclaimers() -> None:
    stream = records(event(1 * MS, "reclaim_pages", 40, "kdamond.0", nr_reclaimed=100), report(2 * MS))
    analysis = analyse(stream, metadata=REPORTING)
    tier = row(analysis, Tier.PROACTIVE)
    assert (tier.lru_pages, tier.reported_pages, tier.spans) == (100, 512, 2)
    assert [(each.name, each.spans, each.pages) for each in tier.reclaimers] == [("kdamond.0", 1, 100)]
    assert "no memory had to" not in told(analysis, REPORTING)[0]


def test_reports_whose_pages_nothing_counts_are_unknown_and_not_0() -> None:
    analysis = analyse(records(report(0, 0), report(SECOND, 0)), metadata=UNCOUNTED)
    tier = row(analysis, Tier.PROACTIVE)
    assert (analysis.balloon.reports, analysis.balloon.reported_pages, tier.reported_pages) == (2, None, None)
    assert tier.quality is Quality.UNKNOWN
    sentence, text = told(analysis, UNCOUNTED)
    assert "the driver reported free pages to the host 2 times; this recording does not say how many" in sentence
    assert "reported free pages (amount not known) to the host in 2 reports" in text


def test_without_reports_it_is_0_where_they_were_traced_and_else_unknown() -> None:
    traced, untraced = (analyse(metadata=each, end_ns=SECOND).balloon for each in (REPORTING, recorded("mark_victim")))
    assert (traced.reports, traced.reported_pages) == (0, 0)
    assert (untraced.reports, untraced.reported_pages, untraced.hinted_pages) == (None, None, None)


def test_a_report_alone_is_no_reclaim_of_unknown_size() -> None:
    only = recorded("virtballoon_free_page_report")
    sentence, _ = told(analyse(report(0), metadata=only), only)
    assert sentence.startswith("Can't tell")
    assert "the driver reported 2.0 MiB of free pages to the host" in sentence
    assert "proactive reclaim ran" not in sentence


def test_a_migrations_commands_are_no_changes_of_target() -> None:
    # GIVEN a change of target, a migration's start, stop and done, and the target changed again
    stream = records(
        change(0, STOP),
        change(1 * SECOND, START, hinted=4096),
        change(2 * SECOND, STOP),
        change(3 * SECOND, DONE, returned=4096),
        change(4 * SECOND, DONE),
    )
    analysis = analyse(stream, metadata=HINTING)
    assert (analysis.balloon.config_changes, analysis.balloon.target_changes) == (5, 2)
    assert analysis.balloon.hinted_pages == 4096
    assert "hinted at least 16.0 MiB to the host" in told(analysis, HINTING)[1]


def test_a_command_that_stops_a_run_ends_it_under_its_own_name() -> None:
    # GIVEN a stop that comes while pages are hinted: the run ends with that command, and the next finds no new one
    stream = records(
        change(0, STOP),
        event(1 * SECOND, "virtballoon_changed", 1),
        event(2 * SECOND, "virtballoon_changed", 1),
        event(2 * SECOND + MS, "report_free_page", 50, cmd_id=STOP, hinted_pages=1024),
        event(2 * SECOND + 2 * MS, "report_free_page", 50, cmd_id=STOP),
    )
    balloon = analyse(stream, metadata=HINTING).balloon
    assert (balloon.config_changes, balloon.target_changes) == (3, 1)


@pytest.mark.parametrize(
    ("first", "targets"), [((STOP, 0, 0), 1), ((START, 64, 0), 0), ((DONE, 0, 64), 0), ((DONE, 0, 0), 1)]
)
def test_the_first_run_tells_a_new_command_by_its_pages(first: tuple[int, int, int], targets: int) -> None:
    assert analyse(change(0, *first), metadata=HINTING).balloon.target_changes == targets


@pytest.mark.parametrize("cut", range(1, 8))
def test_commands_are_told_however_the_stream_is_cut(cut: int) -> None:
    stream = records(change(0, STOP), change(SECOND, START, 64), change(2 * SECOND, DONE), change(3 * SECOND, DONE))
    balloon = analyse(stream[:cut], stream[cut:], metadata=HINTING).balloon
    assert (balloon.target_changes, balloon.hinted_pages) == (2, 64)


def test_where_hinting_is_possible_and_its_commands_are_not_told_changes_of_target_are_unknown() -> None:
    old = recorded("virtballoon_changed", features=("free_page_hint",))
    analysis = analyse(event(0, "virtballoon_changed", 1), metadata=old)
    assert (analysis.balloon.config_changes, analysis.balloon.target_changes) == (1, None)
    assert "1 config change (target or hinting, not distinguishable here)" in told(analysis, old)[1]
    assert analyse(metadata=old, end_ns=SECOND).balloon.target_changes == 0


def test_without_hinting_every_config_change_is_one_of_target() -> None:
    assert analyse(event(0, "virtballoon_changed", 1), metadata=REPORTING).balloon.target_changes == 1


def fight(word: Records) -> Records:
    """256 pages leave by the OOM notifier while the worker inflates, and come back; `word` in between."""
    worker = {"tid": 50, "comm": "kworker/0:1"}
    stream = records(
        event(SECOND, "balloon_work_begin", **worker),
        event(1100 * MS, "oom_notify_begin", 70),
        event(1101 * MS, "leak_balloon_begin", 70, num=256),
        event(1102 * MS, "leak_balloon_end", 70, freed=256),
        event(1103 * MS, "oom_notify_end", 70),
        event(1900 * MS, "tell_host", **worker, num_pfns=256, direction=0),
        event(1950 * MS, "balloon_work_end", **worker),
        word,
    )
    return stream[stream["time_ns"].argsort(kind="stable")]


FIGHTING = recorded(
    *("virtballoon_changed", "report_free_page", "tell_host", "leak_balloon_begin", "leak_balloon_end"),
    *("oom_notify_begin", "oom_notify_end", "balloon_work_begin", "balloon_work_end"),
    features=("free_page_hint", "deflate_on_oom"),
)
COMMAND = change(1500 * MS, START, 64)
TARGET = records(change(500 * MS, STOP), change(1500 * MS, STOP))


@pytest.mark.parametrize("cut", [1, 3, 6, 8, 9])
def test_a_command_for_hinting_is_no_reason_for_pages_to_come_back(cut: int) -> None:
    def classes(word: Records) -> list[CycleClass]:
        stream = fight(word)
        return [cycle.cycle_class for cycle in analyse(stream[:cut], stream[cut:], metadata=FIGHTING).cycles]

    assert classes(COMMAND) == [CycleClass.NOTIFIER_REINFLATE]
    assert classes(TARGET) == [CycleClass.HOST_REINFLATE]
    # A change that no run of hinting follows set a target, too.
    assert classes(event(1500 * MS, "virtballoon_changed", 1)) == [CycleClass.HOST_REINFLATE]
    # Of two words one was a command.
    assert classes(records(event(1499 * MS, "virtballoon_changed", 1), COMMAND)) == [CycleClass.HOST_REINFLATE]


def test_where_nothing_tells_commands_from_targets_the_worker_s_pauses_do() -> None:
    old = dataclasses.replace(FIGHTING, plan=tuple(row for row in FIGHTING.plan if row.what != "report_free_page"))
    (cycle,) = analyse(fight(event(1500 * MS, "virtballoon_changed", 1)), metadata=old).cycles
    assert cycle.cycle_class is CycleClass.NOTIFIER_REINFLATE


@given(st.data())
@settings(max_examples=60, deadline=None)
def test_words_are_told_apart_however_they_come(data: st.DataObject) -> None:
    times = sorted(data.draw(st.lists(st.integers(0, 40), max_size=12)))
    kinds = data.draw(st.lists(st.tuples(st.sampled_from("cr"), st.integers(0, 2), st.booleans()), min_size=12))

    def told(stops: list[int]) -> list[int]:
        words, found = HostWords(runs_traced=True), []
        for number, (at_s, (kind, commands, hinted)) in enumerate(zip(times, kinds, strict=False)):
            at_ns = at_s * SECOND + number
            if kind == "c":
                words.changed([at_ns])
            else:
                words.ran(at_ns, commands, hinted=hinted)
            if number in stops:
                found += words.due(words.told_until(at_ns))
        return found + words.due(1 << 62)

    whole = told([])
    assert told([*range(12)]) == whole == sorted(whole)
    assert told(data.draw(st.lists(st.integers(0, 11)))) == whole
