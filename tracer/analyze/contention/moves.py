"""The balloon's moves: steps that are alike and follow each other, by a cause, in one direction."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Final, NamedTuple, Self

import numpy as np

from ..balloon.columns import I64
from ..balloon.step_columns import CAUSES, NO_SPAN, StepColumns
from ..model import EVIDENCE_SPANS
from ..terms import Cause

BY_HOST: Final = CAUSES.index(Cause.HOST)
BY_COMPACTION: Final = CAUSES.index(Cause.COMPACTION)
PRESSURE: Final = (CAUSES.index(Cause.SHRINKER), CAUSES.index(Cause.OOM_NOTIFIER))


class Move(NamedTuple):
    """Steps `first` up to `last`, that one left out. `way` is the sign of their pages, `changes` how many of the config
    changes that came with these steps lie before."""

    first: int
    last: int
    cause: int
    way: int
    teardown: int
    pages: int
    changes: int


@dataclass(frozen=True)
class Moves:
    """Steps in order as lists, since each move is looked at by itself, and their moves."""

    begin_ns: list[int]
    end_ns: list[int]
    pages: list[int]
    span: list[int]
    moves: list[Move]
    changes_ns: list[int]

    @classmethod
    def of(cls, steps: StepColumns, changes_ns: I64) -> Self:
        """The moves of steps in order; a config change is ahead of the steps that end when it comes, or later."""
        edges = steps.stretches()
        first, last = edges[:-1], edges[1:]
        until = np.append(0, np.cumsum(steps.pages))
        columns = (
            first,
            last,
            steps.cause[first],
            np.sign(steps.pages[first]),
            steps.teardown[first],
            until[last] - until[first],
            np.searchsorted(changes_ns, steps.end_ns[first], side="right"),
        )
        moves = list(map(Move._make, zip(*(column.tolist() for column in columns), strict=True)))
        listed = (steps.begin_ns.tolist(), steps.end_ns.tolist(), steps.pages.tolist(), steps.span.tolist())
        return cls(*listed, moves, changes_ns.tolist())

    def __iter__(self) -> Iterator[Move]:
        return iter(self.moves)


class EvidenceSpans(dict[int, None]):
    """Ids of the spans behind steps, each once, in the steps' order, at most EVIDENCE_SPANS."""

    def add(self, spans: Iterable[int]) -> None:
        """Take the spans of later steps, NO_SPAN for those without one."""
        if len(self) >= EVIDENCE_SPANS:
            return
        self.update(dict.fromkeys(spans))
        self.pop(NO_SPAN, None)
        for over in list(self)[EVIDENCE_SPANS:]:
            del self[over]
