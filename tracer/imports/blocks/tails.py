"""Lines of one event name whose text is read as a whole: each different one is read once."""

from __future__ import annotations

from collections.abc import Callable
from typing import Generic, TypeVar

import numpy as np

from .scan import Scan
from .text import I64, Bools
from .vocabulary import UNKNOWN, Vocabulary

T = TypeVar("T")


class Tails(Generic[T]):
    """What stands between the event's name and the end of the line, numbered; `values` is what it says."""

    def __init__(self, read: Callable[[str, int], T | None]) -> None:
        """`read` takes a text, and where in it to begin."""
        self.values: list[T | None] = []
        self._read = read
        self._vocabulary = Vocabulary()

    def numbers(self, scan: Scan, rows: I64) -> tuple[I64, I64]:
        """Those of the rows whose text has a number, and their numbers."""
        block = scan.block
        starts = block.words[scan.heads.after_name[rows]]
        numbers = self._vocabulary.numbers(block, starts, block.ends[scan.heads.lines[rows]] - starts)
        texts = self._vocabulary.texts
        self.values += [self._read(text.decode(), 0) for text in texts[len(self.values) :]]
        known = np.flatnonzero(numbers != UNKNOWN)
        return rows[known], numbers[known]

    def said(self) -> Bools:
        """Of which numbers the text says anything."""
        return np.array([value is not None for value in self.values], bool)
