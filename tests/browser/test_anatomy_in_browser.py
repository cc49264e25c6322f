"""Stretches span by span in a real browser: drawn, stepped through, zoomed, by pointer, key and finger, and without."""

from __future__ import annotations

import pytest
from golden.cases import DATA
from typer.testing import CliRunner
from written_recordings import write_recording

from tracer.commands.app import app

SPANS = "document.querySelectorAll('#diagram .bar').length"
PICKED = "document.getElementById('picked').textContent"
NAME = "document.getElementById('diagram').getAttribute('aria-label')"
CHOSEN = "document.getElementById('scene').selectedOptions[0].textContent"


def made(path, page):
    result = CliRunner().invoke(app, ["report", str(path), "-o", str(page)])
    assert result.exit_code == 0, result.output
    return page


@pytest.fixture(scope="module")
def guest(tmp_path_factory):
    return made(DATA / "guest-out-of-reach.rtrace", tmp_path_factory.mktemp("anatomy") / "guest.html")


@pytest.fixture(scope="module")
def shrinker(tmp_path_factory):
    folder = tmp_path_factory.mktemp("shrinker")
    recording, source = folder / "a.rtrace", DATA / "run-shrinker.txt.zst"
    result = CliRunner().invoke(app, ["import", str(source), "-o", str(recording)])
    assert result.exit_code == 0, result.output
    return made(recording, folder / "a.html")


@pytest.fixture(scope="module")
def killed(tmp_path_factory):
    return made(DATA / "guest-no-deflate.rtrace", tmp_path_factory.mktemp("anatomy") / "killed.html")


def opened(open_report, page, **looks):
    shown = open_report(page, **looks)
    shown.until("document.getElementById('anatomy').dataset.drawn === 'true'")
    return shown


def test_the_costliest_cycle_is_drawn_with_words_letters_and_arrows(open_report, guest):
    page = opened(open_report, guest)
    assert page.ask(SPANS) > 60
    assert page.ask(CHOSEN).startswith("Costliest cycle: ")
    text = page.ask("document.getElementById('diagram').textContent")
    assert "balloon worker" in text
    assert "waits, runs the OOM notifier" in text
    assert page.ask("document.querySelectorAll('#diagram .link.inferred').length") > 0
    legend = page.ask("[...document.querySelectorAll('.looks li')].filter(e => e.offsetHeight).map(e => e.textContent)")
    assert any("balloon work" in each for each in legend)
    assert page.ask("document.getElementById('anatomy').offsetHeight") < 560
    assert not page.exceptions
    assert not page.console


def test_a_span_of_which_an_edge_was_not_seen_is_drawn_to_the_edge(open_report, shrinker):
    page = opened(open_report, shrinker)
    wide = "[...document.querySelectorAll('#diagram .one-edge')].map(e => e.getBoundingClientRect().width)"
    assert page.ask(wide)
    assert all(width >= 2 for width in page.ask(wide))
    assert page.ask("getComputedStyle(document.querySelector('#diagram .one-edge')).clipPath") == "none"


def test_one_steps_to_the_next_and_back_and_chooses(open_report, guest):
    page = opened(open_report, guest)
    first = page.ask(NAME)
    assert page.page.get_by_role("button", name="Previous", exact=True).is_disabled()
    page.page.get_by_role("button", name="Next", exact=True).click()
    assert page.ask(CHOSEN).startswith("Longest wait: ")
    assert page.ask(NAME) != first
    about = page.ask("document.getElementById('scene-about').textContent")
    assert " waited " in about
    page.page.get_by_role("button", name="Previous", exact=True).click()
    assert page.ask(NAME) == first
    last = page.ask("document.getElementById('scene').options.length") - 1
    page.page.locator("#scene").select_option(str(last))
    assert page.page.get_by_role("button", name="Next", exact=True).is_disabled()
    assert page.ask(SPANS) > 0


def test_keys_step_from_span_to_span_and_zoom(open_report, guest):
    page = opened(open_report, guest)
    page.page.locator("#diagram").focus()
    page.page.keyboard.press("ArrowRight")
    first = page.ask(PICKED)
    assert " s · " in first
    page.page.keyboard.press("ArrowRight")
    second = page.ask(PICKED)
    assert second != first
    page.page.keyboard.press("ArrowLeft")
    assert page.ask(PICKED) == first
    page.page.keyboard.press("ArrowDown")
    assert page.ask(PICKED).split(" · ")[2] != first.split(" · ")[2], "another thread"
    bars = page.ask(SPANS)
    for _ in range(6):
        page.page.keyboard.press("+")
    assert 0 < page.ask(SPANS) < bars
    assert page.ask("document.querySelectorAll('#diagram .current').length") == 1, "what is picked stays in sight"
    page.page.keyboard.press("Home")
    assert page.ask(SPANS) == bars


def test_pointing_at_a_span_tells_what_it_did(open_report, guest):
    page = opened(open_report, guest)
    page.page.locator("#diagram .bar").first.hover()
    assert " · " in page.ask(PICKED)


def test_a_finding_opens_span_by_span_and_comes_along_when_it_is_chosen(open_report, killed):
    page = opened(open_report, killed)
    finding = page.ask("document.querySelector('a[href^=\"#anatomy=finding-\"]').getAttribute('href')")
    number = finding.rpartition("-")[2]
    page.page.evaluate(f"location.hash = '{finding}'")
    page.until(f"document.getElementById('scene').value !== '' && location.hash === '{finding}'")
    page.until("Math.abs(document.getElementById('anatomy').getBoundingClientRect().top) < 300")
    name = page.ask(CHOSEN)
    page.page.evaluate("location.hash = ''")
    page.page.locator("#scene").select_option("0")
    page.page.evaluate(f"location.hash = '#finding={number}'")
    page.until(f"document.getElementById('scene').selectedOptions[0].textContent === {name!r}")
    again = opened(open_report, killed, fragment=f"#finding={number}")
    again.until(f"document.getElementById('scene').selectedOptions[0].textContent === {name!r}")


def test_a_kill_has_its_own_with_the_killed_task(open_report, killed):
    page = opened(open_report, killed)
    kill = page.ask("[...document.getElementById('scene').options].findIndex(e => e.textContent.startsWith('Kill'))")
    page.page.locator("#scene").select_option(str(kill))
    words = page.ask("document.getElementById('scene-table').textContent")
    assert "OOM killer chooses " in words
    assert "✕" in page.ask("document.getElementById('diagram').textContent")


def test_the_table_says_the_same_and_follows(open_report, guest):
    page = opened(open_report, guest)
    page.page.locator("#scene-table summary").click()
    rows = "document.querySelectorAll('#scene-table tbody tr').length"
    first = page.ask(rows)
    assert first > 60
    assert "~" not in page.ask("document.querySelector('#scene-table table').caption.textContent")
    page.page.get_by_role("button", name="Next", exact=True).click()
    caption = page.ask("document.querySelector('#scene-table table').caption.textContent")
    assert caption.startswith("Spans of Longest wait: ")


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_bars_differ_from_the_ground_and_words_can_be_read(open_report, guest, scheme):
    page = opened(open_report, guest, scheme=scheme)
    look = page.ask(
        "[['#diagram .bar rect', 'fill'], ['#diagram', 'backgroundColor'], ['#diagram .bar text', 'fill']]"
        ".map(([part, name]) => getComputedStyle(document.querySelector(part))[name])"
    )
    assert len(set(look)) == 3


def test_on_a_phone_names_stand_above_the_lanes_and_nothing_is_cut(open_report, guest):
    page = opened(open_report, guest, width=390)
    assert page.ask("document.documentElement.scrollWidth") <= 390
    assert page.ask("document.querySelector('#diagram svg').getBoundingClientRect().right") <= 390
    inside = "[...document.querySelectorAll('#diagram .lane-name')].every(e => e.getBoundingClientRect().right <= 385)"
    assert page.ask(inside)
    assert page.ask("document.getElementById('scene-after').offsetHeight") >= 24


def test_on_paper_it_is_drawn_as_wide_as_the_paper(open_report, guest):
    page = opened(open_report, guest)
    page.ask("dispatchEvent(new Event('beforeprint'))")
    width = "document.querySelector('#diagram svg').viewBox.baseVal.width"
    assert page.ask(width) == 680
    page.ask("dispatchEvent(new Event('afterprint'))")
    assert page.ask(width) > 1000


def test_without_a_script_the_first_is_a_table(open_report, guest):
    page = open_report(guest, java_script_enabled=False)
    assert page.page.locator("#anatomy table").count() == 1
    page.page.locator("#scene-table summary").click()
    assert page.page.locator("#scene-table tbody tr").first.is_visible()
    assert page.page.locator("#anatomy noscript").is_visible()
    assert not page.page.locator("#diagram").is_visible()


def test_hostile_names_are_text(open_report, tmp_path):
    page = opened(open_report, made(write_recording(tmp_path / "a.rtrace"), tmp_path / "a.html"))
    options = page.ask("document.getElementById('scene').options.length")
    for place in range(options):
        page.page.locator("#scene").select_option(str(place))
        assert page.ask("document.querySelectorAll('#diagram :is(script, image, foreignObject, a)').length") == 0
    assert "\x1b" not in page.ask("document.getElementById('anatomy').textContent")
    assert not page.exceptions
