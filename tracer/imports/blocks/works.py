"""Starts and ends of work: whose work it is says their text, or the thread's start before them, which shows in turn."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final

import numpy as np

from ..rules import WorkRule
from .records import Taken
from .text import I64, Bools
from .turns import Turns

WorkTexts = tuple[str, str | None]
"""The work, and its function where the text has it."""
NumberedWorks = tuple[I64, I64, Sequence[WorkTexts | None]]
"""Rows of heads, the numbers of their texts, and what all texts say."""
WORKS: Final = "works"
"""The memory of the work that each thread runs."""


def told(rule: WorkRule, lines: NumberedWorks, turns: Turns) -> Bools:
    """Which of these rows tell themselves that the work is the balloon's; their threads remember it."""
    rows, numbers, values = lines
    is_told = np.zeros(len(rows), bool)
    for number in np.unique(numbers).tolist():
        texts = values[number]
        if texts is not None and texts[1] is not None and rule.is_balloons(texts[1]):
            found = numbers == number
            is_told |= found
            turns.remember(rows[found], rule.remember, texts[1], WORKS)
    return is_told


class Works:
    """A block's lines of one event."""

    def __init__(self, rule: WorkRule, refused: Callable[[], None], lines: NumberedWorks, turns: Turns) -> None:
        rows, numbers, values = lines
        self._rule = rule
        self._refused = refused
        self._values = values
        self._rows: list[int] = []
        self._texts: list[tuple[str, str]] = []
        is_told = told(rule, lines, turns)
        self._rows_told, self._numbers = rows[is_told], numbers[is_told]
        rest = np.flatnonzero(~is_told)
        waiting = zip(rows[rest].tolist(), map(values.__getitem__, numbers[rest].tolist()), strict=True)
        turns.recall(rows[rest], self._act, waiting, WORKS)

    def _act(self, thread: int, line: tuple[int, WorkTexts | None]) -> None:
        """The next one that does not tell: the row of its head, and what it says."""
        row, texts = line
        function = None if texts is None else self._rule.settle(thread, texts[1])
        if texts is None or function is None:
            self._refused()
        else:
            self._rows.append(row)
            self._texts.append((texts[0], function))

    def taken(self) -> Taken:
        """The balloon's own ones so far."""
        layout = self._rule.layout
        numbers, places = np.unique(self._numbers, return_inverse=True)
        texts = [value for value in map(self._values.__getitem__, numbers.tolist()) if value is not None]
        columns = layout.columns([(work, function or "") for work, function in texts])
        others = layout.columns(self._texts)
        rows = np.concatenate((self._rows_told, np.array(self._rows, np.int64)))
        columns = {name: np.concatenate((column[places], others[name])) for name, column in columns.items()}
        return Taken(layout.kind, rows, columns)
