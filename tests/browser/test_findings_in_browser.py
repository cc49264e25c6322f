"""Findings, folds, words and small screens of a report in a real browser."""

from __future__ import annotations

from dataclasses import replace

import pytest
from synthetic_analysis import facts, storm

from tracer.analyze.model import Finding
from tracer.analyze.terms import Quality, Severity
from tracer.report import write_report

KINDS = ("storm", "oom_kill", "refault")
SEVERITIES = {"storm": Severity.WARNING, "oom_kill": Severity.CRITICAL, "refault": Severity.INFO}
TEXT = "Something that took {cost:.1f} s, told in a sentence that is long enough to need more than one line of a phone."


def several():
    """24 findings, the worst and costliest first."""
    made = []
    for kind in ("oom_kill", "storm", "refault"):
        for place in range(8):
            number, cost = len(made) + 1, 8.0 - place
            start_s = (number * 7) % 41 + 0.5
            text = TEXT.format(cost=cost)
            made.append(
                Finding(number, kind, SEVERITIES[kind], start_s, start_s + 1, text, Quality.MEASURED, cost=cost)
            )
    return replace(storm(), findings=made)


@pytest.fixture(scope="module")
def report(tmp_path_factory):
    path = tmp_path_factory.mktemp("findings") / "findings.html"
    write_report(path, several(), facts())
    return path


def listed(opened):
    """Ids of the findings that can be seen, from top to bottom."""
    script = (
        "[...document.querySelectorAll('ol.findings > li')].filter(e => e.offsetHeight).map(e => Number(e.dataset.id))"
    )
    return opened.ask(script)


def test_ten_findings_are_shown_until_all_are_asked_for(open_report, report):
    opened = open_report(report)
    assert listed(opened) == [*range(1, 11)]
    opened.page.get_by_label("Show all 24").check()
    assert listed(opened) == [*range(1, 25)]


def test_findings_can_be_sorted_and_filtered_by_keyboard(open_report, report):
    opened = open_report(report)
    opened.page.get_by_role("button", name="time", exact=True).focus()
    opened.page.keyboard.press("Enter")
    by_time = sorted(several().findings, key=lambda each: each.start_s)
    assert listed(opened) == [each.id for each in by_time[:10]]
    opened.page.get_by_label("critical (8)").focus()
    opened.page.keyboard.press("Space")
    assert not {each.id for each in several().findings if each.kind == "oom_kill"} & set(listed(opened))
    assert len(listed(opened)) == 10
    opened.page.get_by_role("button", name="none", exact=True).click()
    assert listed(opened) == []
    assert opened.page.locator(".none-left").is_visible()
    opened.page.get_by_label("refault (8)").check()
    assert set(listed(opened)) == set(range(17, 25))
    assert opened.page.locator("#findings-shown").text_content() == "8 of 24 findings"


def test_a_findings_address_opens_marks_and_shows_it_and_zooms_to_it(open_report, report):
    # GIVEN a finding that is folded away
    opened = open_report(report)
    # WHEN the page is told its address
    opened.page.evaluate("location.hash = '#finding=20'")
    opened.page.wait_for_selector("li.selected")
    # THEN it is open and on the screen, and the charts show its time
    assert opened.ask("document.querySelector('li.selected details').id") == "finding=20"
    assert opened.ask("document.querySelector('li.selected details').open") is True
    box = opened.page.locator("li.selected").bounding_box()
    assert 0 <= box["y"] < 200
    start_s = several().findings[19].start_s
    low, high = opened.ask("document.querySelector('#timeline .plot').layout.xaxis.range")
    assert low < start_s < start_s + 1 < high < low + 3
    assert opened.ask("location.hash") == "#finding=20"


def test_it_can_be_opened_by_its_address_from_the_start(open_report, report):
    opened = open_report(report, fragment="#finding=3")
    assert opened.ask("document.querySelector('li.selected').dataset.id") == "3"
    assert opened.console == []


def test_an_address_that_names_a_stretch_of_time_zooms_to_it(open_report, report):
    opened = open_report(report, fragment="#from=5&to=9.5")
    assert opened.ask("document.querySelector('#timeline .plot').layout.xaxis.range") == [5, 9.5]


def test_the_verdict_leads_to_its_finding(open_report, report):
    opened = open_report(report)
    opened.page.get_by_role("link", name="Show the finding").click()
    opened.page.wait_for_selector("li.selected")
    assert opened.ask("document.querySelector('li.selected').dataset.id") == "1"


def test_a_link_to_a_folded_section_opens_it(open_report, report):
    opened = open_report(report)
    assert not opened.page.locator("#stalls table").first.is_visible()
    opened.page.get_by_role("link", name="Stalls", exact=True).click()
    assert opened.page.locator("#stalls table").first.is_visible()


def test_a_word_tells_its_meaning_by_keyboard_and_leads_to_the_glossary(open_report, report):
    opened = open_report(report)
    term = opened.page.locator("a.term", has_text="Moved for nothing")
    term.focus()
    opened.page.keyboard.press("Shift+Tab")
    opened.page.keyboard.press("Tab")
    shown = opened.ask("getComputedStyle(document.querySelector('a.term:focus-visible'), '::after').content")
    assert "1 MiB out and back in is 2 MiB" in shown
    opened.page.keyboard.press("Enter")
    assert opened.page.locator("#word-moved-for-nothing").is_visible()


def test_without_a_script_findings_open_and_all_can_be_shown(open_report, report):
    opened = open_report(report, java_script_enabled=False)
    assert not opened.page.locator(".find").is_visible()
    first = opened.page.locator("ol.findings > li").first
    first.locator("summary").click()
    assert first.get_by_text("Try first:").is_visible()
    opened.page.get_by_label("Show all 24").check()
    assert opened.page.locator("ol.findings > li").nth(23).is_visible()
    opened.page.locator("#stalls-title").click()
    assert opened.page.locator("#stalls table").first.is_visible()


def test_every_word_of_a_finding_is_readable_on_a_phone(open_report, report):
    opened = open_report(report, width=390, has_touch=True, is_mobile=True)
    assert opened.ask("document.documentElement.scrollWidth") <= 390
    opened.page.locator("ol.findings > li").first.locator("summary").click()
    outside = """[...document.querySelectorAll('.verdict *, ol.findings > li:first-child *')].filter((e) => {
        const box = e.getBoundingClientRect();
        const cut = e.clientWidth && e.scrollWidth > e.clientWidth + 1;
        return box.width && (box.right > innerWidth + 0.5 || box.left < -0.5 || cut);
    }).map((e) => e.className || e.tagName)"""
    assert opened.ask(outside) == []


def test_folded_sections_are_printed_and_folded_again(open_report, report):
    opened = open_report(report)
    opened.ask("""addEventListener("beforeprint", () => {
        window.printed = [...document.querySelectorAll(".folded > details")].every((details) => details.open);
    })""")
    opened.page.pdf()
    assert opened.ask("window.printed") is True
    assert opened.ask("document.querySelectorAll('.folded > details[open]').length") == 0


def test_what_is_printed_fits_the_paper_with_every_finding(open_report, report):
    opened = open_report(report)
    opened.page.set_viewport_size({"width": 720, "height": 1000})
    opened.page.emulate_media(media="print")
    assert len(listed(opened)) == 24
    parts = "[...document.querySelectorAll('#findings, #stalls table, .tiles')]"
    assert opened.ask(f"{parts}.filter(e => e.scrollWidth > innerWidth).length") == 0
