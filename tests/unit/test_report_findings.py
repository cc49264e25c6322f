"""The findings of a page: which are on it, what each opens to, and the head's cards and words."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import replace

import numpy as np
import pytest
from synthetic_analysis import HOSTILE, MIB_PAGES, facts, quiet, storm

from tracer.analyze.balloon_result import BalloonSize
from tracer.analyze.model import Finding, Quantity, Stall
from tracer.analyze.terms import Quality, Severity, Tier
from tracer.metadata import Metadata
from tracer.report import render
from tracer.report.cards import cards, waited_s
from tracer.report.chosen_findings import MOST_FINDINGS, chosen
from tracer.report.finding_numbers import numbers
from tracer.report.glossary import glossary, parts
from tracer.report.header import who_waited
from tracer.report.letter import letter
from tracer.report.section import Source
from tracer.report.table import Column, Table, word


def finding(number: int, kind: str = "storm", **values: float) -> Finding:
    return Finding(number, kind, Severity.WARNING, 1.0, 2.0, f"What {number} says.", Quality.INFERRED, values, cost=1.0)


def values_of(analysis, recorded=None):
    return {card.name: card.value for card in cards(Source(analysis, recorded or facts()))}


@pytest.mark.parametrize(
    ("counts", "kept"),
    [
        ({"storm": 3}, {"storm": 3}),
        ({"storm": 500}, {"storm": MOST_FINDINGS}),
        ({"storm": 500, "oom_kill": 2}, {"storm": MOST_FINDINGS - 2, "oom_kill": 2}),
        ({"storm": 500, "cycle": 500, "puff": 10}, {"storm": 55, "cycle": 55, "puff": 10}),
        ({f"kind{i}": 9 for i in range(200)}, {f"kind{i}": 1 for i in range(200)}),
    ],
)
def test_where_there_are_too_many_each_kind_keeps_its_costliest(counts, kept):
    found = [finding(i, kind) for kind, number in counts.items() for i in range(number)]
    shown = chosen(found)
    assert Counter(each.kind for each in shown) == kept
    for kind, number in kept.items():
        assert [each.id for each in shown if each.kind == kind] == [*range(number)]


def test_a_page_of_a_hundred_thousand_findings_says_how_many_it_shows_and_where_the_rest_is():
    many = [finding(i) for i in range(100_000)]
    page = render(replace(storm(), findings=many), facts())
    assert page.count('<details id="finding=') == MOST_FINDINGS
    assert "Showing 120 of 100,000 findings" in page
    assert "<code>reclaim-tracer summary --json</code> lists every one" in page
    assert len(page) < 2_500_000


def test_numbers_have_a_unit_by_their_name_and_pages_their_size_too():
    given = {"wasted_pages": 512.0, "stall_s": 1.5, "waiting_share": 0.25, "free_bytes": 3 << 20, "pid": 4321.0}
    given |= {"gfp_flags": 0x100CCA, "constraint": 3, "notifications": 12345, "shrinkers_s": 0.0}
    shown = {number.key: (number.name, number.value) for number in numbers(finding(1, **given), 4096)}
    assert shown["wasted_pages"] == ("wasted", "2.0 MiB (512 pages)")
    assert shown["stall_s"] == ("stall", "1.50 s")
    assert shown["waiting_share"] == ("waiting share", "25.0 %")
    assert shown["free_bytes"] == ("free", "3.0 MiB")
    assert (shown["pid"][1], shown["gfp_flags"][1], shown["constraint"][1]) == ("4321", "0x100cca", "CONSTRAINT_MEMCG")
    assert (shown["notifications"][1], shown["shrinkers_s"][1]) == ("12,345", "0 s")


def test_a_finding_opens_to_numbers_with_their_quality_advice_and_evidence():
    evidence = {2: Table("Spans of finding 2", [Column("Task")], [[word(HOSTILE)]])}
    page = render(storm(), facts(), evidence=evidence)
    opened = re.search(r'<details id="finding=2".*?</details>', page, re.DOTALL)[0]
    assert "<strong>Try first:</strong>" in opened
    assert 'href="#finding=2"' in opened
    assert 'href="#explain-storm"' in opened
    assert "&lt;/script&gt;&lt;img" in opened
    assert "<img" not in page


def test_a_finding_whose_spans_were_not_read_says_so_and_names_the_command_that_prints_them():
    page = render(storm(), facts(), evidence={2: Table("Spans of finding 2", [Column("Task")], [[word("a")]])})
    said = "No span of its time was read for this page"
    read, unread = (re.search(rf'<details id="finding={at}".*?</details>', page, re.DOTALL)[0] for at in (2, 1))
    assert said not in read
    assert f"{said}, which reads those of the first findings" in unread
    assert "<code>reclaim-tracer spans FILE --finding 1</code>" in unread


def test_what_is_not_known_is_said_on_its_card_and_never_0():
    unseen = facts(complete=False, cut_bytes=100)
    assert values_of(quiet(), unseen) == {
        "Moved for nothing": "0 MiB",
        "Page cache read again": "not known",
        "Worst wait": "not known",
        "OOM kills": "not known",
        "Held by the balloon": "not known",
        "Events lost": "not known",
    }


def test_cards_show_what_was_seen():
    size = BalloonSize(0, 96 << 20, 0, 128 << 20, None, "meminfo.Balloon_bytes", Quality.MEASURED)
    analysis = replace(storm(), balloon=replace(storm().balloon, size=size))
    analysis.samples["vmstat.workingset_refault_file"] = Quantity(np.array([0.0, 1.0]), np.array([100.0, 612.0]))
    shown = values_of(analysis)
    assert shown["Page cache read again"] == "2.0 MiB"
    assert shown["Worst wait"] == "310 ms"
    assert shown["Held by the balloon"] == "96.0 MiB"
    assert shown["Events lost"] == "0"
    assert values_of(analysis, facts(lost={"throttled": 7}))["Worst wait"] == "at least 310 ms"


def test_waiting_inside_other_waiting_is_not_added_twice():
    task = Stall("a", 1, Tier.DIRECT, 1, 2.0, 1), Stall("a", 1, Tier.RETRY, 1, 1.0, 1)
    assert waited_s([*task, Stall("b", 2, Tier.RETRY, 1, 0.5, 1)]) == 2.5


def test_who_waited_longest_is_named_with_how_long():
    assert who_waited(storm()) == "stress-ng-vm (4312) 2.40 s, kworker/0:1 (77) 410 ms"
    many = replace(quiet(), stalls=[Stall(f"t{i}", i, Tier.DIRECT, 1, float(9 - i), 1) for i in range(6)])
    assert who_waited(many) == "t0 (0) 9.00 s, t1 (1) 8.00 s, t2 (2) 7.00 s and 3 more"
    assert who_waited(quiet()) == ""


def test_the_title_stands_for_the_host():
    page = render(quiet(), facts(), title="before <the> change")
    assert "<title>before &lt;the&gt; change: reclaim-tracer report</title>" in page
    assert "<h1>before &lt;the&gt; change</h1>" in page


def test_every_row_of_the_glossary_is_a_word_with_a_meaning_and_a_place_of_its_own():
    words = [each for part in parts() for each in part.words]
    assert len(words) > 45
    assert all(each.plain and each.names for each in words)
    assert len({each.anchor for each in words}) == len(words)
    assert not [each for each in words if re.search(r"\]\(|\*\*|`", each.plain)]
    assert {"moved for nothing", "out of puff", "direct", "slab", "storm", "oom_kill", "size"} <= glossary().keys()


def test_every_term_that_the_page_uses_is_in_the_glossary():
    page = render(storm(), facts())
    tips = re.findall(r'class="term" href="#(word-[\w-]+)"', page)
    assert len(tips) >= 6
    assert all(f'id="{anchor}"' in page for anchor in tips)
    assert {card.term for card in cards(Source(storm(), facts()))} <= glossary().keys() | {""}


def test_pages_have_their_count_beside():
    assert f"78.0 MiB <small>{78 * MIB_PAGES:,} p.</small>" in render(storm(), facts())


@pytest.mark.parametrize(
    ("position", "told"), [(2, "<strong>Try first:</strong> If the reason is DEFLATE_ON_OOM"), (None, "")]
)
def test_head_and_finding_advise_what_is_true_of_the_finding(position, told):
    kill = replace(finding(1, "oom_kill"), severity=Severity.CRITICAL, advice=position)
    page = render(replace(storm(), findings=[kill]), facts())
    assert page.count("<strong>Try first:</strong>") == page.count(told) * bool(told) == (2 if told else 0)
    tried = dict(letter(replace(storm(), findings=[kill]), facts(), None).remarks).get("Try first", [""])
    assert tried[0].startswith(told.removeprefix("<strong>Try first:</strong> "))
    assert bool(tried[0]) == bool(told)


def test_where_nothing_was_flagged_the_page_says_how_near_it_came_and_how_to_see_more():
    readings = {
        "meminfo.MemAvailable_bytes": [900 << 20, 200 << 20, 800 << 20],
        "vmstat.nr_free_pages": [9000, 3000, 8000],
        "psi.memory.some_total_us": [5.0, 5.0, 5.0],
    }
    times = np.array([0.0, 1.25, 2.0])
    samples = {name: Quantity(times, np.array(values, np.float64)) for name, values in readings.items()}
    recorded = facts()
    recorded = replace(recorded, metadata=replace(recorded.metadata, watermark_low_pages=1000))
    page = render(replace(quiet(), samples=samples), recorded)
    for words in (
        "MemAvailable was lowest at 1.250 s: 200.0 MiB of 1.0 GiB.",
        "Free memory came no lower than 7.8 MiB above the low watermark, in samples.",
        "No task waited for memory (PSI).",
        "<code>reclaim-tracer record -d 600 -o trace.rtrace</code>",
    ):
        assert words in page


def test_of_nothing_recorded_the_page_claims_nothing_and_names_the_check():
    page = render(quiet(), facts(metadata=Metadata()))
    assert "<code>reclaim-tracer check</code> says what can be traced" in page
    assert "MemAvailable was" not in page
    assert "No page was reclaimed" not in page
    assert "Not known whether pages were reclaimed" in page
    assert "No tier was seen supplying memory, but this recording can" in page


def test_pages_that_the_ladder_has_are_not_denied_where_it_is_not_known_when_they_were_reclaimed():
    page = render(replace(quiet(), tiers=storm().tiers), facts())
    assert "Pages were reclaimed (see the ladder), but this recording does not tell when." in page
    assert "No page was reclaimed" not in page


@pytest.mark.parametrize(
    ("host", "imported_from", "name"),
    [("web-1", "t.txt", "web-1"), ("(none)", "t.txt", "t.txt"), ("(none)", "", "a.rtrace"), ("", "", "a.rtrace")],
)
def test_a_page_is_called_by_the_host_unless_the_kernel_has_no_name_for_it(host, imported_from, name):
    recorded = replace(facts(), source="a.rtrace", metadata=Metadata(host=host, imported_from=imported_from))
    assert f"<h1>{name}</h1>" in render(quiet(), recorded)
