"""Text short enough for a person."""

from __future__ import annotations

from typing import Final

from ..errors import printable

MOST_CHARACTERS: Final = 600
"""Of one sentence or value: names may be of any length."""


def clean(text: str) -> str:
    """One line without control or invisible characters; of a very long one the middle is left out."""
    line = printable(" ".join(text.split()))
    return clipped(line)


def clipped(text: str) -> str:
    """Of a very long text the middle is left out."""
    if len(text) <= MOST_CHARACTERS:
        return text
    return f"{text[: MOST_CHARACTERS // 2]} [...] {text[-MOST_CHARACTERS // 4 :]}"
