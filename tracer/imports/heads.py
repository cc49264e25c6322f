"""The head of a line: task, CPU and time, in the forms of ftrace, trace-cmd and perf.

The text after the time and the task's name are not trusted: a name may hold blanks, dashes, brackets, or look like a
head itself. A name has 15 bytes, too few for a whole head with the CPU's three digits, so the first whole head is it.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

_EVENT: Final = r"([A-Za-z_][\w-]*(?::\w[\w-]*)?):(?:\s+|$)"
_TIME: Final = r"([0-3]?\d{1,9})\.(\d{3,9}):\s+(?:\(\+\d{1,18}\)\s+)?"
_TGID: Final = r"\(\s*(\d{1,9}|-+)\)\s+"
_FLAGS: Final = r"(?:[^\s:\[\]]{1,10}\s+)?"

SCALE_NS: Final[Mapping[int, int]] = {0: 1000, **{digits: 10 ** (9 - digits) for digits in range(3, 10)}}
"""ns per unit of the last digit, by the number of digits after the point; none at all are microseconds."""

MILLISECONDS: Final = {3: 1000}
"""The same for times in milliseconds with three digits after the point."""

FUNCTION_ARROW: Final = "<-"
"""Stands for the event's name in a function tracer's line, `F <-CALLER`, which has none; F follows the head."""
_FUNCTION: Final = r"(?=[^\s:]+(?: \[\w+\])? +(<-))"


@dataclass(frozen=True)
class HeadForm:
    """One way to print a head; groups 1-6 are tid, tgid, CPU, seconds, fraction and the event's name.

    `order` are the pattern's groups in that order.
    """

    pattern: re.Pattern[str]
    order: tuple[int, int, int, int, int, int] = (1, 2, 3, 4, 5, 6)
    scale: Mapping[int, int] = field(default_factory=lambda: SCALE_NS, compare=False)
    """ns per unit of the last digit of its times, by the number of digits after the point."""


_PERF_ORDER: Final = (2, 1, 3, 4, 5, 6)

FORMS: Final = (
    HeadForm(re.compile(rf"-(\d{{1,9}})\s+(?:{_TGID})?\[(\d{{3,4}})\]\s+{_FLAGS}{_TIME}{_EVENT}")),
    HeadForm(
        re.compile(rf"\s(?:(\d{{1,9}})/)?(\d{{1,9}})\s+\[(\d{{3,4}})\]\s+{_FLAGS}{_TIME}(?:\d+\s+)?{_EVENT}"),
        _PERF_ORDER,
    ),
    HeadForm(re.compile(rf"-(\d{{1,9}})()\s+\[(\d{{3,4}})\]\s+\(\s*(?:\d+|-+)\)\s+{_FLAGS}{_TIME}{_EVENT}")),
)
"""Heads with the CPU in brackets: ftrace and trace-cmd, perf, ftrace of old kernels (the process after the CPU)."""

LOOSE_FORMS: Final = (
    HeadForm(re.compile(rf"-(\d{{1,9}})\s+(?:{_TGID})?(\d{{1,4}})[a-zA-Z.#][\w.#]{{1,7}}\s+{_TIME}{_EVENT}")),
    HeadForm(re.compile(rf"-(\d{{1,9}})()\s+(\d{{1,4}})[a-zA-Z.#][\w.#]{{1,7}}\s+(\d{{1,15}})()us.?\s*:\s+{_EVENT}")),
    HeadForm(re.compile(rf"-(\d{{1,9}})\s+(?:{_TGID})?()(?:[a-zA-Z.#][\w.#]{{1,7}}\s+)?{_TIME}{_EVENT}")),
    HeadForm(re.compile(rf"\s(?:(\d{{1,9}})/)?(\d{{1,9}})\s+(){_TIME}(?:\d+\s+)?{_EVENT}"), _PERF_ORDER),
    HeadForm(re.compile(rf"^\s*()()(?:\[(\d{{1,4}})\]\s+)?{_TIME}(?:\d+\s+)?{_EVENT}")),
    HeadForm(re.compile(rf"-(\d{{1,9}})\s+(?:{_TGID})?\[(\d{{3,4}})\]\s+{_FLAGS}{_TIME}{_FUNCTION}")),
    HeadForm(
        re.compile(rf"-(\d{{1,9}})()\s+(\d{{1,4}})[a-zA-Z.#][\w.#]{{1,7}}\s+(\d{{1,15}})()us.?\s*:\s+{_FUNCTION}")
    ),
    HeadForm(
        re.compile(
            r"\s(\d{1,9})()\s+(\d{1,4})\s+\d+\s+[0-9a-f]{8}\s+[0-9a-f]{8,16}\s+\[[0-9a-f]+\]"
            rf"\s+(\d{{1,12}})\.(\d{{3}})ms\s+\([+-]?[\d.]+ms\):\s+{_EVENT}"
        ),
        scale=MILLISECONDS,
    ),
)
"""Heads that lack columns, tried where none of FORMS fits: the latency format, no CPU, no task; the function tracer;
the latency format with `verbose`, whose times are milliseconds."""

NAMELESS: Final = HeadForm(
    re.compile(rf"[-\s](\d{{1,9}})\s+(?:{_TGID})?\[(\d{{3,4}})\]\s+{_FLAGS}{_TIME}(\S.*)$"),
)
"""A line that belongs to no event: function tracers, stack heads, perf's own records."""


def head_of(line: str, forms: tuple[HeadForm, ...] = (*FORMS, *LOOSE_FORMS)) -> tuple[HeadForm, re.Match[str]] | None:
    """The first form that fits."""
    for form in forms:
        if match := form.pattern.search(line):
            return form, match
    return None


def time_ns(seconds: str, fraction: str, scale: Mapping[int, int] = SCALE_NS) -> int:
    """A time as the text has it."""
    return int(seconds + fraction) * scale[len(fraction)]
