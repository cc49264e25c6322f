"""What lines that were read at once do to what is remembered of their threads, done in the order of the text."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from itertools import repeat
from operator import itemgetter
from typing import Any

import numpy as np

from .scan import Scan
from .text import I64, Bools

Act = Callable[[int, Any], object]
"""Takes a line's thread and an argument."""


@dataclass(frozen=True)
class _Remembered:
    """Acts on what is remembered of their threads, which they read or replace."""

    lines: I64
    threads: I64
    act: Act
    arguments: Iterable[Any]
    is_read: bool = False


class Turns:
    """A block's acts by line, each done before the first line after it that is read in turn."""

    def __init__(self, scan: Scan, certain: Bools) -> None:
        """`certain` is of lines, and may lose some while lines are read in turn; those do not act."""
        self._heads = scan.heads
        self._certain = certain.data
        self._waiting: list[tuple[int, int, Act, Any]] = []
        self._memory: dict[str, list[_Remembered]] = {}

    def add(self, rows: I64, act: Act, arguments: Iterable[Any]) -> None:
        """One act for each of these rows of heads; all are added before the lines are read in turn."""
        threads = self._threads(rows).tolist()
        self._waiting += zip(self._heads.lines[rows].tolist(), threads, repeat(act), arguments, strict=False)

    def remember(self, rows: I64, act: Act, argument: object, memory: str) -> None:
        """The same for an act that undoes what its thread's last act on this memory did; see `recall`."""
        acts = self._memory.setdefault(memory, [])
        acts.append(_Remembered(self._heads.lines[rows], self._threads(rows), act, repeat(argument)))

    def recall(self, rows: I64, act: Act, arguments: Iterable[Any], memory: str) -> None:
        """The same for an act for which the last `remember` of its thread matters."""
        acts = self._memory.setdefault(memory, [])
        acts.append(_Remembered(self._heads.lines[rows], self._threads(rows), act, arguments, is_read=True))

    def begin(self, in_turn: I64) -> None:
        """All were added. These are the lines that are read in turn; more may follow after each of them."""
        for each in (each for memory in self._memory.values() for each in _lasting(memory, in_turn)):
            self._waiting += zip(
                *(each.lines.tolist(), each.threads.tolist(), repeat(each.act), each.arguments), strict=False
            )
        self._memory.clear()
        self._waiting.sort(key=itemgetter(0), reverse=True)

    def until(self, line: int) -> None:
        """Do what comes before this line."""
        waiting, certain = self._waiting, self._certain
        while waiting and waiting[-1][0] < line:
            at, thread, act, argument = waiting.pop()
            if certain[at]:
                act(thread, argument)

    def _threads(self, rows: I64) -> I64:
        tid = self._heads.tid[rows]
        return np.where(tid != 0, tid, -1 - self._heads.cpu[rows])


def _lasting(memory: list[_Remembered], in_turn: I64) -> Iterator[_Remembered]:
    """Without what is undone by the same thread's next one before it is read, by an act or by a line in turn."""
    sizes = [len(each.lines) for each in memory]
    lines, threads = (np.concatenate([getattr(each, name) for each in memory]) for name in ("lines", "threads"))
    is_read = np.repeat([each.is_read for each in memory], sizes)
    stretches = np.searchsorted(in_turn, lines)
    order = np.lexsort((lines, threads))
    first, then = order[:-1], order[1:]
    undone = ~is_read[first] & ~is_read[then] & (threads[first] == threads[then])
    undone &= stretches[first] == stretches[then]
    lasts = np.ones(len(lines), bool)
    lasts[first[undone]] = False
    for each, kept in zip(memory, np.split(lasts, np.cumsum(sizes)[:-1]), strict=True):
        yield each if each.is_read else replace(each, lines=each.lines[kept], threads=each.threads[kept])
