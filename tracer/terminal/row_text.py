"""Rows of any columns as aligned text, printed as they come."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from itertools import chain, islice
from typing import Any, Final

from ..errors import printable
from .cells import cells, pad

_FITTED: Final = 1000
"""Rows whose widths all rows get: those that come later may stand out."""
_GAP: Final = "  "


def row_lines(names: Sequence[str], numbers: Sequence[bool], rows: Iterable[Sequence[Any]]) -> Iterator[str]:
    """A head, a rule and a line a row; numbers to the right, None as `null`."""
    each = iter(rows)
    head = [printable(name) for name in names]
    first = [_words(row) for row in islice(each, _FITTED)]
    widths = [max(map(cells, column)) for column in zip(head, *first, strict=True)]
    yield _line(head, widths, numbers)
    yield _GAP.join("-" * width for width in widths)
    for row in chain(first, map(_words, each)):
        yield _line(row, widths, numbers)


def _words(row: Sequence[Any]) -> list[str]:
    return [_word(value) for value in row]


def _word(value: Any) -> str:  # noqa: ANN401 - a plain value
    if value is None:
        return "null"
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, float):
        return f"{value:.9g}"
    return printable(value if isinstance(value, str) else json.dumps(value))


def _line(row: Sequence[str], widths: Sequence[int], numbers: Sequence[bool]) -> str:
    padded = (pad(word, width, right=right) for word, width, right in zip(row, widths, numbers, strict=True))
    return _GAP.join(padded).rstrip()
