"""The host's target going to and fro without any pressure leak."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Final

from ...schema import BALLOON_PAGE_BYTES
from ..balloon.steps import Step, StepSpans
from ..model import Cycle
from ..terms import Cause, CycleClass
from .cycles import PRESSURE, Burst
from .meter import Marks

OSCILLATION_TURNS: Final = 3
"""Turns of the host's target in a row that make an oscillation."""
ROUNDING_PAGES: Final = 16
"""Guest pages to and fro that a target between two multiples of the driver's page explains."""


@dataclass(slots=True)
class _Move(Burst):
    """Pages in one direction; `changes` is how often the host had spoken before."""

    changes: int = 0


class Oscillations:
    """Takes steps in order and follows the host's moves: stretches in one direction, `leaked` down, `regained` up.

    A few pages to and fro are `rounding` where pages are coarse, or where the host said nothing between the turns
    (a word of it among turns that the driver makes anyway is not their cause). Where its words were not traced, it said
    nothing where the balloon did not pause.
    A pressure leak or a teardown stands apart, and what compaction took is nobody's move. Moves that follow each other
    within the horizon make a chain; one of at least three turns is an oscillation, each move down with the one up after
    it a cycle of it. What is kept of a chain are the moves of which that is not decided yet.
    """

    def __init__(
        self, origin_ns: int, horizon_ns: int, idle_gap_ns: int, page_size_bytes: int, *, changes_traced: bool
    ) -> None:
        """`changes_traced`: whether the host's config changes were; else pauses beyond `idle_gap_ns` tell its word."""
        self._origin_ns = origin_ns
        self._horizon_ns = horizon_ns
        self._idle_gap_ns = idle_gap_ns
        self._coarse = page_size_bytes > BALLOON_PAGE_BYTES
        self._changes_traced = changes_traced
        self._changes = 0
        self._going_on = False
        self._last: _Move | None = None
        self._chain: list[_Move] = []
        self._length = 0
        self._rounding = False
        self.found: list[Cycle] = []

    def change(self) -> None:
        """Take a config change, ahead of the steps after it."""
        self._changes += 1

    def take(self, steps: Sequence[Step], marks: Marks) -> None:
        """Take the next steps, which are alike, with the sums at their edges."""
        step = steps[0]
        if step.teardown:
            self._going_on = False
        if not step.pages or step.teardown or step.cause is Cause.COMPACTION:
            return
        cause = step.cause if step.cause in PRESSURE else Cause.HOST
        last = self._last
        if not self._going_on or last is None or last.cause is not cause or bool(last.leaked) is not (step.pages < 0):
            begin, end = marks[step.begin_ns], marks[step.end_ns]
            self._turn(last := _Move(step.begin_ns, begin, end, cause or Cause.HOST, changes=self._changes))
        last.reach(marks[steps[-1].end_ns])
        last.spans.add(steps)
        pages = sum(step.pages for step in steps)
        if pages < 0:
            last.leaked -= pages
        else:
            last.regained += pages

    def finish(self) -> list[Cycle]:
        """Every cycle of an oscillation, not numbered yet."""
        self._break()
        return self.found

    def _turn(self, move: _Move) -> None:
        """A new move begins, so the one before is over."""
        before, self._last, self._going_on = self._last, move, True
        if before is None:
            return
        hosts = before.cause is Cause.HOST and move.cause is Cause.HOST
        if not hosts or move.begin_ns - before.end.time_ns > self._horizon_ns:
            self._break()
            return
        if not self._chain:
            self._chain, self._length = [before], 1
        self._chain.append(move)
        self._length += 1
        if self._length > OSCILLATION_TURNS:
            self._pairs(self._chain[:-1])
            self._chain = self._chain[-2:]

    def _break(self) -> None:
        if self._length > OSCILLATION_TURNS:
            self._pairs(self._chain)
        self._chain, self._length, self._rounding = [], 0, False

    def _pairs(self, moves: list[_Move]) -> None:
        for down, up in pairwise(moves):
            if down.leaked and up.regained:
                self.found.append(self._cycle(down, up).cycle(self._origin_ns))

    def _cycle(self, down: _Move, up: _Move) -> Burst:
        few = max(down.leaked, up.regained) <= ROUNDING_PAGES
        self._rounding = rounding = few and (self._coarse or self._by_itself(down, up) or self._rounding)
        spans = StepSpans()
        spans.merge(down.spans)
        spans.merge(up.spans)
        return Burst(
            begin_ns=down.begin_ns,
            turn=down.turn,
            end=up.end,
            cause=Cause.HOST,
            leaked=down.leaked,
            regained=min(down.leaked, up.regained),
            spans=spans,
            class_=CycleClass.ROUNDING if rounding else CycleClass.HOST_OSCILLATION,
        )

    def _by_itself(self, down: _Move, up: _Move) -> bool:
        if self._changes_traced:
            return up.changes == down.changes
        return up.begin_ns - down.end.time_ns <= self._idle_gap_ns
