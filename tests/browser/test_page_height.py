"""A typical report is short: what is beyond ten rows, and what few readers ask for, is folded."""

from __future__ import annotations

from pathlib import Path

import pytest
from command_line import run
from fleets import recorded
from golden.cases import TEXTS, all_cases

from tracer.fleet.gathered import Fleet
from tracer.fleet.results import results_of
from tracer.report.fleet.page import render

MOST_PX = 3500
DEMO = Path(__file__).parents[2] / "reports/demo.rtrace"
LABELLED = {case.name: case for case in all_cases() if case.source.match(TEXTS)}


@pytest.mark.parametrize("name", ["demo", *LABELLED])
def test_a_report_is_at_most_3500_pixels_high_at_1280(open_report, tmp_path, name):
    recording = DEMO if name == "demo" else LABELLED[name].recording(tmp_path)
    page = tmp_path / "report.html"
    run("report", recording, "-o", page, timeout=300)
    opened = open_report(page)
    assert opened.ask("document.documentElement.scrollHeight") <= MOST_PX
    assert opened.ask("document.documentElement.scrollWidth") <= 1280
    ladder = "document.querySelector('.ladder .scroll')"
    assert opened.ask(f"!{ladder} || {ladder}.scrollWidth <= {ladder}.clientWidth")
    assert opened.console == []
    assert opened.exceptions == []


def test_the_fleets_tables_fit_a_screen_1280_wide(open_report, tmp_path):
    page = tmp_path / "fleet.html"
    verdict = "An OOM kill while the balloon held 640.0 MiB; 41.2 s of waiting for memory, 1.1 GiB moved for nothing."
    costs = {"verdict": verdict, "refault": 9e12, "waste": None, "labels": {"policy": "notifier-and-hints"}}
    guests = [
        recorded(
            f"guest-{at}.prod.eu-west-1.example.net",
            11.6,
            stall=9e4 * at,
            kernel_release="6.12.0-1019.19-cloud-amd64",
            **costs,
        )
        for at in (1, 2)
    ]
    page.write_text(render(results_of(Fleet(guests, ())), {}))
    opened = open_report(page)
    beyond = opened.ask("[...document.querySelectorAll('.scroll')].map(e => e.scrollWidth - e.clientWidth)")
    assert len(beyond) > 3
    assert set(beyond) == {0}
