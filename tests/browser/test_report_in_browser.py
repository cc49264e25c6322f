"""The report in a real browser, from a file and without a network."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from command_line import run
from synthetic_analysis import facts, quiet, storm

from tracer.report import write_report

GOLDEN = Path(__file__).parents[1] / "golden/data"
CHARTS = ("lanes", "balloon", "memory", "reclaim", "pressure", "slab", "first", "tier-busy", "given")
LIGHT_PAGE, DARK_PAGE = "rgb(245, 246, 248)", "rgb(15, 19, 24)"


@pytest.fixture(scope="module")
def report(tmp_path_factory):
    path = tmp_path_factory.mktemp("report") / "storm.html"
    write_report(path, storm(), facts(lost={"shrink_slab_start": 1200}))
    return path


def row_texts(opened, selector):
    return opened.ask(f"[...document.querySelectorAll('{selector} tbody tr')].map(r => r.cells[0].textContent)")


RANGES = (
    "[...new Set([...document.querySelectorAll('#timeline .plot')].map(p => p.layout.xaxis.range.join()))].join(' ')"
)


def unfold(opened, section):
    opened.page.locator(f"#{section}-title").click()


def show_ladder_charts(opened):
    opened.page.locator(".ladder-more > summary").click()
    opened.until("document.querySelector('#plot-given .bars .point path')")


def ranges(opened):
    return set(opened.ask(RANGES).split(" "))


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1280, 480])
def test_every_chart_is_drawn_without_a_word_in_the_console(open_report, report, scheme, width):
    opened = open_report(report, scheme, width)
    show_ladder_charts(opened)
    drawn = opened.drawn()
    assert set(drawn) == set(CHARTS)
    assert min(drawn.values()) > 0, drawn
    assert opened.console == []
    assert opened.exceptions == []
    assert opened.ask("document.documentElement.scrollWidth - innerWidth") <= 0


COUNT_DRAWINGS = """
    let plotly;
    window.drawings = {};
    Object.defineProperty(window, "Plotly", {
        get: () => plotly,
        set: (made) => {
            plotly = made;
            const react = made.react;
            made.react = (plot, ...rest) => {
                window.drawings[plot.id] = (window.drawings[plot.id] ?? 0) + 1;
                return react(plot, ...rest);
            };
        },
    });
"""


def test_a_row_of_the_timeline_is_drawn_once_until_the_page_says_that_all_are(open_report, report):
    opened = open_report(report, before=COUNT_DRAWINGS)
    said = opened.ask("JSON.stringify(window.drawings)")
    assert json.loads(said) == dict.fromkeys((f"plot-{name}" for name in CHARTS[:6]), 1)


def test_the_first_screen_waits_for_no_chart_below_it_and_for_no_tables_of_languages(open_report, report):
    opened = open_report(report, before="Intl.NumberFormat = class { constructor() { window.tables = true; } };")
    assert opened.ask("window.tables") is None
    said = "['ready', 'drawn'].map((what) => Number(document.documentElement.dataset[what]))"
    assert opened.ask("document.querySelector('.plot').getBoundingClientRect().top >= innerHeight")
    ready, drawn = opened.ask(said)
    assert 0 < ready < drawn


def test_it_asks_for_nothing_but_itself(open_report, report):
    opened = open_report(report)
    asked = {url for url in opened.requests if not url.startswith(("data:", "blob:"))}
    assert asked == {report.as_uri()}


def test_the_page_could_not_reach_the_network_if_it_wanted_to(open_report, report):
    opened = open_report(report)
    refused = opened.ask("fetch('https://example.invalid/').then(() => 'fetched', error => error.name)")
    assert refused == "TypeError"
    assert any("Content Security Policy" in line for line in opened.console)


def test_dark_mode_reaches_page_and_charts(open_report, report):
    line = "getComputedStyle([...document.querySelectorAll('#plot-memory .scatterlayer .lines path')].at(-1)).stroke"
    light, dark = open_report(report, "light"), open_report(report, "dark")
    background = "getComputedStyle(document.body).backgroundColor"
    assert (light.ask(background), dark.ask(background)) == (LIGHT_PAGE, DARK_PAGE)
    assert (light.ask(line), dark.ask(line)) == ("rgb(24, 32, 44)", "rgb(238, 241, 245)")


def test_charts_follow_when_the_reader_changes_the_theme(open_report, report):
    opened = open_report(report, "light")
    opened.page.emulate_media(color_scheme="dark")
    stroke = "p => getComputedStyle(p).stroke"
    path = opened.page.locator("#plot-memory .scatterlayer .lines path").last
    assert path.evaluate(stroke) == "rgb(238, 241, 245)"


def test_hostile_names_are_not_run(open_report, tmp_path):
    path = tmp_path / "hostile.html"
    write_report(path, storm(hostile=True), facts())
    opened = open_report(path)
    assert opened.ask("window.pwned") is None
    assert "</script><img src=x onerror=window.pwned=1>\\u2028\\x1b[31m" in row_texts(opened, "#stalls")
    assert opened.console == []


def test_tables_are_there_without_javascript(open_report, report):
    opened = open_report(report, java_script_enabled=False)
    captions = opened.page.locator("caption").all_text_contents()
    assert {"Whole recording", "Shrinkers", "Stalls", "Cycles", "Conflicts", "Probe plan"} <= set(captions)
    assert opened.page.locator("noscript").first.is_visible()
    assert not opened.page.locator("#plot-memory").is_visible(), "room without a chart"


def test_an_empty_recording_draws_no_chart(open_report, tmp_path):
    path = tmp_path / "quiet.html"
    write_report(path, quiet(), facts())
    opened = open_report(path)
    assert opened.drawn() == {}
    assert opened.ask("document.querySelectorAll('svg').length") == 0
    assert opened.page.get_by_text("No balloon activity was recorded.").is_visible()
    assert opened.console == []


def test_a_time_in_a_table_zooms_all_rows_and_the_button_leads_back(open_report, report):
    opened = open_report(report)
    assert ranges(opened) == {"0,42"}
    unfold(opened, "conflicts")
    opened.page.locator("#conflicts .goto").first.click()
    opened.until(f"{RANGES} == '14,18'")
    opened.page.locator("#reset").click()
    opened.until(f"{RANGES} == '0,42'")


def test_a_shrinker_column_sorts_both_ways(open_report, report):
    opened = open_report(report)
    unfold(opened, "shrinkers")
    calls = opened.page.locator("#shrinkers th button", has_text="Calls")
    calls.click()
    names = row_texts(opened, "#shrinkers")
    assert names == ["super_cache_scan", "workingset_shadow_shrinker_count", "mb_cache_scan"]
    calls.click()
    assert row_texts(opened, "#shrinkers") == names[::-1]
    assert opened.ask("document.querySelector('#shrinkers th[aria-sort]').textContent") == "Calls"


def test_choosing_an_episode_changes_table_and_charts(open_report, report):
    opened = open_report(report)
    show_ladder_charts(opened)
    opened.page.select_option("#episode", "1")
    assert opened.page.locator(".ladder:not([hidden]) caption").all_text_contents() == [
        "Episode 2: 14.500 s to 24.000 s"
    ]
    assert opened.ask("document.querySelector('#plot-first').data[0].x[1]") == 0.3


@pytest.mark.parametrize("name", ["guest-no-deflate", "guest-host-reasserts", "guest-lru-gen", "memcg-kill"])
def test_a_screen_1280_wide_cuts_neither_the_ladder_nor_a_lanes_name(open_report, tmp_path, name):
    path = tmp_path / "report.html"
    run("report", GOLDEN / f"{name}.rtrace", "-o", path)
    opened = open_report(path)
    opened.until("document.querySelectorAll('#plot-lanes .ytick text').length")
    wide = "[...document.querySelectorAll('.ladder:not([hidden]) .scroll')].map(e => e.scrollWidth - e.clientWidth)"
    left = "[...document.querySelectorAll('#plot-lanes .ytick text')].map(e => e.getBoundingClientRect().left"
    assert opened.ask(wide) == [0]
    assert min(opened.ask(f"{left} - e.closest('svg').getBoundingClientRect().left)")) >= 2


def test_it_prints_in_light_colours_within_the_page(open_report, report):
    opened = open_report(report, "dark")
    opened.ask("""addEventListener("beforeprint", () => {
        const drawings = [...document.querySelectorAll(".plot svg.main-svg")];
        window.printed = drawings.map((svg) => svg.getBoundingClientRect().width);
        window.printedTheme = getComputedStyle(document.documentElement).getPropertyValue("--ink");
    })""")
    assert opened.page.pdf().startswith(b"%PDF")
    assert max(opened.ask("window.printed")) <= 700
    assert opened.ask("window.printedTheme").strip() == "#18202c"
