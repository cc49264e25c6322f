"""Words: what the terms of the page mean."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from .glossary import Part, parts
from .section import Content, Source


@dataclass(frozen=True)
class Words:
    """The glossary."""

    parts: Sequence[Part]


def content(_source: Source) -> Content:
    """The same for every recording."""
    return Content(Words(parts()), gist="what the terms of this page mean")
