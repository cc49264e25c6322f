"""Labels: what somebody who looks after many machines calls one of them, or a setting of it (`policy=oom-only`)."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Final

from .errors import UsageError, printable

MOST_LABELS: Final = 32
MOST_KEY_CHARS: Final = 64
MOST_VALUE_CHARS: Final = 256
_KEY: Final = re.compile(rf"[A-Za-z_][\w.-]{{0,{MOST_KEY_CHARS - 1}}}", re.ASCII)


def labels_of(words: Iterable[str]) -> dict[str, str]:
    """Labels as they are typed, `KEY=VALUE` each. Raises UsageError."""
    labels: dict[str, str] = {}
    for word in words:
        key, equals, value = word.partition("=")
        if not equals:
            raise UsageError(f"{printable(word)!r} is no label: give KEY=VALUE, such as policy=oom-only")
        check_label(key, value)
        if key in labels:
            raise UsageError(f"the label {key} was given twice")
        labels[key] = value
    if len(labels) > MOST_LABELS:
        raise UsageError(f"{len(labels)} labels were given: a recording has at most {MOST_LABELS}")
    return labels


def check_label(key: str, value: str) -> None:
    """Raises UsageError where it can't be one."""
    if not _KEY.fullmatch(key):
        rule = f"letters, digits, `_`, `.` and `-`, no more than {MOST_KEY_CHARS}, not beginning with a digit"
        raise UsageError(f"{printable(key)!r} can't be a label's key: {rule}")
    if len(value) > MOST_VALUE_CHARS or not value.isprintable():
        raise UsageError(f"the label {key} must be a line of no more than {MOST_VALUE_CHARS} characters")


def label_words(labels: Mapping[str, str]) -> str:
    """Labels in a line, in order of their keys."""
    return ", ".join(f"{key}={value}" for key, value in sorted(labels.items()))
