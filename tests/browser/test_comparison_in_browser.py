"""The page of a comparison in a real browser, offline: lines, zoom, hover, dark, phone, paper, no script, names."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from golden.cases import DATA, all_cases
from typer.testing import CliRunner

from tracer.analyze import Options
from tracer.commands.app import app
from tracer.jobs.comparing import ArmFiles, Request
from tracer.report.compared.page import render

pytestmark = pytest.mark.browser

HOSTILE = "<img src=x onerror=alert(1)>\x1b[31m"
ARMS = ("6.12-policy_none.programs", "6.12-policy_shrinker.programs", "6.12-policy_oom_notifier.programs")
SHOWN_OF_A_NAME = 24
MOST_PX = 3500


@pytest.fixture(scope="module")
def recordings(tmp_path_factory) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("imported")
    cases = {case.name: case for case in all_cases()}
    names = dict(zip(ARMS, ("run-stock", "run-shrinker", "run-stock-oom"), strict=True))
    return {arm: cases[name].recording(folder) for arm, name in names.items()}


@pytest.fixture(scope="module")
def three(recordings, tmp_path_factory) -> Path:
    """No policy, a shrinker, an OOM notifier, under the same kind of load."""
    target = tmp_path_factory.mktemp("page") / "three.html"
    words = [word for arm in ARMS for word in ("--arm", arm, str(recordings[arm]))]
    result = CliRunner().invoke(app, ["compare", *words, "-o", str(target)])
    assert result.exit_code == 0, result.output
    return target


def lines(opened) -> int:
    return opened.ask("document.querySelectorAll('.scatterlayer .lines path').length")


def test_every_arm_has_its_line_in_every_row_and_nothing_is_fetched(open_report, three):
    opened = open_report(three)
    traces = opened.ask("document.getElementById('plot-timelines').data.map(t => [t.name, t.yaxis || 'y'])")
    assert {name for name, _ in traces} == {arm[:SHOWN_OF_A_NAME] for arm in ARMS}
    assert lines(opened) == len(traces) >= 3 * 4
    assert (opened.console, opened.exceptions) == ([], [])
    assert all(url.startswith(("file:", "blob:", "data:")) for url in opened.requests)


def test_zoom_holds_for_all_rows_and_is_in_the_address(open_report, three):
    opened = open_report(three, fragment="#from=20&to=22")
    assert opened.ask("document.getElementById('plot-timelines').layout.xaxis.range") == [20, 22]
    opened.page.click("#reset")
    opened.page.wait_for_function("document.getElementById('plot-timelines').layout.xaxis.range[0] === 0")


def test_hover_tells_all_arms_at_one_time(open_report, three):
    opened = open_report(three)
    plot = opened.page.locator("#plot-timelines")
    plot.scroll_into_view_if_needed()
    box = plot.bounding_box()
    opened.page.mouse.move(box["x"] + box["width"] / 2, box["y"] + 60)
    opened.page.wait_for_selector("#plot-timelines .hoverlayer text")
    told = opened.ask(
        "[...document.querySelectorAll('#plot-timelines .hoverlayer text')].map(t => t.textContent).join()"
    )
    assert "Balloon" in told
    assert all(arm[:SHOWN_OF_A_NAME] in told for arm in ARMS)


def test_the_legend_switches_an_arm(open_report, three):
    opened = open_report(three)
    before = lines(opened)
    opened.page.click("#chart-timelines .legend button >> nth=1")
    opened.page.wait_for_function(
        f"document.querySelectorAll('.scatterlayer .lines path').length < {before}", timeout=10_000
    )


def test_the_sentences_are_those_of_json(open_report, three, recordings):
    words = [word for arm in ARMS for word in ("--arm", arm, str(recordings[arm]))]
    data = json.loads(CliRunner().invoke(app, ["compare", *words, "--json"]).stdout)
    opened = open_report(three)
    told = opened.ask("[...document.querySelectorAll('.verdict .sentence')].map(p => p.textContent)")
    assert told == [each["verdict"] for each in data["comparisons"]]
    marked = opened.ask("[...document.querySelectorAll('table.differences td.told')].length")
    assert marked == sum(each["told"] for pair in data["comparisons"] for each in pair["differences"])


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [390, 1280])
def test_nothing_is_wider_than_the_screen(open_report, three, scheme, width):
    opened = open_report(three, scheme=scheme, width=width)
    assert opened.ask("document.documentElement.scrollWidth") <= width


def test_three_arms_with_long_names_fit_a_screen_1280_wide_and_3500_pixels(open_report, three):
    opened = open_report(three)
    beyond = opened.ask("[...document.querySelectorAll('.scroll')].map(e => e.scrollWidth - e.clientWidth)")
    assert len(beyond) == 2 + 3 + 1 + 2
    assert set(beyond) == {0}
    assert opened.ask("document.documentElement.scrollHeight") <= MOST_PX


def test_without_a_script_all_words_and_tables_are_there(open_report, three):
    page = open_report(three, java_script_enabled=False).page
    text = page.inner_text("body")
    assert "moved for nothing" in text
    assert "The chart needs JavaScript" in text
    assert page.locator("table").count() >= 6


def test_it_prints(open_report, three):
    opened = open_report(three)
    assert opened.page.pdf(format="A4").startswith(b"%PDF")
    opened.page.emulate_media(media="print")
    opened.page.set_viewport_size({"width": 718, "height": 1000})
    wide = "[...document.querySelectorAll('table')].filter(t => t.getBoundingClientRect().right > 718).length"
    assert opened.ask(wide) == 0, "nothing is cut on A4 with its margins"


def test_hostile_names_are_inert(open_report, tmp_path):
    source = DATA / "memcg-read.rtrace"
    arms = [ArmFiles(HOSTILE, (source,)), ArmFiles("</script><b>", (source,))]
    target = tmp_path / "a.html"
    target.write_text(render(Request(arms, Options()).run()))
    opened = open_report(target)
    assert (opened.console, opened.exceptions) == ([], [])
    assert opened.ask("document.querySelectorAll('img, body b').length") == 0
    assert "\x1b" not in target.read_text()
    assert "<img src=x onerror=alert(1)>" in opened.ask("document.querySelector('h1').textContent")
