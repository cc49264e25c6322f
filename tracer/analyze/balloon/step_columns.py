"""Many steps as columns: what adds up over them needs no look at each."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import Final, Self

import numpy as np
import numpy.typing as npt

from ..terms import Cause, Quality
from .steps import Step

I64 = npt.NDArray[np.int64]

CAUSES: Final = (None, *Cause)
"""What a step's `cause` can be, by its number in columns; None, an inflation, is 0."""
QUALITIES: Final = tuple(Quality)
# By identity: an enumeration's own hash is a call of a Python function.
_CAUSE_NUMBER: Final = {id(cause): number for number, cause in enumerate(CAUSES)}
_QUALITY_NUMBER: Final = {id(quality): number for number, quality in enumerate(QUALITIES)}


@dataclass(frozen=True)
class StepColumns:
    """Fields of steps, each of shape (steps,): times in ns, guest pages; numbers in CAUSES and QUALITIES."""

    begin_ns: I64
    end_ns: I64
    pages: I64
    cause: I64
    rung: I64
    quality: I64
    priority: I64
    teardown: I64

    @classmethod
    def of(cls, steps: Sequence[Step]) -> Self:
        """These steps', in their order."""
        if not steps:
            return cls(*(np.empty(0, np.int64) for _ in fields(cls)))
        begin_ns, end_ns, pages, cause, _, rung, quality, priority, teardown = zip(*steps, strict=True)
        numbers = [_CAUSE_NUMBER[id(one)] for one in cause], [_QUALITY_NUMBER[id(one)] for one in quality]
        columns = (begin_ns, end_ns, pages, numbers[0], rung, numbers[1], priority, teardown)
        return cls(*(np.asarray(column, np.int64) for column in columns))

    def take(self, rows: I64 | npt.NDArray[np.bool_]) -> StepColumns:
        """Only these."""
        return StepColumns(*(getattr(self, column.name)[rows] for column in fields(self)))

    def stretches(self) -> list[int]:
        """Where steps that are alike begin, and the end: alike are neighbours of one cause, in one direction."""
        alike = (self.cause * 2 + self.teardown) * 3 + np.sign(self.pages)
        turns = (np.flatnonzero(alike[1:] != alike[:-1]) + 1).tolist()
        return [0, *turns, len(alike)] if len(alike) else []
