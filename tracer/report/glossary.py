"""The terms of the page, from docs/glossary.md: the one place in which they are defined."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Final

from ..errors import TracerError
from ..resources import resource_dir
from .explanations import Prose, prose

_FILE: Final = "glossary.md"
_ROW: Final = re.compile(r"^\| (?P<term>.+?) \| (?P<meaning>.+) \|$")
_HEAD: Final = frozenset({"term", "tier", "class of cycle"})
_LINK: Final = re.compile(r"\[([^\]]+)\]\([^)]+\)")
_ASIDE: Final = re.compile(r"\([^)]*\)")
_CODE: Final = re.compile(r"`([^`]+)`")


@dataclass(frozen=True)
class Word:
    """A term of the glossary with its meaning, in pieces and as plain text; `names` is all that it is looked up by."""

    term: str
    names: Sequence[str]
    meaning: Prose

    @property
    def anchor(self) -> str:
        """Its id in the page."""
        return "word-" + re.sub(r"[^a-z0-9]+", "-", self.names[0].lower()).strip("-")

    @property
    def plain(self) -> str:
        """Its meaning without markup."""
        return "".join(self.meaning)


@dataclass(frozen=True)
class Part:
    """Some words under a title."""

    title: str
    words: Sequence[Word]


@cache
def parts() -> tuple[Part, ...]:
    """The whole glossary. Raises TracerError when the installation lacks it."""
    path = resource_dir("docs") / _FILE
    try:
        source = path.read_text("utf-8")
    except OSError as error:
        raise TracerError(f"can't read {path}: {error.strerror}; install reclaim-tracer again") from error
    chapters = re.split(r"^## ", source, flags=re.MULTILINE)[1:]
    return tuple(Part(chapter.partition("\n")[0], [*_words(chapter)]) for chapter in chapters)


@cache
def glossary() -> dict[str, Word]:
    """Words by each of their names."""
    return {name: word for part in parts() for word in part.words for name in word.names}


def _words(chapter: str) -> Iterator[Word]:
    for line in chapter.splitlines():
        row = _ROW.match(line)
        if row and row["term"] not in _HEAD and not row["term"].startswith("-"):
            yield Word(_plain(row["term"]).replace("`", ""), _names(row["term"]), prose(_plain(row["meaning"])))


def _plain(markdown: str) -> str:
    return _LINK.sub(r"\1", markdown).replace("**", "")


def _names(term: str) -> list[str]:
    """`puff (out of puff)` is looked up by both, `0 `proactive`` by its code."""
    asides = [aside[1:-1] for aside in _ASIDE.findall(term)]
    spoken = _CODE.sub("", _ASIDE.sub("", term)).replace('"', "")
    named = [*(part.strip() for part in spoken.split(",")), *_CODE.findall(term), *asides]
    return [name for name in named if name and not name.isdigit() and ":" not in name]
