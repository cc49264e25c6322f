"""What is made of a recording with hostile names: it shows them as text, everywhere, and does nothing that they say."""

from __future__ import annotations

import itertools
import json
import re
from html.parser import HTMLParser
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest
from command_line import run
from hostile_names import HOSTILE_NAMES, LONG
from named_recordings import write_named

MOST_CHARACTERS = 200_000
"""Of a text: a name of 60,000 characters is not printed whole time and again."""


@pytest.fixture(scope="module", params=range(3), ids=["first", "second", "third"])
def hostile(request, tmp_path_factory) -> Path:
    """Each name stands somewhere else in each of the three."""
    names = itertools.cycle(HOSTILE_NAMES[request.param * 7 :] + HOSTILE_NAMES[: request.param * 7])
    given: dict[str, str] = {}
    path = tmp_path_factory.mktemp("hostile") / "h.rtrace"
    return write_named(path, lambda what: given.setdefault(what, LONG if what == "arg" else next(names)))


def assert_plain(text: str) -> None:
    assert {char for char in text if not char.isprintable()} <= {"\n", "\u2060"}
    assert len(text) < MOST_CHARACTERS


TEXTS = (
    ("summary", "-v", "--by", "cgroup"),
    ("replay", "--speed", "1000"),
    ("report", "--format", "mail"),
    ("report", "--format", "markdown"),
)


@pytest.mark.parametrize("command", TEXTS, ids=" ".join)
def test_text_moves_no_terminal(hostile, command) -> None:
    ended = run(*command, hostile)
    assert ended.returncode == 0, ended.stderr
    assert_plain(ended.stdout + ended.stderr)


def test_json_is_ascii_and_says_what_was_recorded(hostile) -> None:
    ended = run("summary", "--json", hostile)
    assert ended.stdout.isascii()
    assert_plain(ended.stdout)
    told = json.loads(ended.stdout)
    assert any(name in {stall["comm"] for stall in told["stalls"]} for name in HOSTILE_NAMES)


def test_comparing_moves_no_terminal_and_its_xml_is_whole(hostile, tmp_path) -> None:
    gate = tmp_path / "gate.xml"
    ended = run("compare", hostile, hostile, "--fail-on", "kind:oom_kill", "--junit", gate)
    assert ended.returncode in {0, 5}, ended.stderr
    assert_plain(ended.stdout + ended.stderr)
    assert ET.fromstring(gate.read_bytes()).tag == "testsuites"


class Tags(HTMLParser):
    """Elements and attributes of a page."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))


def test_the_page_has_no_element_of_a_name(hostile, tmp_path) -> None:
    target = tmp_path / "page.html"
    assert run("report", hostile, "-o", target).returncode == 0
    page = target.read_text()
    assert "x" * 1000 not in page
    found = Tags(page).tags
    assert not [tag for tag, _ in found if tag in {"img", "b", "iframe", "object", "embed", "base", "form"}]
    assert not [attrs for _, attrs in found if any(name.startswith("on") for name in attrs)]
    links = [value for _, attrs in found for name, value in attrs.items() if name in {"href", "src"}]
    assert all(value.startswith(("#", "data:,")) for value in links)
    assert len([tag for tag, attrs in found if tag == "script" and "type" not in attrs]) == 1
    assert not re.search("[\x00-\x08\x0b-\x1f\x7f-\x9f\u200b\u202a-\u202e\u2066-\u2069\ufeff]", page)
