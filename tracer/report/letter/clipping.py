"""Text short enough for a person."""

from __future__ import annotations

from typing import Final

from ...errors import printable

MOST_CHARACTERS: Final = 600
"""Of one sentence or value: names may be of any length."""


def clean(text: str) -> str:
    """One line without control or invisible characters; of a very long one the middle is left out."""
    line = printable(" ".join(text.split()))
    if len(line) <= MOST_CHARACTERS:
        return line
    return f"{line[: MOST_CHARACTERS // 2]} [...] {line[-MOST_CHARACTERS // 4 :]}"
