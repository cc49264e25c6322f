"""Cells of CSV: what is unknown is empty, control characters are escaped, no text begins a formula."""

from __future__ import annotations

import json
from typing import Final

from .errors import printable

_FORMULA: Final = ("=", "+", "-", "@", "\t", "\r")
"""What a spreadsheet takes for the begin of a formula."""


def cell(value: object) -> str:
    """One value: `true`, a number with all its digits, a text, or a list or dict as JSON."""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, list | dict):
        value = json.dumps(value)
    if not isinstance(value, str):
        return "" if value is None else repr(value) if isinstance(value, float) else str(value)
    text = printable(value)
    return f"'{text}" if value.startswith(_FORMULA) else text
