"""Texts of ftrace and perf that can't be read: what they are, told by their lines, and what to record instead."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass, field
from typing import Final

from .table import TRACEPOINTS

_MOST_SHOWN_CHARS: Final = 160
_NAMES: Final = "|".join(sorted(TRACEPOINTS, key=len, reverse=True))
_KNOWN: Final = re.compile(rf"\b(?:{_NAMES})\b")
_ANY: Final = r"(?:[A-Za-z_]\w*:)?[A-Za-z_][\w-]*"

FORMS: Final = (
    (
        "its times are counts (trace_clock x86-tsc, counter or uptime), not seconds; record with mono or local",
        re.compile(rf"-\d+\s+(?:\(\s*[\d-]+\)\s+)?(?:\[\d+\]\s+)?(?:[^\s:\[\]]{{1,10}}\s+)?\d+:\s+{_ANY}:"),
    ),
    (
        "it is `perf trace` output, which names no CPU; record with `perf record` and give the perf.data",
        re.compile(r"^\s*\d+\.\d{3} \(.*\): .*\(.*\)\s*$"),
    ),
    (
        "its lines have no times; give the perf.data, or add the field time to perf script",
        re.compile(rf"^\s*\S.*\s\d+(?:/\d+)?\s+(?:\[\d+\]\s+)?(?:\d+\s+)?{_ANY}:{_ANY}:"),
    ),
    (
        "it is tp_printk output from the kernel log, without tasks; read /sys/kernel/tracing/trace instead",
        re.compile(rf"\[\s*\d+\.\d+\](?:\[\s*\w+\])?\s+(?:{_NAMES}):"),
    ),
    (
        "its lines have no tasks and times (trace option context-info is off); switch context-info on",
        re.compile(rf"^\s*(?:\w+:)?(?:{_NAMES}):"),
    ),
    (
        "its lines are the function_graph tracer's, which are not read; record events, or use the function tracer",
        re.compile(r"^\s*\d+\)\s.*\|\s"),
    ),
    (
        "its lines begin with the time; print task, CPU and time in this order, as trace-cmd and perf do",
        re.compile(rf"^\s*\[?\d+[.:]\d+\S*\s.*(?:{_NAMES})\b"),
    ),
)
"""What is said of a text, and the lines that tell it; the surer ones first."""
_OTHER: Final = "its lines name known events in an unknown format"


def shown_line(line: str) -> str:
    """A line for a message: printable, and not too long."""
    text = "".join(char if char.isprintable() else " " for char in line.strip())
    return text if len(text) <= _MOST_SHOWN_CHARS else f"{text[:_MOST_SHOWN_CHARS]}..."


@dataclass
class UnreadLines:
    """Counts lines without a head that can be read, by what they are."""

    _counts: Counter[str] = field(default_factory=Counter)
    _first: dict[str, str] = field(default_factory=dict)

    def take(self, line: str) -> None:
        """A line without a head."""
        what = next((what for what, pattern in FORMS if pattern.search(line)), _OTHER if _KNOWN.search(line) else "")
        if what:
            self._counts[what] += 1
            self._first.setdefault(what, shown_line(line))

    @property
    def total(self) -> int:
        """Lines of forms that are not read."""
        return sum(self._counts.values())

    def __str__(self) -> str:
        """The commonest form, with its first line."""
        what, count = self._counts.most_common(1)[0]
        return f"{what} ({count:,} such line{'s' if count > 1 else ''}, the first: {self._first[what]})"
