"""Opens reports in a headless Chromium that has no network, and keeps what the page said and asked for."""

from __future__ import annotations

import importlib.util
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from playwright.sync_api import Browser, BrowserContext, Page

COMMANDS = ("chromium", "chromium-browser", "google-chrome")
SWITCHES = (
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-gpu",
    "--disable-quic",
    "--disable-sync",
    "--no-first-run",
)
READY_TIMEOUT_MS = 30_000


@dataclass
class Opened:
    """A page that is ready, with its console, uncaught exceptions and requests."""

    page: Page
    console: list[str] = field(default_factory=list)
    exceptions: list[str] = field(default_factory=list)
    requests: list[str] = field(default_factory=list)

    def ask(self, expression: str) -> Any:
        """The value of a JavaScript expression in the page."""
        return self.page.evaluate(expression)

    def until(self, expression: str) -> None:
        """Wait until a JavaScript expression is true in the page; its CSP keeps Playwright's own way from working."""
        look = f"const look = () => ({expression}) ? done(true) : performance.now() > end ? done(false) : next(look);"
        wait = f"const next = requestAnimationFrame, end = performance.now() + {READY_TIMEOUT_MS}; {look} look();"
        assert self.ask(f"new Promise((done) => {{ {wait} }})"), expression

    def drawn(self) -> dict[str, int]:
        """Chart id to the number of marks drawn in it: bars, lines, points."""
        marks = "svg.main-svg :is(.bars .point path, .scatterlayer :is(.lines, .points, .fills) path)"
        script = f"[...document.querySelectorAll('.plot')].map(p => [p.id, p.querySelectorAll('{marks}').length])"
        return {plot.removeprefix("plot-"): count for plot, count in self.ask(script)}


Open = Callable[..., Opened]


@pytest.fixture(scope="session")
def browser(need: Callable[[str, bool, str], None]) -> Iterator[Browser]:
    """One Chromium for all tests, with a profile of its own."""
    need(
        "browser", importlib.util.find_spec("playwright") is not None, "the Python package playwright is not installed"
    )
    from playwright.sync_api import sync_playwright

    command = next(filter(None, map(shutil.which, COMMANDS)), None)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=command, args=list(SWITCHES), chromium_sandbox=False)
        yield browser
        browser.close()


@pytest.fixture
def open_report(browser: Browser) -> Iterator[Open]:
    """`open_report(path, scheme="dark", width=480)`: the report from file://, offline, when it says it is ready.

    `before` is a script that is run before the page's own.
    """
    contexts: list[BrowserContext] = []

    def open_(
        path: Path, scheme: str = "light", width: int = 1280, fragment: str = "", before: str = "", **context: Any
    ) -> Opened:
        looks = {"viewport": {"width": width, "height": 900}, "color_scheme": scheme, "reduced_motion": "reduce"}
        contexts.append(browser.new_context(offline=True, **looks, **context))
        opened = Opened(contexts[-1].new_page())
        opened.page.on("console", lambda message: opened.console.append(f"{message.type}: {message.text}"))
        opened.page.on("pageerror", lambda error: opened.exceptions.append(str(error)))
        opened.page.on("request", lambda request: opened.requests.append(request.url))
        opened.page.add_init_script(before)
        opened.page.goto(path.as_uri() + fragment)
        if context.get("java_script_enabled", True):
            opened.page.wait_for_selector("html[data-drawn]", state="attached", timeout=READY_TIMEOUT_MS)
        return opened

    yield open_
    for context in contexts:
        context.close()
