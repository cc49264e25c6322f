"""The timeline alone, as a page that draws it once more as one SVG document."""

from __future__ import annotations

from html.parser import HTMLParser
from typing import Final

from ..analyze.model import Analysis
from ..recording_facts import RecordingFacts
from .frame import document, filled
from .section import Content, Section, Source
from .sections import SECTIONS

WIDTH: Final = 1280
"""Pixels."""
_DRAWN: Final = "drawn"
_FAILURE: Final = "failure"


def picture_page(analysis: Analysis, facts: RecordingFacts, *, title: str = "") -> str:
    """A page whose script leaves the SVG document in it as text; a browser has to run it."""
    source = Source(analysis, facts, title)
    timeline = next(section for section in SECTIONS if section.id == "timeline")
    sections: tuple[Section[Source], ...] = (timeline, Section("picture", "", lambda _: Content(None), script=True))
    name = title or facts.name
    return document(
        "picture.html",
        filled(sections, source),
        {"duration": analysis.duration_s},
        {"title": f"{name}: reclaim and balloon over time", "words": source.verdict.sentence},
    )


def drawn_in(page: str) -> tuple[str, str]:
    """The SVG document in a page that a browser has run, and why there is none; the other one is empty."""
    reader = _Reader()
    reader.feed(page)
    return reader.texts[_DRAWN], reader.texts[_FAILURE]


class _Reader(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.texts = {_DRAWN: "", _FAILURE: ""}
        self._inside = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        name = dict(attrs).get("id") or ""
        if tag in {"pre", "p"} and name in self.texts:
            self._inside = name

    def handle_endtag(self, tag: str) -> None:
        if tag in {"pre", "p"}:
            self._inside = ""

    def handle_data(self, data: str) -> None:
        if self._inside:
            self.texts[self._inside] += data
