"""Pages that left the balloon and came back: for nothing."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Final

from ..schema import BALLOON_PAGE_BYTES
from .model import Cause, Cycle, CycleClass, Storm
from .runs import Run
from .steps import Step, evidence

STORM_CYCLES: Final = 3
"""Cycles of one class in a row that make a storm."""
OSCILLATION_TURNS: Final = 3
"""Turns of the host's target in a row that make an oscillation."""
ROUNDING_PAGES: Final = 16
"""Guest pages to and fro that a target between two multiples of the guest's page explains."""

_PRESSURE: Final = (Cause.SHRINKER, Cause.OOM_NOTIFIER)


@dataclass(frozen=True)
class Cost:
    """What went on in a stretch of time; `refault_pages` is None without samples."""

    worker_ns: int
    reclaim_ns: int
    stall_ns: int
    refault_pages: int | None


@dataclass(frozen=True)
class Circumstances:
    """What besides steps decides about cycles. `works` in order of begin; `config_changes` None where not traced."""

    works: Sequence[Run]
    config_changes: Sequence[int] | None
    horizon_ns: int
    idle_gap_ns: int
    page_size_bytes: int
    origin_ns: int
    cost_of: Callable[[list[int], list[int]], Sequence[Cost]]


@dataclass
class _Burst:
    """A leak burst and what came back of it. `turn_ns`: its last leak before pages first came back, or where the host
    brought them back, when it did."""

    begin_ns: int
    turn_ns: int
    end_ns: int
    cause: Cause
    leaked: int = 0
    regained: int = 0
    class_: CycleClass | None = None
    steps: list[Step] = field(default_factory=list)


@dataclass
class _Pool:
    """Pages leaked under pressure that may still come back."""

    horizon_ns: int
    parts: deque[list[int]] = field(default_factory=deque)

    def put(self, time_ns: int, pages: int, burst: int) -> None:
        self.parts.append([time_ns, pages, burst])

    def take(self, time_ns: int, pages: int) -> dict[int, int]:
        """Pages taken from each burst, the newest first; those out for longer than the horizon stay out."""
        while self.parts and time_ns - self.parts[0][0] > self.horizon_ns:
            self.parts.popleft()
        taken: dict[int, int] = {}
        while pages and self.parts:
            part = self.parts[-1]
            share = min(pages, part[1])
            pages -= share
            part[1] -= share
            taken[part[2]] = taken.get(part[2], 0) + share
            if not part[1]:
                self.parts.pop()
        return taken


def find_cycles(steps: Sequence[Step], around: Circumstances) -> list[Cycle]:
    """Cycles driven by pressure and oscillations of the host's target, in order of their start."""
    bursts = _pressure_bursts(steps, around)
    bursts += _oscillation(steps, around)
    bursts.sort(key=lambda burst: (burst.turn_ns, burst.end_ns))
    costs = around.cost_of([burst.turn_ns for burst in bursts], [burst.end_ns for burst in bursts])
    return [
        Cycle(
            id=number,
            cycle_class=burst.class_ or CycleClass.HOST_OSCILLATION,
            start_s=(burst.turn_ns - around.origin_ns) / 1e9,
            end_s=(burst.end_ns - around.origin_ns) / 1e9,
            leak_start_s=(burst.begin_ns - around.origin_ns) / 1e9,
            leaked_pages=burst.leaked,
            reinflated_pages=burst.regained,
            wasted_pages=2 * min(burst.leaked, burst.regained),
            worker_s=cost.worker_ns / 1e9,
            reclaim_s=cost.reclaim_ns / 1e9,
            stall_s=cost.stall_ns / 1e9,
            refault_pages=cost.refault_pages,
            spans=evidence(burst.steps),
        )
        for number, (burst, cost) in enumerate(zip(bursts, costs, strict=True), 1)
    ]


def _pressure_bursts(steps: Sequence[Step], around: Circumstances) -> list[_Burst]:
    """Leak bursts of which something came back. Once the host takes pages out too, those that leaked before are where
    it wants them, and so they are when the driver gives up all its pages."""
    pool = _Pool(around.horizon_ns)
    bursts: list[_Burst] = []
    leaking = False
    for step in steps:
        if step.cause is Cause.HOST:
            pool.parts.clear()
        elif step.cause in _PRESSURE:
            if not leaking or bursts[-1].cause is not step.cause:
                bursts.append(_Burst(step.begin_ns, step.begin_ns, step.end_ns, step.cause))
            leaking = True
            bursts[-1].leaked -= step.pages
            bursts[-1].steps.append(step)
            bursts[-1].turn_ns = step.begin_ns
            bursts[-1].end_ns = max(bursts[-1].end_ns, step.end_ns)
            pool.put(step.end_ns, -step.pages, len(bursts) - 1)
        elif step.pages > 0:
            leaking = False
            for number, pages in pool.take(step.end_ns, step.pages).items():
                _regain(bursts[number], step, pages, around, newest=number == len(bursts) - 1)
    return [burst for burst in bursts if burst.regained]


def _regain(burst: _Burst, step: Step, pages: int, around: Circumstances, *, newest: bool) -> None:
    """Pages of an older burst that come back behind a newer one's are wasted too, but no longer the cycle's time."""
    if burst.class_ is None:
        burst.class_ = _class_of(burst, step, around)
        if burst.class_ is CycleClass.HOST_REINFLATE:
            burst.turn_ns = _host_turned_ns(burst, step, around)
        burst.end_ns = max(burst.end_ns, step.end_ns)
    burst.regained += pages
    burst.steps.append(step)
    if newest:
        burst.end_ns = max(burst.end_ns, step.end_ns)


def _class_of(burst: _Burst, step: Step, around: Circumstances) -> CycleClass:
    """What brought the pages back: an inflation that went on had its target all along, a new one is the host's."""
    if burst.cause is Cause.SHRINKER:
        return CycleClass.SHRINKER_REINFLATE
    by_host = _host_spoke if around.config_changes is not None else _worker_paused
    return CycleClass.HOST_REINFLATE if by_host(burst, step, around) else CycleClass.NOTIFIER_REINFLATE


def _host_turned_ns(burst: _Burst, step: Step, around: Circumstances) -> int:
    """When the host had its way: its last config change before the inflation, or the inflation itself."""
    changes = around.config_changes or ()
    index = bisect_right(changes, step.end_ns) - 1
    return changes[index] if index >= 0 and changes[index] >= burst.turn_ns else step.begin_ns


def _host_spoke(burst: _Burst, step: Step, around: Circumstances) -> bool:
    changes = around.config_changes or ()
    return bisect_left(changes, burst.turn_ns) < bisect_right(changes, step.end_ns)


def _worker_paused(burst: _Burst, step: Step, around: Circumstances) -> bool:
    """Whether the worker was idle between leak and inflation: it re-queues itself only while a target is unreached."""
    if not around.works:
        return True
    reach = burst.turn_ns
    first = bisect_left(around.works, burst.turn_ns - around.horizon_ns, key=lambda run: run.begin_ns)
    for run in around.works[first:]:
        if run.begin_ns > step.begin_ns:
            break
        if run.begin_ns > reach + around.idle_gap_ns:
            return True
        reach = max(reach, run.end_ns)
    return False


def _oscillation(steps: Sequence[Step], around: Circumstances) -> list[_Burst]:
    """The host's target going to and fro without any pressure leak: at least three turns, each soon after the last."""
    bursts: list[_Burst] = []
    chain: list[_Burst] = []
    for before, after in pairwise(_moves(steps)):
        hosts = before.cause is Cause.HOST and after.cause is Cause.HOST
        if not hosts or after.begin_ns - before.end_ns > around.horizon_ns:
            bursts += _turned(chain, around)
            chain = []
            continue
        chain = [*(chain or [before]), after]
    return bursts + _turned(chain, around)


def _moves(steps: Sequence[Step]) -> list[_Burst]:
    """Stretches in one direction: `leaked` pages down, `regained` up; a pressure leak or a teardown stands apart."""
    moves: list[_Burst] = []
    last: _Burst | None = None
    for step in steps:
        if step.teardown:
            last = None
        if not step.pages or step.teardown:
            continue
        cause = step.cause if step.cause in _PRESSURE else Cause.HOST
        down = step.pages < 0
        if last is None or last.cause is not cause or bool(last.leaked) is not down:
            moves.append(last := _Burst(step.begin_ns, step.begin_ns, step.end_ns, cause))
        last.end_ns = max(last.end_ns, step.end_ns)
        last.steps.append(step)
        if down:
            last.leaked -= step.pages
        else:
            last.regained += step.pages
    return moves


def _turned(chain: Sequence[_Burst], around: Circumstances) -> list[_Burst]:
    if len(chain) <= OSCILLATION_TURNS:
        return []
    coarse = around.page_size_bytes > BALLOON_PAGE_BYTES
    return [
        _Burst(
            begin_ns=down.begin_ns,
            turn_ns=down.begin_ns,
            end_ns=up.end_ns,
            cause=Cause.HOST,
            leaked=down.leaked,
            regained=min(down.leaked, up.regained),
            steps=[*down.steps, *up.steps],
            class_=CycleClass.ROUNDING
            if coarse and max(down.leaked, up.regained) <= ROUNDING_PAGES
            else CycleClass.HOST_OSCILLATION,
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
        end_s=max(cycle.end_s for cycle in row),
        cycles=len(row),
        wasted_pages=sum(cycle.wasted_pages for cycle in row),
    )
