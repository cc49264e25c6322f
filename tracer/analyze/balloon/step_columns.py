"""Many steps as columns: what is made of them needs no look at each."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Self

import numpy as np

from ..terms import Cause, Quality
from .columns import I64, Columns
from .runs import Runs
from .steps import PUFF_NS, Step

CAUSES: Final = (None, *Cause)
"""What a step's `cause` can be, by its number in columns; None, an inflation, is 0."""
QUALITIES: Final = tuple(Quality)
NO_SPAN: Final = -1
"""The `span` of a step without one."""


@dataclass(frozen=True)
class StepColumns(Columns):
    """Fields of steps: times in ns, guest pages; `cause` and `quality` are numbers in CAUSES and QUALITIES."""

    begin_ns: I64
    end_ns: I64
    pages: I64
    cause: I64
    span: I64
    rung: I64
    quality: I64
    priority: I64
    teardown: I64

    @classmethod
    def of_steps(cls, steps: Sequence[Step]) -> Self:
        """These, in their order."""
        return cls.of(
            [
                (
                    step.begin_ns,
                    step.end_ns,
                    step.pages,
                    CAUSES.index(step.cause),
                    NO_SPAN if step.span is None else step.span,
                    step.rung,
                    QUALITIES.index(step.quality),
                    step.priority,
                    step.teardown,
                )
                for step in steps
            ]
        )

    @classmethod
    def inflating(cls, runs: Runs, pages: int) -> Self:
        """A step of each run, inferred, with so many pages each."""

        def each(number: int) -> I64:
            return np.full(len(runs), number)

        inferred = QUALITIES.index(Quality.INFERRED)
        columns = (runs.begin_ns, runs.end_ns, each(pages), each(0), runs.id, each(-1), each(inferred), each(-1))
        return cls(*columns, teardown=each(0))

    def in_order(self) -> StepColumns:
        """By their end, then by what tells apart those that end together."""
        return self.take(np.lexsort((self.span, self.pages, self.begin_ns, self.end_ns)))

    def stretches(self) -> I64:
        """Where steps that are alike begin, and the end: alike are neighbours of one cause, in one direction."""
        alike = (self.cause * 2 + self.teardown) * 3 + np.sign(self.pages)
        inner = np.flatnonzero(alike[1:] != alike[:-1]) + 1
        return np.concatenate(([0], inner, [len(alike)])) if len(alike) else np.zeros(1, np.int64)


def puff_steps(works: Runs, moved: I64) -> StepColumns:
    """Long runs that got nothing: the driver wanted pages and could not allocate any. `moved`: runs that got some."""
    long = works.long(PUFF_NS)
    return StepColumns.inflating(long.take(~long.among(moved)), 0)
