"""Oscillations of the host as they are found: sums of a chain of swings, however long it lasts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from math import isnan

import numpy as np

from ..terms import CycleClass
from .found_cycles import Round
from .meter import Marks
from .moves import EvidenceSpans


@dataclass(slots=True)
class Chain:
    """Swings of which each turned the one before round: their number, their pages, and what their cycles moved for
    nothing. `is_the_hosts`: one of its cycles at least is no rounding."""

    begin_ns: int
    end_ns: int = 0
    last_begin_ns: int = 0
    swings: int = 0
    pages: int = 0
    wasted_pages: int = 0
    is_the_hosts: bool = False
    spans: EvidenceSpans = field(default_factory=EvidenceSpans)

    def add(self, begin_ns: int, end_ns: int, pages: int, spans: Sequence[int]) -> None:
        """Take the next swing."""
        self.last_begin_ns, self.end_ns = begin_ns, max(self.end_ns, end_ns)
        self.swings += 1
        self.pages += pages
        self.spans.add(spans)

    def add_cycle(self, one: Round) -> None:
        """Take a cycle of the swings."""
        self.wasted_pages += 2 * min(one.leaked, one.regained)
        self.is_the_hosts |= one.class_ is CycleClass.HOST_OSCILLATION


@dataclass(frozen=True)
class Oscillation:
    """Turns in a row, each undoing enough of the move before, in seconds since the recording's start and guest pages.

    `period_s` is there and back, `amplitude_pages` a swing's mean, `turns` one fewer than swings. The costs are of the
    whole stretch: `stall_s` is what tasks waited in direct reclaim, added up, None where only readings tell of the
    swings; `refault_pages` None where not sampled. `source` is the readings' name, empty where the balloon's own steps
    tell.
    """

    start_s: float
    end_s: float
    turns: int
    period_s: float
    amplitude_pages: float
    wasted_pages: int | None = None
    worker_s: float | None = None
    stall_s: float | None = None
    refault_pages: float | None = None
    spans: tuple[int, ...] = ()
    source: str = ""


@dataclass
class FoundOscillations:
    """All oscillations so far, by nanoseconds until they are asked for."""

    _found: list[tuple[Chain, int, int, float | None]] = field(default_factory=list)

    def add(self, chains: Sequence[Chain], marks: Marks) -> None:
        """Take chains that are over, whose begins and ends are among the marks."""
        for chain in chains:
            if not chain.is_the_hosts:
                continue
            since, until = marks.at(np.asarray((chain.begin_ns, chain.end_ns))).tolist()
            worker_ns, _, waited_ns = (marks.sums[until, :3] - marks.sums[since, :3]).tolist()
            refaults = float(marks.refaults[until] - marks.refaults[since])
            self._found.append((chain, worker_ns, waited_ns, None if isnan(refaults) else max(refaults, 0.0)))

    def found(self, origin_ns: int) -> list[Oscillation]:
        """All in order of their start."""
        rows = sorted(self._found, key=lambda row: row[0].begin_ns)
        return [_oscillation(*row, origin_ns) for row in rows]


def _oscillation(chain: Chain, worker_ns: int, waited_ns: int, refaults: float | None, origin_ns: int) -> Oscillation:
    turns = chain.swings - 1
    return Oscillation(
        start_s=(chain.begin_ns - origin_ns) / 1e9,
        end_s=(chain.end_ns - origin_ns) / 1e9,
        turns=turns,
        period_s=2 * (chain.last_begin_ns - chain.begin_ns) / turns / 1e9,
        amplitude_pages=chain.pages / chain.swings,
        wasted_pages=chain.wasted_pages,
        worker_s=worker_ns / 1e9,
        stall_s=waited_ns / 1e9,
        refault_pages=refaults,
        spans=tuple(chain.spans.ids()),
    )
