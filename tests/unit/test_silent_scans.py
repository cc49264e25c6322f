"""Scans of which the kernel does not say how many pages they looked at: every view says that its numbers are bounds."""

from __future__ import annotations

import re
from dataclasses import replace
from html import unescape

import pytest
from json_schemas import errors
from streams import METADATA, MS, SECOND, Records, analyse, event, records, row
from test_engine_cgroups import PATHS, SMALL, TOLD, in_cgroup

from tracer.analyze.model import Analysis, Finding
from tracer.analyze.scanned import Scanned
from tracer.analyze.terms import Quality, Tier
from tracer.export.otlp.found import FoundSpans
from tracer.export.otlp.telling import moments
from tracer.metadata import Metadata
from tracer.recording_facts import RecordingFacts
from tracer.report.letter.content import letter
from tracer.report.letter.mail import mail
from tracer.report.letter.markdown import markdown
from tracer.report.page import render
from tracer.screen.finding_words import detail
from tracer.tables.rows import ladder_rows, reclaimer_rows
from tracer.terminal.summary_text import summary_text
from tracer.wording.numbers import percent
from tracer.wording.scans import efficiency_words, silent_scans
from tracer.wording.summary import summary_json

SUMMED = replace(METADATA, lru_detail="span", lru_gen_enabled=7)
LISTS = replace(METADATA, lru_detail="span", lru_gen_enabled=0)
SENTENCE = "Direct reclaim (global) scanned {}30,000 pages of the LRU lists in 2.0 s and freed 300 of them ({}1.0%)"


def in_vain(silent: int, name: str = "direct_reclaim") -> Records:
    """2 s of direct reclaim, three scans of 10,000 pages each, of some of which the kernel says 0."""
    outcomes = {"nr_reclaimed": 100, "nr_activate1": 4900, "nr_ref_keep": 5000, "reclaim_flags": 2}
    said = [0] * silent + [10_000] * (3 - silent)
    scans = [
        event(SECOND + at * MS, "lru_shrink_inactive", nr_scanned=scanned, **outcomes)
        for at, scanned in enumerate(said, 1)
    ]
    begin, end = event(SECOND, f"{name}_begin"), event(3 * SECOND, f"{name}_end", nr_reclaimed=300)
    return records(begin, *scans, end)


def results(silent: int, metadata: Metadata = METADATA) -> tuple[Analysis, RecordingFacts]:
    """`in_vain` beside a kswapd of which each scan is told."""
    wake, sleep = (event(at * MS, kind, 60, "kswapd0") for at, kind in ((1, "kswapd_wake"), (3, "kswapd_sleep")))
    told = event(2 * MS, "lru_shrink_inactive", 60, "kswapd0", nr_scanned=90, nr_reclaimed=45, reclaim_flags=2)
    stream = records(wake, told, sleep, in_vain(silent))
    return analyse(stream, metadata=metadata, end_ns=9 * SECOND), RecordingFacts("x", metadata)


def futile(analysis: Analysis) -> Finding:
    (found,) = [finding for finding in analysis.findings if finding.kind == "futile_reclaim"]
    return found


@pytest.mark.parametrize(
    ("silent", "metadata", "counted"), [(0, METADATA, 0), (2, METADATA, 2), (0, SUMMED, None), (0, LISTS, 0)]
)
def test_they_are_counted_for_each_tier_and_reclaimer(silent: int, metadata: Metadata, counted: int | None) -> None:
    direct = row(results(silent, metadata)[0], Tier.DIRECT)
    for part in (direct, *direct.scopes.values(), *direct.reclaimers):
        assert (part.nr_scanned, part.efficiency, part.silent_scans) == (30_000, 0.01, counted)
    assert row(results(silent)[0], Tier.BACKGROUND).silent_scans == 0


def test_one_of_which_nothing_at_all_is_told_makes_the_count_a_bound_too() -> None:
    scan = event(2 * SECOND, "lru_shrink_inactive", nr_scanned=0, reclaim_flags=2)
    analysis = analyse(event(SECOND, "direct_reclaim_begin"), scan, event(3 * SECOND, "direct_reclaim_end"))
    direct = row(analysis, Tier.DIRECT)
    assert (direct.nr_scanned, direct.efficiency, direct.silent_scans) == (0, None, 1)
    text = summary_text(analysis, RecordingFacts("x", METADATA))
    assert re.search(r"^ +2 direct \(global\) .* -( |$)", text, re.MULTILINE), text


@pytest.mark.parametrize("metadata", [METADATA, SUMMED])
def test_where_nothing_was_scanned_there_is_no_efficiency_to_know(metadata: Metadata) -> None:
    wait = event(SECOND, "throttled", usec_delayed=1000)
    scan = event(9 * SECOND, "lru_shrink_inactive", 60, "kswapd0", nr_scanned=90, nr_reclaimed=45, reclaim_flags=2)
    analysis, facts = analyse(wait, scan, metadata=metadata), RecordingFacts("x", metadata)
    retry = row(analysis, Tier.RETRY)
    assert (retry.nr_scanned, retry.efficiency, retry.silent_scans) == (0, None, 0)
    assert not re.search(r"^ +3 .* -( |$)", summary_text(analysis, facts), re.MULTILINE)
    rungs = re.findall(r"<tr>(?:(?!</tr>).)*3 retry.*?</tr>", render(analysis, facts), re.DOTALL)
    assert rungs
    assert not any("unknown" in rung for rung in rungs)


@pytest.mark.parametrize("silent", [0, 1])
def test_a_cgroups_are_counted_and_told(silent: int) -> None:
    # GIVEN one cgroup whose tasks scan in vain, and one whose tasks do not, so that the tier does better
    begin, end = (event(at * MS, f"memcg_reclaim_{edge}", 101) for at, edge in ((3500, "begin"), (3600, "end")))
    scan = event(3550 * MS, "lru_shrink_inactive", 101, nr_scanned=9000, nr_reclaimed=9000, reclaim_flags=2)
    stream = records(in_cgroup(SMALL, in_vain(silent, "memcg_reclaim")), in_cgroup(3, begin, scan, end))
    analysis = analyse(stream, metadata=TOLD, cgroups=PATHS)
    rows = {each.id: each.tiers[0] for each in analysis.cgroups or ()}
    told = {number: (each.nr_scanned, each.silent_scans) for number, each in rows.items()}
    assert told == {SMALL: (30_000, silent), 3: (9000, 0)}
    found = futile(analysis)
    least, most = ("at least ", "at most ") if silent else ("", "")
    assert found.text.startswith(f"Tasks of {PATHS[SMALL]} scanned {least}30,000 pages of the LRU lists in 2.0 s")
    assert found.text.endswith(f"freed 300 of them ({most}1.0%).")
    assert (found.quality is Quality.LOWER_BOUND) == bool(silent)


@pytest.mark.parametrize(
    ("silent", "metadata", "is_bound"), [(0, METADATA, False), (2, METADATA, True), (0, SUMMED, True)]
)
def test_every_view_says_whether_it_is_a_bound(silent: int, metadata: Metadata, *, is_bound: bool) -> None:
    analysis, facts = results(silent, metadata)
    sentence = SENTENCE.format(*(("at least ", "at most ") if is_bound else ("", "")))
    found = futile(analysis)
    assert found.text.startswith(sentence)
    assert found.quality is (Quality.LOWER_BOUND if is_bound else Quality.MEASURED)
    text = " ".join(summary_text(analysis, facts).split())
    assert ("<=1%" in text, "efficiency is an upper bound" in text) == (is_bound, is_bound)
    assert "50%" in text
    written = letter(analysis, facts, None)
    for words in (text, " ".join(mail(written).split()), unescape(markdown(written).replace("\\", ""))):
        assert sentence in words
    screen = " ".join(line.plain for line in detail(found, 200))
    assert ("nr_scanned at least 30,000" in screen, "efficiency at most 0.01" in screen) == (is_bound, is_bound)
    assert "nr_reclaimed 300" in screen


@pytest.mark.parametrize("silent", [0, 2])
def test_the_page_says_it_in_its_tables_its_findings_and_its_quality(silent: int) -> None:
    page = unescape(render(*results(silent)))
    numbers = dict(re.findall(r'<dt title="(\w+) in summary --json">.*?<dd>(.*?)</dd>', page))
    assert ("≤ 1.0 %" in page, "efficiency: upper bound" in page) == (bool(silent), bool(silent))
    assert ("does not say how many pages 2 scans in direct (global) looked at" in page) == bool(silent)
    assert ("at least 30,000" in numbers["nr_scanned"], "at most 1.0 %" in numbers["efficiency"]) == (silent > 0,) * 2
    assert ("lower_bound" in numbers["nr_scanned"], "upper_bound" in numbers["efficiency"]) == (silent > 0,) * 2
    assert "measured" in numbers["nr_reclaimed"]
    assert "≤ 50.0 %" not in page
    assert "50.0 %" in page


@pytest.mark.parametrize(("silent", "metadata"), [(0, METADATA), (2, METADATA), (0, SUMMED)])
def test_data_for_programs_has_the_count(silent: int, metadata: Metadata) -> None:
    analysis, facts = results(silent, metadata)
    counted = None if metadata is SUMMED else silent
    told = summary_json(analysis, facts)
    assert not errors("summary", told)
    tiers = {tier["tier"]: tier for tier in told["tiers"]}
    assert tiers["direct"]["silent_scans"] == tiers["direct"]["reclaimers"][0]["silent_scans"] == counted
    for rows in (ladder_rows(analysis.tiers), reclaimer_rows(analysis.tiers)):
        assert {each["silent_scans"] for each in rows if each["tier"] == "direct"} == {counted}
    for one in FoundSpans(analysis, "x", 0).all:
        for moment in moments(one):
            if moment.name == "tier direct":
                assert moment.told["tier"]["silent_scans"] == counted


@pytest.mark.parametrize(
    ("scanned", "words"),
    [
        (Scanned(None, None, None), ""),
        (Scanned(10, 0.5, 0), "50.0 %"),
        (Scanned(10, 0.5, 1), "≤ 50.0 %"),
        (Scanned(10, 0.5, None), "≤ 50.0 %"),
        (Scanned(9_000_000, 0.0001, 1), "≤ 0.1 %"),
        (Scanned(10, 0.0, 1), "0.0 %"),
    ],
)
def test_at_most_next_to_nothing_is_never_at_most_nothing(scanned: Scanned, words: str) -> None:
    assert efficiency_words(scanned, percent) == words


def test_why_is_said_by_tier() -> None:
    assert silent_scans(results(0)[0].tiers) == ""
    assert silent_scans(results(1)[0].tiers) == (
        "efficiency is an upper bound: the kernel does not say how many pages 1 scan in direct (global) looked at"
    )
    assert silent_scans(results(0, SUMMED)[0].tiers) == (
        "efficiency is an upper bound: scans in background and direct (global) were added up, which hides those of "
        "which the kernel says 0 pages"
    )
