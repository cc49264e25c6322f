"""The numbers that are compared: what each comes to in a recording, and in its windows."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum
from typing import Final

import numpy as np
import numpy.typing as npt

from ..analyze.balloon.size import sampled_size
from ..analyze.model import TierRow
from ..analyze.terms import Cause, Quality, Tier
from ..gates.conditions import Unit
from ..gates.measures import REFAULTS, number_of, unjudged_why
from .arms import Run
from .windows import in_bytes, of_counters, of_curves, of_moments, of_size

Floats = npt.NDArray[np.float64]

ALLOCATED: Final = tuple(f"vmstat.pgalloc_{zone}" for zone in ("dma", "dma32", "normal", "high", "movable", "device"))
"""Pages that the kernel handed out, by zone: what the workload moved."""
_UNDER_PRESSURE: Final = (Cause.SHRINKER, Cause.OOM_NOTIFIER)


class Family(Enum):
    """Costs decide whether a difference can be told; the others show where it comes from."""

    COST = "cost"
    SOURCE = "source"


@dataclass(frozen=True)
class Amount:
    """What an aspect comes to in a recording, in its unit (of a level: the unit times seconds), and in each window.

    `windows` is None where nothing tells how it is spread, or the total is 0; `total` None where it could not be had,
    with `why`.
    """

    total: float | None
    windows: Floats | None = None
    quality: Quality = Quality.MEASURED
    why: str = ""


@dataclass(frozen=True)
class Aspect:
    """One number. `less` says in a sentence that there is less of it, `more` that there is more; `level` where it is
    held rather than adding up. `cost_s` is what one of its units costs, in seconds, which ranks differences."""

    name: str
    title: str
    unit: Unit
    family: Family
    amount: Callable[[Run], Amount]
    less: str
    more: str
    cost_s: float = 0.0
    level: bool = False


def allocated(run: Run) -> Amount:
    """Bytes that the kernel allocated: what rates by work are counted by."""
    pages = of_counters(run, ALLOCATED)
    if pages is None:
        return Amount(None, why="allocations (pgalloc_*) were not sampled")
    return Amount(float(pages.sum() * run.page_bytes), pages * run.page_bytes)


def tier_pages(run: Run, tier: Tier) -> int | None:
    """Pages that a tier took off the LRU lists and out of the balloon; None where nothing counts them."""
    row = next((row for row in run.analysis.tiers if row.tier is tier), None)
    return 0 if row is None else _supplied(row)


def _supplied(row: TierRow) -> int | None:
    if row.off_lru_pages is None:
        return row.balloon_pages or None
    return row.off_lru_pages + (row.balloon_pages or 0)


def _measured(name: str, windows: Callable[[Run], Floats | None]) -> Callable[[Run], Amount]:
    """A gate's number, so that both are the same."""

    def amount(run: Run) -> Amount:
        number = number_of(name, run.analysis, run.facts)
        if number.value is None:
            return Amount(None, quality=number.quality, why=number.why)
        return Amount(number.value, _adding_up_to(windows(run), number.value), number.quality)

    return amount


def _adding_up_to(windows: Floats | None, total: float) -> Floats | None:
    """Windows with the total that is told elsewhere; None where they have nothing of it."""
    seen = 0.0 if windows is None else float(windows.sum())
    return windows * (total / seen) if windows is not None and seen > 0 else None


def _cycle_windows(of_each: bool) -> Callable[[Run], Floats]:
    def windows(run: Run) -> Floats:
        cycles = run.analysis.cycles
        amount = np.array([1.0 if of_each else cycle.wasted_pages * run.page_bytes for cycle in cycles], np.float64)
        return of_moments(run, np.array([cycle.end_s for cycle in cycles], np.float64), amount)

    return windows


def _refault_windows(run: Run) -> Floats | None:
    name = next((name for name in REFAULTS if name in run.analysis.samples), None)
    pages = None if name is None else of_counters(run, (name,))
    return None if pages is None else pages * run.page_bytes


def _stall_windows(run: Run) -> Floats | None:
    name = "direct.stall_s"
    return of_curves(run, (name,)) if name in run.analysis.timeline.series else None


def _kill_windows(run: Run) -> Floats:
    return of_curves(run, ("oom.kills",))


def _conflict(run: Run) -> Amount:
    """Seconds of overlap, each actor's."""
    conflicts = run.analysis.conflicts
    why = unjudged_why("conflict", run.analysis)
    if why and not conflicts:
        return Amount(None, why=why)
    overlap = np.array([sum(each.overlap_s.values()) for each in conflicts], np.float64)
    windows = of_moments(run, np.array([each.end_s for each in conflicts], np.float64), overlap)
    return Amount(float(overlap.sum()), windows)


def _held(run: Run) -> Amount:
    size = sampled_size(run.analysis, run.page_bytes)
    if size is not None:
        windows = in_bytes(of_size(run, size))
        return Amount(float(windows.sum()), windows)
    if run.facts.metadata.balloon.driver is None and run.facts.metadata.plan:
        return Amount(0.0)
    return Amount(None, why="the balloon's size was not recorded")


def _tier(tier: Tier) -> Callable[[Run], Amount]:
    names = [f"{tier.label}.{source}_pages" for source in ("file", "anon", "lru")]

    def amount(run: Run) -> Amount:
        pages = tier_pages(run, tier)
        if pages is None:
            return Amount(None, why=f"what {tier.label} reclaim freed was not counted")
        row = next((row for row in run.analysis.tiers if row.tier is tier), None)
        quality = Quality.MEASURED if row is None else row.quality
        total = float(pages * run.page_bytes)
        return Amount(total, _adding_up_to(of_curves(run, names) * run.page_bytes, total), quality)

    return amount


def _leaked(run: Run) -> Amount:
    balloon = run.analysis.balloon
    pages = [balloon.leaked_pages.get(cause) for cause in _UNDER_PRESSURE]
    known = [each for each in pages if each is not None]
    if not known:
        return Amount(None, why="pages that left the balloon were not counted")
    total = float(sum(known) * run.page_bytes)
    names = [f"balloon.leaked_pages.{cause}" for cause in _UNDER_PRESSURE]
    return Amount(total, _adding_up_to(of_curves(run, names) * run.page_bytes, total), balloon.quality)


def _kswapd(run: Run) -> Amount:
    row = next((row for row in run.analysis.tiers if row.tier is Tier.BACKGROUND), None)
    if row is None:
        return Amount(0.0, of_curves(run, ()))
    if row.busy_s is None:
        return Amount(None, why="kswapd's time was not traced")
    return Amount(row.busy_s, _adding_up_to(of_curves(run, ("background.busy_s",)), row.busy_s), row.quality)


_BYTE_S: Final = 1 / (512 << 20)
"""As findings cost: 512 MiB moved or read again as a second of waiting (`COST_BYTES_S` of findings/kind.py)."""
_KILL_S: Final = 1e6
"""A kill comes before all else."""

ASPECTS: Final = (
    Aspect(
        "kills", "OOM kills", Unit.COUNT, Family.COST, _measured("kills", _kill_windows),
        "fewer OOM kills", "more OOM kills", _KILL_S,
    ),
    Aspect(
        "stall", "waited for memory", Unit.SECONDS, Family.COST, _measured("stall", _stall_windows),
        "less waiting for memory", "more waiting for memory", 1.0,
    ),
    Aspect(
        "refault", "page cache read again", Unit.BYTES, Family.COST, _measured("refault", _refault_windows),
        "less page cache read again", "more page cache read again", _BYTE_S,
    ),
    Aspect(
        "waste", "moved for nothing", Unit.BYTES, Family.COST, _measured("waste", _cycle_windows(of_each=False)),
        "less moved for nothing", "more moved for nothing", _BYTE_S,
    ),
    Aspect(
        "held", "held by the balloon", Unit.BYTES, Family.COST, _held,
        "less given to the host", "more given to the host", level=True,
    ),
    Aspect(
        "cycles", "cycles", Unit.COUNT, Family.SOURCE, _measured("cycles", _cycle_windows(of_each=True)),
        "fewer cycles", "more cycles",
    ),
    Aspect(
        "overlap", "inflating while reclaiming", Unit.SECONDS, Family.SOURCE, _conflict,
        "less inflating while reclaiming", "more inflating while reclaiming",
    ),
    Aspect(
        "leaked", "left the balloon under pressure", Unit.BYTES, Family.SOURCE, _leaked,
        "less out of the balloon under pressure", "more out of the balloon under pressure",
    ),
    Aspect(
        "background", "background reclaim", Unit.BYTES, Family.SOURCE, _tier(Tier.BACKGROUND),
        "less background reclaim", "more background reclaim",
    ),
    Aspect(
        "direct", "direct reclaim", Unit.BYTES, Family.SOURCE, _tier(Tier.DIRECT),
        "less direct reclaim", "more direct reclaim",
    ),
    Aspect(
        "proactive", "proactive reclaim", Unit.BYTES, Family.SOURCE, _tier(Tier.PROACTIVE),
        "less proactive reclaim", "more proactive reclaim",
    ),
    Aspect(
        "kswapd", "kswapd at work", Unit.SECONDS, Family.SOURCE, _kswapd,
        "less work of kswapd", "more work of kswapd",
    ),
)  # fmt: skip
ASPECT_BY_NAME: Final = {aspect.name: aspect for aspect in ASPECTS}
