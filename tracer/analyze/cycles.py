"""Pages that left the balloon and came back: for nothing."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Final

from .balloon import RUN_PAGES, Run, Step
from .model import Cause, Cycle, CycleClass, Storm

STORM_CYCLES: Final = 3
"""Cycles of one class in a row that make a storm."""
OSCILLATION_TURNS: Final = 3
"""Turns of the host's target in a row that make an oscillation."""

ROUNDING_PAGES: Final = RUN_PAGES // 16
"""Balloon pages in the largest guest page there is, 64 KiB: what rounding can move to and fro."""

_PRESSURE: Final = (Cause.SHRINKER, Cause.OOM_NOTIFIER)


@dataclass
class _Burst:
    """A leak burst and what came back of it."""

    begin_ns: int
    end_ns: int
    cause: Cause
    leaked: int = 0
    regained: int = 0
    class_: CycleClass | None = None


@dataclass
class _Pool:
    """Pages leaked under pressure that may still come back."""

    horizon_ns: int
    parts: deque[list[int]] = field(default_factory=deque)

    def put(self, time_ns: int, pages: int, burst: int) -> None:
        self.parts.append([time_ns, pages, burst])

    def take(self, time_ns: int, pages: int) -> dict[int, int]:
        """Pages taken from each burst, the oldest first, those out for longer than the horizon left behind."""
        while self.parts and time_ns - self.parts[0][0] > self.horizon_ns:
            self.parts.popleft()
        taken: dict[int, int] = {}
        while pages and self.parts:
            part = self.parts[0]
            share = min(pages, part[1])
            pages -= share
            part[1] -= share
            taken[part[2]] = taken.get(part[2], 0) + share
            if not part[1]:
                self.parts.popleft()
        return taken


def find_cycles(
    steps: Sequence[Step], works: Sequence[Run], *, horizon_ns: int, idle_gap_ns: int, origin_ns: int
) -> list[Cycle]:
    """Cycles driven by pressure, and oscillations of the host's target; `works` in order of begin."""
    bursts = _pressure_bursts(steps, works, horizon_ns, idle_gap_ns)
    bursts += _oscillation(steps, horizon_ns)
    bursts.sort(key=lambda burst: (burst.begin_ns, burst.end_ns))
    cycles: list[Cycle] = []
    for burst in bursts:
        small = burst.regained <= ROUNDING_PAGES and burst.cause is Cause.HOST
        class_ = CycleClass.ROUNDING if small else burst.class_
        assert class_ is not None
        worker_ns = sum(max(0, min(run.end_ns, burst.end_ns) - max(run.begin_ns, burst.begin_ns)) for run in works)
        cycles.append(
            Cycle(
                id=len(cycles) + 1,
                cycle_class=class_,
                start_s=(burst.begin_ns - origin_ns) / 1e9,
                end_s=(burst.end_ns - origin_ns) / 1e9,
                leaked_pages=burst.leaked,
                reinflated_pages=burst.regained,
                wasted_pages=2 * min(burst.leaked, burst.regained),
                worker_s=worker_ns / 1e9,
            )
        )
    return cycles


def _pressure_bursts(steps: Sequence[Step], works: Sequence[Run], horizon_ns: int, idle_gap_ns: int) -> list[_Burst]:
    pool = _Pool(horizon_ns)
    bursts: list[_Burst] = []
    leaking = False
    for step in steps:
        if step.cause in _PRESSURE:
            if not leaking or bursts[-1].cause is not step.cause:
                bursts.append(_Burst(step.begin_ns, step.end_ns, step.cause))
            leaking = True
            bursts[-1].leaked -= step.pages
            bursts[-1].end_ns = max(bursts[-1].end_ns, step.end_ns)
            pool.put(step.end_ns, -step.pages, len(bursts) - 1)
        elif step.pages > 0:
            leaking = False
            for number, pages in pool.take(step.begin_ns, step.pages).items():
                burst = bursts[number]
                burst.regained += pages
                if burst.class_ is None:
                    burst.class_ = _class_of(burst, step, works, idle_gap_ns)
                burst.end_ns = max(burst.end_ns, step.end_ns)
    return [burst for burst in bursts if burst.regained]


def _class_of(burst: _Burst, step: Step, works: Sequence[Run], idle_gap_ns: int) -> CycleClass:
    """What brought the pages back: an inflation that never paused had its target all along, a new one is the host's."""
    if burst.cause is Cause.SHRINKER:
        return CycleClass.SHRINKER_REINFLATE
    if not works:
        return CycleClass.HOST_REINFLATE
    reach = burst.begin_ns
    for run in works:
        if run.end_ns + idle_gap_ns < burst.begin_ns or run.begin_ns > step.begin_ns:
            continue
        if run.begin_ns > reach + idle_gap_ns:
            return CycleClass.HOST_REINFLATE
        reach = max(reach, run.end_ns)
    return CycleClass.NOTIFIER_REINFLATE


def _oscillation(steps: Sequence[Step], horizon_ns: int) -> list[_Burst]:
    """The host's target going to and fro without any pressure leak: at least three turns, each soon after the last."""
    moves = _moves(steps)
    bursts: list[_Burst] = []
    chain: list[_Burst] = []
    for before, after in pairwise(moves):
        if (
            after.begin_ns - before.end_ns > horizon_ns
            or before.cause is not Cause.HOST
            or after.cause is not Cause.HOST
        ):
            bursts += _turned(chain)
            chain = []
            continue
        chain = [*(chain or [before]), after]
    return bursts + _turned(chain)


def _moves(steps: Sequence[Step]) -> list[_Burst]:
    """Stretches in one direction; `leaked` pages for down, `regained` for up; a pressure leak is a move of its own."""
    moves: list[_Burst] = []
    for step in steps:
        if not step.pages:
            continue
        cause = step.cause if step.cause in _PRESSURE else Cause.HOST
        down = step.pages < 0
        last = moves[-1] if moves else None
        if last is None or last.cause is not cause or bool(last.leaked) is not down:
            moves.append(last := _Burst(step.begin_ns, step.end_ns, cause))
        last.end_ns = max(last.end_ns, step.end_ns)
        if down:
            last.leaked -= step.pages
        else:
            last.regained += step.pages
    return moves


def _turned(chain: Sequence[_Burst]) -> list[_Burst]:
    if len(chain) <= OSCILLATION_TURNS:
        return []
    return [
        _Burst(
            down.begin_ns,
            up.end_ns,
            Cause.HOST,
            down.leaked,
            min(down.leaked, up.regained),
            CycleClass.HOST_OSCILLATION,
        )
        for down, up in pairwise(chain)
        if down.leaked and up.regained
    ]


def find_storms(cycles: Sequence[Cycle], horizon_s: float) -> list[Storm]:
    """Three and more cycles of one class in a row; sets `storm` of the cycles that belong to one."""
    storms: list[Storm] = []
    row: list[Cycle] = []
    for cycle in [*cycles, None]:
        if cycle and row and cycle.cycle_class is row[-1].cycle_class and cycle.start_s - row[-1].end_s <= horizon_s:
            row.append(cycle)
            continue
        if len(row) >= STORM_CYCLES:
            storms.append(_storm(len(storms) + 1, row))
        row = [cycle] if cycle else []
    return storms


def _storm(number: int, row: Sequence[Cycle]) -> Storm:
    for cycle in row:
        cycle.storm = number
    return Storm(
        id=number,
        cycle_class=row[0].cycle_class,
        start_s=row[0].start_s,
        end_s=row[-1].end_s,
        cycles=len(row),
        wasted_pages=sum(cycle.wasted_pages for cycle in row),
    )
