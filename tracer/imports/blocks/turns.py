"""What lines that were read at once do to what is remembered of their threads, done in the order of the text."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from itertools import repeat
from operator import itemgetter
from typing import Any

import numpy as np

from .scan import Scan
from .text import I64, Bools

Act = Callable[[int, Any], object]
"""Takes a line's thread and an argument."""


class Turns:
    """A block's acts by line, each done before the first line after it that is read in turn."""

    def __init__(self, scan: Scan, certain: Bools) -> None:
        """`certain` is of lines, and may lose some while lines are read in turn; those do not act."""
        self._heads = scan.heads
        self._certain = certain
        self._waiting: list[tuple[int, int, Act, Any]] = []
        self._is_sorted = True

    def add(self, rows: I64, act: Act, arguments: Iterable[Any]) -> None:
        """One act for each of these rows of heads; all are added before the lines are read in turn."""
        heads = self._heads
        tid = heads.tid[rows]
        threads = np.where(tid != 0, tid, -1 - heads.cpu[rows]).tolist()
        self._waiting += zip(heads.lines[rows].tolist(), threads, repeat(act), arguments, strict=False)
        self._is_sorted = False

    def until(self, line: int) -> None:
        """Do what comes before this line."""
        waiting, certain = self._waiting, self._certain
        if not self._is_sorted:
            waiting.sort(key=itemgetter(0), reverse=True)
            self._is_sorted = True
        while waiting and waiting[-1][0] < line:
            at, thread, act, argument = waiting.pop()
            if certain[at]:
                act(thread, argument)
