"""When an episode tapped the balloon: each verdict on a written trace, alike in findings, JSON and report."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest
from golden.cases import DATA
from streams import BALLOON_OOM, BALLOON_SHRINKER, METADATA, MS, SECOND, analyse, counters, event, records, slab

from tracer.analyze.model import Analysis
from tracer.analyze.terms import Severity
from tracer.batch import LostStretch
from tracer.metadata import BalloonInfo, PlanRow, SourceState
from tracer.recording_facts import RecordingFacts
from tracer.report.episodes import choices
from tracer.report.section import Source
from tracer.report.sections import SECTIONS
from tracer.report.templates import fill
from tracer.wording.summary import summary_json

PAGE = 4096
MIB_PAGES = 256
RECLAIM = records(event(SECOND, "direct_reclaim_begin"), event(SECOND + 150 * MS, "direct_reclaim_end"))


def late(waited_ms: int) -> Analysis:
    reclaim = records(event(SECOND, "direct_reclaim_begin"), event(SECOND + waited_ms * MS, "direct_reclaim_end"))
    notified = event((1000 + waited_ms) * MS, "oom_notifier_run", cb=BALLOON_OOM)
    again = event((1010 + waited_ms) * MS, "direct_reclaim_begin")
    stream = records(reclaim, notified, again, event((1011 + waited_ms) * MS, "direct_reclaim_end"))
    return analyse(stream, counters([(0, 512, 0), (3 * SECOND, 512, MIB_PAGES)]))


def premature() -> Analysis:
    stream = records(
        event(10 * MS, "kswapd_wake", 60, "kswapd0"),
        slab(20 * MS, 30 * MS, 60, BALLOON_SHRINKER, freed=MIB_PAGES, priority=12),
        event(40 * MS, "kswapd_sleep", 60, "kswapd0"),
    )
    return analyse(stream, counters([(0, MIB_PAGES, 0), (SECOND, MIB_PAGES, MIB_PAGES)]))


def never(held: int = 512) -> Analysis:
    return analyse(RECLAIM, counters([(0, held, 0), (3 * SECOND, held, 0)]))


def tap(analysis: Analysis, metadata=METADATA) -> dict[str, object] | None:
    (episode,) = summary_json(analysis, RecordingFacts("x", metadata))["episodes"]
    return episode["tap"]


def test_pages_that_left_while_page_cache_could_be_freed_are_a_premature_tap():
    assert tap(premature()) == {
        "verdict": "premature",
        "pages": MIB_PAGES,
        "why": "Reclaim could still free page cache when the balloon gave 1.0 MiB in background reclaim, "
        "1.0 MiB at priority 12, the gentlest pass.",
    }


@pytest.mark.parametrize(
    ("waited_ms", "verdict", "end"), [(150, "late", "took 151 ms."), (50, "timely", "took 51.0 ms, less than 0.1 s.")]
)
def test_a_tap_by_the_notifier_is_late_where_reclaim_took_long(waited_ms, verdict, end):
    found = tap(late(waited_ms))
    assert (found["verdict"], found["pages"]) == (verdict, MIB_PAGES)
    assert found["why"].startswith(
        f"The balloon gave 1.0 MiB only as the last resort, first 0.{waited_ms // 10:02d} s into"
    )
    assert found["why"].endswith(end)


@pytest.mark.parametrize(
    ("held", "words"), [(512, "it held 2.0 MiB at the episode's end."), (0, "No page left the balloon under pressure")]
)
def test_where_no_page_left_it_says_what_was_there_to_take(held, words):
    found = tap(never(held))
    assert (found["verdict"], found["pages"]) == ("never", 0)
    assert words in found["why"]


def test_what_would_not_have_been_seen_is_unknown_and_not_never():
    planned = replace(METADATA, plan=(PlanRow("direct_reclaim_begin", "x", SourceState.USED, ""),))
    uncounted = tap(analyse(RECLAIM, metadata=planned))
    assert (uncounted["verdict"], uncounted["pages"]) == ("unknown", None)
    assert uncounted["why"] in {"Pages that left the balloon were not counted.", "OOM notifiers were not traced."}
    lost = LostStretch(SECOND, SECOND + 10 * MS, {"oom_notifier_run": 3})
    missed = tap(analyse(RECLAIM, counters([(0, 512, 0), (3 * SECOND, 512, 0)]), lost))
    assert (missed["verdict"], missed["why"]) == ("unknown", "Events that tell of it were lost in this time.")


def test_a_machine_without_a_balloon_taps_none():
    bare = replace(METADATA, balloon=BalloonInfo(), plan=(PlanRow("direct_reclaim_begin", "x", SourceState.USED, ""),))
    assert tap(analyse(RECLAIM, metadata=bare), bare) is None


@pytest.mark.parametrize("analysis", [premature(), late(150), late(50), never()])
def test_the_verdict_is_that_of_the_findings(analysis):
    found = {each.kind: each.severity for each in analysis.findings}
    expected = "never"
    if "premature_tap" in found:
        expected = "premature"
    elif "late_tap" in found:
        expected = "late" if found["late_tap"] is Severity.WARNING else "timely"
    assert tap(analysis)["verdict"] == expected


@pytest.mark.parametrize("path", sorted(DATA.glob("*.json")), ids=lambda path: path.stem)
def test_in_labelled_traces_verdicts_and_findings_say_the_same(path):
    summary = json.loads(path.read_text())
    kinds = {finding["kind"] for finding in summary["findings"]}
    verdicts = {episode["tap"]["verdict"] for episode in summary["episodes"] if episode["tap"]}
    assert ("premature" in verdicts) is ("premature_tap" in kinds)
    assert bool(verdicts & {"late", "timely"}) <= ("late_tap" in kinds)


@pytest.mark.parametrize(("analysis", "mark"), [(premature(), "◆"), (late(50), "✓"), (never(), "○")])
def test_the_page_says_what_the_summary_says_with_a_mark_of_its_own(analysis, mark):
    facts = RecordingFacts("x", METADATA)
    section = next(each for each in SECTIONS if each.id == "ladder")
    own = section.content(Source(analysis, facts)).shown
    page = fill("sections/ladder.html", {"section": section, "own": own})
    said = tap(analysis)
    assert said["why"].replace("'", "&#39;") in page
    assert f"{mark} " in page
    (whole, episode) = choices(analysis, PAGE)
    assert whole.tap.why == f"{said['verdict']} in 1 episode (of 1)."
    assert episode.label.endswith(f"tap: {said['verdict']}")
