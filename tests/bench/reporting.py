"""The report: what making it takes, its size, how soon a browser has it ready, and how it moves under a hand."""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from importlib.util import find_spec
from itertools import pairwise
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING, Final

from .command import run
from .many_findings import write_findings
from .measure import interleave
from .rows import Row, Subject
from .setting import Setting
from .synthetic_recording import write_recording

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

GROUP = "The report"
PEER = "a plain plotly page with one chart"
_CHARTS = "ours draws ten charts and unpacks plotly, which is what makes the file smaller"
_NO_BROWSER: Final = "no chromium here, or no playwright."
_POINTS = 10_000
_BROWSERS = ("chromium", "chromium-browser", "google-chrome")
_COMPARED: Final = 1_000_000
"""Events of the page that stands beside a peer's."""
_SIZES: Final = (
    ("1e5", "100,000 events", 100_000, write_recording),
    ("1e6", "1,000,000 events", _COMPARED, write_recording),
    ("1e7", "10,000,000 events", 10_000_000, write_recording),
    ("1e5_findings", "100,000 findings", 100_000, write_findings),
)
_QUICK: Final = 10_000
"""Events, or findings, of a quick run."""
_DRAG_STEPS: Final = 90
_SEEN: Final = "html[data-ready]"
_DRAWN: Final = "html[data-drawn]"
_MIDDLE_THIRD: Final = """() => {
    const end = document.querySelector("#timeline .plot").layout.xaxis.range[1];
    location.hash = `#from=${end / 3}&to=${(end * 2) / 3}`;
}"""
_COUNT_FRAMES: Final = """() => {
    window.shown = [];
    const count = (at) => { window.shown.push(at); window.counting = requestAnimationFrame(count); };
    window.counting = requestAnimationFrame(count);
}"""
_FRAMES: Final = "() => { cancelAnimationFrame(window.counting); return window.shown; }"


@dataclass(frozen=True)
class Made:
    """One report: CPU and wall seconds and peak memory (MiB) of the process that made it, and the page."""

    cpu_s: float
    wall_s: float
    peak_mib: float
    page: Path

    @property
    def size_mb(self) -> float:
        """Of the page."""
        return self.page.stat().st_size / 1e6


def rows(setting: Setting) -> Iterator[Row]:
    """Size and time beside the least that plotly writes by itself, then pages of other sizes."""
    ours = _made(setting.folder, setting.size(_COMPARED, _QUICK), write_recording)
    plain = _plain_page(setting.folder)
    size = Subject("report_size", GROUP, "of 1,000,000 synthetic events", "MB", budget="2.5 MB")
    yield size.against(PEER, [ours.size_mb], [plain.stat().st_size / 1e6])
    ready = Subject(
        "report_ready", GROUP, "from opening the file to everything drawn", "s", budget="1.5 s", behind=_CHARTS
    )
    with _browser() as browser:
        if browser is None:
            yield ready.not_measured(PEER, _NO_BROWSER)
        else:
            yield _ready_row(ready, browser, (ours.page, plain), setting)
        for name, words, number, write in _SIZES:
            made = ours if number == _COMPARED else _made(setting.folder, setting.size(number, _QUICK), write)
            yield from _rows_of(made, (name, words), browser, setting)


def _rows_of(made: Made, named: tuple[str, str], browser: Browser | None, setting: Setting) -> Iterator[Row]:
    name, words = named
    why = f"{made.wall_s:.1f} s from start to end; {made.peak_mib:,.0f} MiB of memory at its peak."
    yield Subject(f"report_{name}_made", GROUP, f"{words}: CPU time to make it", "s").alone([made.cpu_s], why=why)
    size = Subject(f"report_{name}_size", GROUP, f"{words}: the page", "MB", budget="2.5 MB")
    yield size.alone([made.size_mb])
    seen = Subject(f"report_{name}_seen", GROUP, f"{words}: until the first screen is complete", "s", budget="1.5 s")
    ready = Subject(f"report_{name}_ready", GROUP, f"{words}: until everything is drawn", "s", budget="1.5 s")
    pan = Subject(f"report_{name}_pan", GROUP, f"{words}: while it is dragged", "frames/s", True, budget="60 frames/s")
    if browser is None:
        yield from (subject.not_measured("none", _NO_BROWSER) for subject in (seen, ready, pan))
        return
    for subject, selector in ((seen, _SEEN), (ready, _DRAWN)):
        loads = [_load(browser, made.page, selector) for _ in range(setting.size(5, 1))]
        why = f"The page's main thread took {median(load.cpu_s for load in loads):.2f} s of CPU for it."
        yield subject.alone([load.wall_s for load in loads], why=why)
    yield _pan_row(pan, _dragged(browser, made.page))


def _pan_row(subject: Subject, gaps_s: list[float]) -> Row:
    longest_ms, spread = max(gaps_s) * 1e3, sorted(gaps_s)
    late = spread[int(len(spread) * 0.95)] * 1e3
    why = f"95 % of frames came within {late:.0f} ms, all within {longest_ms:.0f} ms. Drawn on the CPU, without a GPU."
    return subject.alone([1 / median(gaps_s)], why=why)


def _made(folder: Path, number: int, write: Callable[[Path, int], int]) -> Made:
    recording, page = folder / "report.rtrace", folder / f"report-{write.__name__}-{number}.html"
    write(recording, number)
    ran = run("report", recording, "-o", page, "--force")
    recording.unlink()
    return Made(ran.cpu_s, ran.wall_s, ran.peak_mib, page)


def _plain_page(folder: Path) -> Path:
    import plotly.graph_objects

    page = folder / "plain.html"
    figure = plotly.graph_objects.Figure(plotly.graph_objects.Scatter(y=list(range(_POINTS))))
    figure.write_html(page, include_plotlyjs=True)
    return page


@contextmanager
def _browser() -> Iterator[Browser | None]:
    """A Chromium; None where there is none."""
    command = next(filter(None, map(shutil.which, _BROWSERS)), None)
    if command is None or find_spec("playwright") is None:
        yield None
        return
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=command, chromium_sandbox=False)
        yield browser
        browser.close()


def _ready_row(subject: Subject, browser: Browser, pages: tuple[Path, Path], setting: Setting) -> Row:
    ours, plain = pages
    actions = {
        "ours": partial(_ready_s, browser, ours, _DRAWN),
        "plain": partial(_ready_s, browser, plain, ".scatterlayer .lines path"),
    }
    found = interleave(setting.size(5, 1), actions)
    return subject.against(PEER, found["ours"], found["plain"])


def _opened(browser: Browser, page_path: Path, selector: str) -> Page:
    page = browser.new_context(offline=True).new_page()
    page.goto(page_path.as_uri())
    page.wait_for_selector(selector, state="attached")
    return page


@dataclass(frozen=True)
class Load:
    """Opening a page until it says that it is so far: wall seconds, and CPU seconds of the page's main thread."""

    wall_s: float
    cpu_s: float


def _ready_s(browser: Browser, page_path: Path, selector: str) -> float:
    start = time.monotonic()
    page = _opened(browser, page_path, selector)
    taken = time.monotonic() - start
    page.context.close()
    return taken


def _load(browser: Browser, page_path: Path, selector: str) -> Load:
    page = browser.new_context(offline=True).new_page()
    session = page.context.new_cdp_session(page)
    session.send("Performance.enable", {"timeDomain": "threadTicks"})
    start = time.monotonic()
    page.goto(page_path.as_uri())
    page.wait_for_selector(selector, state="attached")
    taken = time.monotonic() - start
    metrics = {each["name"]: each["value"] for each in session.send("Performance.getMetrics")["metrics"]}
    page.context.close()
    return Load(taken, metrics["ThreadTime"])


def _dragged(browser: Browser, page_path: Path) -> list[float]:
    """Seconds between frames while a hand drags the middle third of the timeline to and fro."""
    page = _opened(browser, page_path, _DRAWN)
    page.evaluate(_MIDDLE_THIRD)
    row = page.locator(".time-row .over").first
    row.scroll_into_view_if_needed()
    page.wait_for_timeout(500)
    box = row.bounding_box()
    assert box
    middle, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    page.keyboard.down("Shift")
    page.mouse.move(middle, y)
    page.mouse.down()
    page.evaluate(_COUNT_FRAMES)
    for step in range(_DRAG_STEPS):
        page.mouse.move(middle + (step % 30 - 15) * box["width"] / 80, y)
    times: list[float] = page.evaluate(_FRAMES)
    page.mouse.up()
    page.context.close()
    return [(after - before) / 1e3 for before, after in pairwise(times)]
