"""With a keyboard or a screen reader everything can be reached, has a name, and shows that it is reached."""

from __future__ import annotations

import pytest
from synthetic_analysis import facts, storm

from tracer.report import write_report

RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]


@pytest.fixture(scope="module")
def report(tmp_path_factory):
    path = tmp_path_factory.mktemp("access") / "storm.html"
    write_report(path, storm(), facts(lost={"shrink_slab_start": 1200}))
    return path


@pytest.mark.parametrize(("scheme", "width"), [("light", 1280), ("dark", 390)])
def test_no_rule_of_accessibility_is_broken(open_report, report, scheme, width):
    from axe_playwright_python.sync_playwright import Axe

    opened = open_report(report, scheme, width)
    opened.ask("document.querySelectorAll('details').forEach((details) => { details.open = true; })")
    found = Axe().run(opened.page, options={"runOnly": RULES}).response["violations"]
    assert [(each["id"], [node["target"] for node in each["nodes"]][:5]) for each in found] == []


def test_everything_is_reached_by_tab_in_reading_order_and_shows_that_it_is(open_report, report):
    opened = open_report(report)
    reachable = "[...document.querySelectorAll('a[href], button, select, input, summary, [tabindex=\"0\"]')]"
    wanted = opened.ask(f"{reachable}.filter(e => e.checkVisibility() && !e.disabled).length")
    opened.ask("""window.met = []; document.addEventListener("focusin", (event) => {
        const style = getComputedStyle(event.target);
        window.met.push([event.target, style.outlineStyle !== "none" && parseFloat(style.outlineWidth) > 0]);
    })""")
    for _ in range(wanted):
        opened.page.keyboard.press("Tab")
    assert opened.ask("new Set(window.met.map(([element]) => element)).size") == wanted
    follows = "i && !(met[i - 1][0].compareDocumentPosition(element) & Node.DOCUMENT_POSITION_FOLLOWING)"
    assert opened.ask(f"met.filter(([element], i) => {follows}).length") == 0
    assert opened.ask("met.filter(([, shown]) => !shown).map(([element]) => element.outerHTML.slice(0, 80))") == []
