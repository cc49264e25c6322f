"""On paper nothing is cut, and what is folded on a screen is shown."""

from __future__ import annotations

from pathlib import Path

import pytest
from command_line import run
from synthetic_analysis import facts, storm

from tracer.report import write_report

DEMO = Path(__file__).parents[2] / "reports/demo.rtrace"
PAPERS = {"A4": 703, "letter": 725}
"""Pixels between margins of 12 mm."""
CUT = """[...document.querySelectorAll('main *, header *')].filter((e) => {
    const box = e.getBoundingClientRect();
    const seen = box.width && box.height && !e.closest('.unseen, .plot, [hidden], .skip, noscript');
    return seen && (box.right > innerWidth + 1 || box.left < -1);
}).map((e) => `${e.tagName} ${e.className} ${e.textContent.slice(0, 40)}`)"""


@pytest.fixture(scope="module")
def pages(tmp_path_factory):
    folder = tmp_path_factory.mktemp("pages")
    write_report(folder / "storm.html", storm(), facts(lost={"shrink_slab_start": 1200}))
    run("report", DEMO, "-o", folder / "demo.html")
    return folder


@pytest.mark.parametrize("paper", PAPERS)
@pytest.mark.parametrize("name", ["storm", "demo"])
def test_nothing_is_cut_on_paper(open_report, pages, name, paper):
    opened = open_report(pages / f"{name}.html", width=PAPERS[paper])
    opened.page.emulate_media(media="print")
    opened.ask("dispatchEvent(new Event('beforeprint'))")
    opened.until(
        "[...document.querySelectorAll('.plot svg.main-svg')].every(e => e.getBoundingClientRect().width <= 700)"
    )
    assert opened.ask(CUT) == []
    folded = "[...document.querySelectorAll('.folded > details > div')].filter(e => !e.getBoundingClientRect().height)"
    assert opened.ask(f"{folded}.length") == 0


def test_paper_has_no_buttons_and_no_heading_or_axis_alone(open_report, pages):
    opened = open_report(pages / "demo.html", width=PAPERS["A4"])
    opened.page.emulate_media(media="print")
    opened.ask("dispatchEvent(new Event('beforeprint'))")
    assert opened.ask("[...document.querySelectorAll('.time-tools')].map(e => getComputedStyle(e).display)") == ["none"]
    kept = "[...document.querySelectorAll('main .heading, #scene-about')].map(e => getComputedStyle(e).breakAfter)"
    assert set(opened.ask(kept)) == {"avoid"}


def test_no_name_of_a_tier_is_cut_in_the_ladders_charts_on_paper(open_report, pages):
    opened = open_report(pages / "demo.html", width=PAPERS["A4"])
    opened.page.emulate_media(media="print")
    opened.ask("dispatchEvent(new Event('beforeprint'))")
    opened.until("document.querySelector('.ladder-charts .ytick text')")
    cut = """[...document.querySelectorAll('.ladder-charts .plot')].flatMap((plot) => {
        const left = plot.getBoundingClientRect().left;
        return [...plot.querySelectorAll('.ytick text')].filter((e) => e.getBoundingClientRect().left < left)
            .map((e) => e.textContent); })"""
    assert opened.ask(cut) == []
