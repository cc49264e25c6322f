"""Probes on functions: those whose lines need nothing of their thread's past are read at once.

What they tell later lines of their thread, the function that was entered last, is told in turn.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from ..layouts import Layout
from ..rules import ProbeRule
from ..threads import Threads
from .scan import Scan
from .templates import Columns, Template
from .text import I64, Bools

_MOST_TEMPLATES: Final = 16
"""Places of one probe, and ways to print them, that are read at once."""
_MOST_TRIES: Final = 4

Group = tuple[Layout | None, I64, Columns]
"""A layout, None for functions that are none of ours; the rows of its heads; their fields."""


class Probes:
    """Templates of one probe's lines."""

    def __init__(self, rule: ProbeRule) -> None:
        self._rule = rule
        self._templates: list[Template] = []

    def read(self, scan: Scan, rows: I64) -> Iterator[Group]:
        """Those of the lines that are certain."""
        tries = 0
        for template in self._templates:
            good, columns = template.read(scan.block, scan.heads.lines[rows], scan.heads.after_name[rows])
            yield template.layout, rows[good], columns
            rows = rows[~good]
        while len(rows) and tries < _MOST_TRIES and len(self._templates) < _MOST_TEMPLATES:
            tries += 1
            new = self._new(scan, int(rows[0]))
            if new is None or new in self._templates:
                return
            self._templates.append(new)
            good, columns = new.read(scan.block, scan.heads.lines[rows], scan.heads.after_name[rows])
            yield new.layout, rows[good], columns
            rows = rows[~good]

    def _new(self, scan: Scan, row: int) -> Template | None:
        line, at = scan.text_after_name(row)
        plain = self._rule.plainly(line, at)
        return Template.of(plain[0], line, at, plain[1]) if plain else None


class Entered:
    """The functions that lines which were read at once entered, told to `threads` in turn."""

    def __init__(self, scan: Scan, certain: Bools, threads: Threads) -> None:
        """`certain` is of lines, and may lose some while lines are read in turn."""
        self._scan = scan
        self._certain = certain
        self._functions = threads.functions
        self._waiting: list[tuple[int, int, str]] = []

    def add(self, kind: str, rows: I64) -> None:
        """Events of one kind by the rows of their heads; all are added before `until` is called."""
        heads = self._scan.heads
        each = zip(heads.lines[rows].tolist(), heads.tid[rows].tolist(), heads.cpu[rows].tolist(), strict=True)
        self._waiting += [(line, tid or -1 - cpu, kind) for line, tid, cpu in each]

    def in_order(self) -> None:
        """All are there."""
        self._waiting.sort(reverse=True)

    def until(self, line: int) -> None:
        """Tell what was entered before this line."""
        waiting, certain = self._waiting, self._certain
        while waiting and waiting[-1][0] < line:
            at, thread, kind = waiting.pop()
            if certain[at]:
                self._functions[thread] = kind
