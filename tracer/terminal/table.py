"""Plain text tables and paragraphs for a terminal."""

from __future__ import annotations

import re
import textwrap
from collections.abc import Sequence
from typing import Final

from ..errors import printable

WIDTH: Final = 96
_INDENT: Final = "  "
_NUMBER_AND_UNIT: Final = re.compile(r"(\d) (s|ms|µs|ns|B|KiB|MiB|GiB)\b")


def table(heads: Sequence[str], rows: Sequence[Sequence[str]], *, left: int = 1) -> list[str]:
    """Rows in columns, the first `left` of them aligned to the left; columns that are empty throughout are left out."""
    kept = [at for at in range(len(heads)) if at < left or any(row[at] for row in rows)]
    widths = {at: max(len(heads[at]), *(len(row[at]) for row in rows)) for at in kept}
    return [
        _INDENT + "  ".join(f"{line[at]:{'<' if at < left else '>'}{widths[at]}}" for at in kept).rstrip()
        for line in (heads, *rows)
    ]


def paragraph(text: str, lead: str = _INDENT) -> list[str]:
    """Text wrapped to the width, further lines indented under the first; a number stays with its unit."""
    joined = _NUMBER_AND_UNIT.sub("\\1\xa0\\2", printable(text))
    lines = textwrap.wrap(joined, WIDTH, initial_indent=lead, subsequent_indent=" " * len(lead), break_long_words=False)
    return [line.replace("\xa0", " ") for line in lines]
