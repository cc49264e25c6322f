"""The timeline as a picture, drawn by a browser that needs no network."""

from __future__ import annotations

import os
import re
import subprocess
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Final

from ..errors import TracerError
from ..programs import find_program, tool_environment
from ..report.picture import WIDTH, drawn_in, picture_page

if TYPE_CHECKING:
    from ..analyze import Analysis
    from ..recording_facts import RecordingFacts

BROWSERS: Final = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
_SWITCHES: Final = (
    *("--headless", "--disable-gpu", "--no-first-run", "--hide-scrollbars", "--force-color-profile=srgb"),
    *("--disable-background-networking", "--disable-component-update", "--disable-sync", "--disable-extensions"),
)
_AS_ROOT: Final = "--no-sandbox"
"""Chromium refuses to run as root with its sandbox; the page is this program's own and loads nothing."""
_TIMEOUT_S: Final = 120
_SIZE: Final = re.compile(r'<svg [^>]*viewBox="0 0 (\d+) (\d+)"')


def svg_picture(browser: Path, analysis: Analysis, facts: RecordingFacts, title: str = "") -> bytes:
    """The timeline as an SVG document. Raises TracerError where the browser does not draw."""
    with TemporaryDirectory(prefix="reclaim-tracer-") as folder:
        return _svg(browser, Path(folder), picture_page(analysis, facts, title=title)).encode()


def png_picture(browser: Path, analysis: Analysis, facts: RecordingFacts, title: str = "") -> bytes:
    """The same as PNG, in the size that the SVG document has. Raises TracerError as `svg_picture`."""
    with TemporaryDirectory(prefix="reclaim-tracer-") as folder:
        drawn = _svg(browser, Path(folder), picture_page(analysis, facts, title=title))
        size = _SIZE.search(drawn)
        source, target = Path(folder, "drawn.svg"), Path(folder, "drawn.png")
        source.write_text(drawn, "utf-8")
        width, height = (size[1], size[2]) if size else (WIDTH, WIDTH)
        _run(browser, Path(folder), f"--window-size={width},{height}", f"--screenshot={target}", source.as_uri())
        try:
            return target.read_bytes()
        except OSError as error:
            raise TracerError(f"{browser}: wrote no picture: {error.strerror}") from error


def find_browser() -> Path:
    """A Chromium in PATH. Raises TracerError where there is none."""
    found = next((path for name in BROWSERS if (path := find_program(name))), None)
    if found is None:
        raise TracerError(
            f"a picture needs a browser, and none of {', '.join(BROWSERS)} is in PATH: apt-get install chromium, "
            "or write the page (--format html)"
        )
    return found


def _svg(browser: Path, folder: Path, page: str) -> str:
    source = folder / "page.html"
    source.write_text(page, "utf-8")
    window = (f"--window-size={WIDTH},2000", f"--virtual-time-budget={_TIMEOUT_S * 1000}", "--dump-dom")
    drawn, why = drawn_in(_run(browser, folder, *window, source.as_uri()))
    if not drawn:
        raise TracerError(f"{browser}: could not draw the timeline: {why or 'it gave no reason'}")
    return drawn


def _run(browser: Path, folder: Path, *arguments: str) -> str:
    own = [f"--user-data-dir={folder / 'profile'}", *([_AS_ROOT] if os.geteuid() == 0 else [])]
    environment = tool_environment() | {"HOME": str(folder), "XDG_RUNTIME_DIR": str(folder)}
    try:
        ended = subprocess.run(
            [browser, *_SWITCHES, *own, *arguments],
            capture_output=True,
            stdin=subprocess.DEVNULL,
            env=environment,
            timeout=_TIMEOUT_S,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise TracerError(f"{browser}: could not draw the timeline: {error}") from error
    if ended.returncode:
        last = ended.stderr.decode(errors="replace").strip().splitlines()[-1:] or ["it said nothing"]
        raise TracerError(f"{browser}: ended with {ended.returncode}: {last[0]}")
    return ended.stdout.decode("utf-8", "replace")
