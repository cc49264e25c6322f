"""The host's target going to and fro without any pressure leak."""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import pairwise
from typing import Final

import numpy as np

from ...schema import BALLOON_PAGE_BYTES
from ..balloon.columns import I64
from ..terms import CycleClass
from .found_cycles import FoundCycles, Round
from .found_oscillations import Chain, FoundOscillations
from .meter import Marks
from .moves import BY_COMPACTION, PRESSURE, EvidenceSpans, Move, Moves

OSCILLATION_TURNS: Final = 3
"""Turns of the host's target in a row that make an oscillation: one swing up and back is the host's business."""
UNDONE_PARTS: Final = 2
"""A turn undoes at least one part in so many of the move before: less is a correction."""
ROUNDING_PAGES: Final = 16
"""Guest pages to and fro that a target between two multiples of the driver's page explains."""


@dataclass(slots=True)
class _Swing:
    """Pages in one direction that no pressure moved; `changes` is how often the host had spoken before."""

    begin_ns: int
    end_ns: int
    way: int
    changes: int
    pages: int = 0
    spans: EvidenceSpans = field(default_factory=EvidenceSpans)

    def undoes(self, before: _Swing) -> bool:
        """Whether it turns the one before round and undoes enough of it."""
        return self.way == -before.way and self.pages * UNDONE_PARTS >= before.pages


class Oscillations:
    """Takes moves in order and follows the host's swings: moves in one direction, out of the balloon or into it.

    A few pages to and fro are `rounding` where pages are coarse, or where the host said nothing between the turns
    (a word of it among turns that the driver makes anyway is not their cause). Where its words were not traced, it said
    nothing where the balloon did not pause.
    A pressure leak or a teardown stands apart, and what compaction took is nobody's. Swings of which each undoes enough
    of the one before make a chain, however long they pause; one of at least three turns is an oscillation, each swing
    out with the one in after it a cycle of it. What is kept of a chain are the swings of which that is not decided yet,
    and its sums.
    """

    def __init__(self, idle_gap_ns: int, page_size_bytes: int, *, changes_traced: bool) -> None:
        """`changes_traced`: whether the host's config changes were; else pauses beyond `idle_gap_ns` tell its word."""
        self._idle_gap_ns = idle_gap_ns
        self._coarse = page_size_bytes > BALLOON_PAGE_BYTES
        self._changes_traced = changes_traced
        self._changes = 0
        self._going_on = False
        self._last: _Swing | None = None
        self._undecided: list[_Swing] = []
        self._chain: Chain | None = None
        self._rounding = False
        self._rounds: list[Round] = []
        self._chains: list[Chain] = []
        self.found = FoundCycles()
        self.oscillations = FoundOscillations()

    def take(self, moves: Moves) -> None:
        """Take the next moves, and the config changes among them."""
        for move in moves:
            if move.teardown:
                self._going_on = False
            elif not move.way or move.cause == BY_COMPACTION:
                continue
            elif move.cause in PRESSURE:
                self._end_last()
                self._break()
            else:
                self._take(moves, move)
        self._changes += len(moves.changes_ns)

    def edges_ns(self) -> I64:
        """The times whose sums `settle` wants, now or later."""
        swings = self._undecided if self._last is None else [*self._undecided, self._last]
        edges = [time_ns for swing in swings for time_ns in (swing.begin_ns, swing.end_ns)]
        edges += [time_ns for one in self._rounds for time_ns in (one.turn_ns, one.end_ns)]
        chains = self._chains if self._chain is None else [*self._chains, self._chain]
        edges += [time_ns for chain in chains for time_ns in (chain.begin_ns, chain.end_ns)]
        return np.asarray(edges, np.int64)

    def begins_ns(self) -> list[int]:
        """When the swings began of which cycles may still come."""
        return [swing.begin_ns for swing in (*self._undecided, self._last) if swing is not None]

    def settle(self, marks: Marks) -> None:
        """Take the sums at the edges."""
        self.found.add(self._rounds, marks)
        self.oscillations.add(self._chains, marks)
        self._rounds, self._chains = [], []

    def finish(self, marks: Marks) -> None:
        """Nothing more will be taken."""
        self._end_last()
        self._break()
        self.settle(marks)

    def _take(self, moves: Moves, move: Move) -> None:
        last = self._last
        if not self._going_on or last is None or last.way != move.way:
            self._end_last()
            begin_ns, changes = moves.begin_ns[move.first], self._changes + move.changes
            self._last = last = _Swing(begin_ns, moves.end_ns[move.first], move.way, changes)
            self._going_on = True
        last.end_ns = max(last.end_ns, moves.end_ns[move.last - 1])
        last.pages += abs(move.pages)
        last.spans.add(moves.span[move.first : move.last])

    def _end_last(self) -> None:
        """The newest swing is over, so that it is known how much of the one before it undoes."""
        swing, self._last = self._last, None
        if swing is None:
            return
        if self._undecided and not swing.undoes(self._undecided[-1]):
            self._break()
        self._undecided.append(swing)
        if self._chain is not None or len(self._undecided) > OSCILLATION_TURNS:
            self._decide()

    def _decide(self) -> None:
        """The swings of which that was open belong to an oscillation; the last one may begin a cycle."""
        if self._chain is None:
            first = self._undecided[0]
            self._chain = Chain(first.begin_ns)
            self._chain.add(first.begin_ns, first.end_ns, first.pages, first.spans.ids())
        for before, swing in pairwise(self._undecided):
            self._chain.add(swing.begin_ns, swing.end_ns, swing.pages, swing.spans.ids())
            if before.way < 0 < swing.way:
                one = self._round(before, swing)
                self._rounds.append(one)
                self._chain.add_cycle(one)
        del self._undecided[:-1]

    def _break(self) -> None:
        if self._chain is not None:
            self._chains.append(self._chain)
        self._chain, self._undecided, self._rounding = None, [], False

    def _round(self, out: _Swing, back: _Swing) -> Round:
        few = max(out.pages, back.pages) <= ROUNDING_PAGES
        self._rounding = rounding = few and (self._coarse or self._by_itself(out, back) or self._rounding)
        spans = EvidenceSpans(out.spans.ids())
        spans.add(back.spans.ids())
        return Round(
            out.begin_ns,
            out.begin_ns,
            back.end_ns,
            out.pages,
            min(out.pages, back.pages),
            CycleClass.ROUNDING if rounding else CycleClass.HOST_OSCILLATION,
            spans.ids(),
        )

    def _by_itself(self, out: _Swing, back: _Swing) -> bool:
        if self._changes_traced:
            return back.changes == out.changes
        return back.begin_ns - out.end_ns <= self._idle_gap_ns
