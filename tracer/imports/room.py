"""What a recording has room for beside events: hostile text can say any amount."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable
from typing import Final

from ..store.format import JSON, MAX_JSON_BYTES

ROWS_BYTES: Final = MAX_JSON_BYTES // 4
"""For the rows of one note, of which there are two; all notes together have MAX_JSON_BYTES."""
_MOST_NAMES: Final = 1000
_MOST_NAME: Final = 128


def rows_that_fit(rows: Iterable[JSON]) -> list[JSON]:
    """The first rows that a note has room for."""
    fitting, room = [], ROWS_BYTES
    for row in rows:
        room -= len(json.dumps(row)) + 1
        if room < 0:
            break
        fitting.append(row)
    return fitting


def commonest(counts: Counter[str]) -> dict[str, JSON]:
    """The commonest names with their counts, as many as a note has room for."""
    return {name[:_MOST_NAME]: count for name, count in counts.most_common(_MOST_NAMES)}
