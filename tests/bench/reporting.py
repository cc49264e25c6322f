"""The report: its size, and how soon a browser has it ready."""

from __future__ import annotations

import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

from .measure import interleave
from .rows import Row, Subject
from .setting import Setting
from .synthetic_recording import write_recording
from .tracers import ROOT

if TYPE_CHECKING:
    from playwright.sync_api import Browser

GROUP = "The report"
PEER = "a plain plotly page with one chart"
_CHARTS = "ours draws ten charts and unpacks plotly, which is what makes the file smaller"
_POINTS = 10_000
_BROWSERS = ("chromium", "chromium-browser", "google-chrome")


def rows(setting: Setting) -> Iterator[Row]:
    """Size and time beside the least that plotly writes by itself."""
    events = setting.size(1_000_000, 25_000)
    ours, plain = _our_report(setting.folder, events), _plain_page(setting.folder)
    size = Subject("report_size", GROUP, f"of {events:,} synthetic events", "MB", budget="2.5 MB")
    yield size.against(PEER, *([path.stat().st_size / 1e6] for path in (ours, plain)))
    ready = Subject(
        "report_ready", GROUP, "from opening the file to everything drawn", "s", budget="1.5 s", behind=_CHARTS
    )
    browser = next(filter(None, map(shutil.which, _BROWSERS)), None)
    if browser is None or find_spec("playwright") is None:
        yield ready.not_measured(PEER, "no chromium here, or no playwright.")
    else:
        yield _ready_row(ready, browser, (ours, plain), setting)


def _our_report(folder: Path, events: int) -> Path:
    recording, page = folder / "report.rtrace", folder / "report.html"
    write_recording(recording, events)
    command = [sys.executable, "-m", "tracer", "report", recording, "-o", page]
    subprocess.run(command, cwd=ROOT, check=True, stdout=subprocess.DEVNULL)
    return page


def _plain_page(folder: Path) -> Path:
    import plotly.graph_objects

    page = folder / "plain.html"
    figure = plotly.graph_objects.Figure(plotly.graph_objects.Scatter(y=list(range(_POINTS))))
    figure.write_html(page, include_plotlyjs=True)
    return page


def _ready_row(subject: Subject, browser_path: str, pages: tuple[Path, Path], setting: Setting) -> Row:
    from playwright.sync_api import sync_playwright

    ours, plain = pages
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=browser_path, chromium_sandbox=False)
        found = interleave(
            setting.size(5, 1),
            {
                "ours": lambda: _ready_s(browser, ours, "html[data-ready]"),
                "plain": lambda: _ready_s(browser, plain, ".scatterlayer .lines path"),
            },
        )
        browser.close()
    return subject.against(PEER, found["ours"], found["plain"])


def _ready_s(browser: Browser, page_path: Path, selector: str) -> float:
    page = browser.new_context(offline=True).new_page()
    start = time.monotonic()
    page.goto(page_path.as_uri())
    page.wait_for_selector(selector, state="attached")
    taken = time.monotonic() - start
    page.context.close()
    return taken
