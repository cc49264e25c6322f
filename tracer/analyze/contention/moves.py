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
_MANY: Final = 4
"""So many times EVIDENCE_SPANS are worth looking at for those told twice."""
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
    """Steps in order as lists, since each move is looked at by itself, and their moves.

    `came` is how many pages more were in the balloon before each step than before the first, and behind the last;
    `left` is how many fewer.
    """

    begin_ns: list[int]
    end_ns: list[int]
    span: list[int]
    came: list[int]
    left: list[int]
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
        listed = (steps.begin_ns.tolist(), steps.end_ns.tolist(), steps.span.tolist())
        return cls(*listed, until.tolist(), (-until).tolist(), moves, changes_ns.tolist())

    def __iter__(self) -> Iterator[Move]:
        return iter(self.moves)


class EvidenceSpans:
    """Ids of the spans behind steps, each once, in the steps' order, at most EVIDENCE_SPANS."""

    __slots__ = ("_is_full", "_spans")

    def __init__(self, spans: Iterable[int] = ()) -> None:
        self._spans = list(spans)
        self._is_full = False

    def add(self, spans: Iterable[int]) -> None:
        """Take the spans of later steps, NO_SPAN for those without one."""
        if not self._is_full:
            self._spans += spans
            if len(self._spans) > _MANY * EVIDENCE_SPANS:
                self._is_full = len(self.ids()) == EVIDENCE_SPANS

    def ids(self) -> list[int]:
        """The ids."""
        distinct = dict.fromkeys(self._spans)
        distinct.pop(NO_SPAN, None)
        self._spans = list(distinct)[:EVIDENCE_SPANS]
        return self._spans
