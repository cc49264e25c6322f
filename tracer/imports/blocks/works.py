"""Starts and ends of work: their texts are read at once, whose work it is shows in turn."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from ..rules import WorkRule
from .records import Taken

WorkTexts = tuple[str, str | None]
"""The work, and its function where the text has it."""


class Works:
    """A block's lines of one event."""

    def __init__(self, rule: WorkRule, refused: Callable[[], None]) -> None:
        self._rule = rule
        self._refused = refused
        self._rows: list[int] = []
        self._texts: list[tuple[str, str]] = []

    def act(self, thread: int, line: tuple[int, WorkTexts | None]) -> None:
        """The next one: the row of its head, and what it says."""
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
        return Taken(layout.kind, np.array(self._rows, np.int64), layout.columns(self._texts))
