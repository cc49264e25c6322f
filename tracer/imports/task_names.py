"""The task's name in what stands before its id, without what other tools put before the line."""

from __future__ import annotations

import re
from typing import Final

NAME_COLUMN_BYTES: Final = 16
"""The name's column, `%16s` in kernel/trace/trace_output.c, trace-cmd and perf; a name has at most 15 bytes, so one
blank at least stands before it."""

_DATE: Final = r"(?:[A-Z][a-z]{2} +\d{1,2} \d\d:\d\d:\d\d|\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d\S*)"
_QUOTE_OR_PRINTK: Final = r"(?:[>|]\s?)+|<\d{1,3}>|\[\s*\d+\.\d{3,9}\]"
_BEFORE: Final = re.compile(
    rf"\s*(?:{_QUOTE_OR_PRINTK}"
    r"|\[(?=[^\]]*\])[^\]]*\d[.:]\d[^\]]*\]|\[\s*[TC]\d+\]"
    r"|\d+,\d+,\d+,[^;]*;"
    rf"|{_DATE}(?:\s[^\s:]\S*(?=\s))?(?:\s[\w.-]+(?:\[\d+\])?:(?=\s))?"
    r"|[\w./@+-]+:(?=\s))"
)
"""Quotes of mail; printk's level, time and caller, `dmesg -T` too; netconsole's extended header; syslog's date, host
and program; trace-cmd's name of a file or buffer instance."""
_MOST_BEFORE: Final = 16
"""Such texts before one name: no tool puts as many, and each is as dear as the line is long."""
_NO_TEXT: Final = "\ufffd"
_NEVER_IN_COLUMN: Final = re.compile(_QUOTE_OR_PRINTK)


def task_name(prefix: str) -> str:
    """The name in the text before `-PID`; whatever a task calls itself inside its column is its name."""
    rest = prefix
    for _ in range(_MOST_BEFORE):
        if _is_column(rest) or not (match := _BEFORE.match(rest)):
            break
        rest = rest[match.end() :]
    return rest[_column_start(rest) :].strip()


def _is_column(text: str) -> bool:
    """Whether this is a name's column, perhaps moved to the right."""
    return not text[: _column_start(text)].strip() and not _NEVER_IN_COLUMN.match(text)


def _column_start(text: str) -> int:
    """Where the column begins that ends with the text. Bytes that were no UTF-8 are one character each."""
    width, start = 0, len(text)
    while start and width < NAME_COLUMN_BYTES:
        start -= 1
        width += 1 if text[start] == _NO_TEXT else len(text[start].encode("utf-8", "surrogatepass"))
    return start
