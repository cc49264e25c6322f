"""What keeps a recording's names (tasks, host, shrinkers, commands) harmless in a page, where they are hostile."""

from __future__ import annotations

import json
import re
from typing import Any, Final

JSON = dict[str, Any] | list[Any] | str | float | bool | None
# Controls, lone surrogates and the marks that reorder or hide text.
_UNPRINTABLE: Final = re.compile("[\x00-\x1f\x7f-\x9f\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ud800-\udfff]")
_SCRIPT_ESCAPES: Final = {ord(char): f"\\u{ord(char):04x}" for char in "<>&\u2028\u2029"}


def _escaped(match: re.Match[str]) -> str:
    code = ord(match.group())
    return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}"


def visible(value: str) -> str:
    """The same with unprintable characters as `\\x1b`. No HTML: templates escape what they are given."""
    return _UNPRINTABLE.sub(_escaped, value)


def script_json(value: JSON) -> str:
    """JSON that can stand inside a `<script>` element."""
    return json.dumps(value, separators=(",", ":"), allow_nan=False).translate(_SCRIPT_ESCAPES)
