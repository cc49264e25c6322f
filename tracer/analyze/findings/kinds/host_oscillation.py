"""A host that turns its target, or the balloon, to and fro: at whatever period."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Final

from ...model import Finding
from ...terms import Quality, Severity
from ..kind import Explanation, Kind, Need, cost_of, found
from ..needs import BALLOON_PAGES, BALLOON_SIZE, HOSTS_VIEW

if TYPE_CHECKING:
    from ...contention.found_oscillations import Oscillation
    from ..evidence import Evidence

AMPLITUDE_LEAST_BYTES: Final = 1 << 20
"""Smaller swings are told, but they are less than one run of the driver's worker moves and no reason to act."""
CRITICAL_WAITING: Final = 0.2
"""Share of the time in which tasks waited, added up, from which the swings hold up the guest's work."""
WAITING_TOLD_S: Final = 0.05
"""Less waiting a swing rounds to none."""
_LONG_S: Final = 120.0
"""Times from here on are told in minutes."""
_OF_SOURCE: Final = {"host.target_bytes": "the balloon's target", "": "the balloon"}
"""What went to and fro by the readings that tell it; all others are the balloon's size."""

_NEED: Final = Need(
    "neither the balloon's size nor its target was recorded",
    lambda evidence: any(need.is_met(evidence) for need in (BALLOON_PAGES, BALLOON_SIZE, HOSTS_VIEW)),
)


def _oscillations(evidence: Evidence) -> Iterator[Finding]:
    for one in evidence.oscillations:
        is_open = evidence.lasts(one.end_s, one.period_s)
        amplitude_bytes = one.amplitude_pages * evidence.metadata.page_size_bytes
        what = _OF_SOURCE.get(one.source, "the balloon's size")
        text = (
            f"The host reversed {what} {one.turns:,} times in a row{' so far' * is_open} over "
            f"{_time(one.end_s - one.start_s)}: {evidence.mib(one.amplitude_pages)} back and forth with a period of "
            f"{_time(one.period_s)}.{_cost(evidence, one)}"
        )
        again = None if one.wasted_pages is None and one.refault_pages is None else _moved(one)
        yield found(
            _severity(one, amplitude_bytes),
            (one.start_s, one.end_s),
            text,
            _numbers(one),
            cost=cost_of(one.stall_s, evidence.in_bytes(again)),
            is_open=is_open,
            quality=Quality.INFERRED if one.source else evidence.balloon.quality,
            spans=one.spans,
        )


def _severity(one: Oscillation, amplitude_bytes: float) -> Severity:
    if amplitude_bytes < AMPLITUDE_LEAST_BYTES:
        return Severity.INFO
    waiting = (one.stall_s or 0.0) >= CRITICAL_WAITING * (one.end_s - one.start_s)
    return Severity.CRITICAL if waiting else Severity.WARNING


def _moved(one: Oscillation) -> float:
    return (one.wasted_pages or 0) + (one.refault_pages or 0)


def _cost(evidence: Evidence, one: Oscillation) -> str:
    """What it moved and what a swing cost meanwhile, as sentences."""
    swings = one.turns + 1
    moved = (
        "" if one.wasted_pages is None else f" {evidence.mib(one.wasted_pages)} moved for nothing (out and back in)."
    )
    parts = []
    if one.refault_pages is not None:
        parts.append(f"{evidence.mib(one.refault_pages / swings)} read again after eviction")
    if one.stall_s is not None and one.stall_s / swings >= WAITING_TOLD_S:
        parts.append(f"{one.stall_s / swings:.1f} s of waiting in direct reclaim")
    return f"{moved} Each swing came with {' and '.join(parts)}." if parts else moved


def _numbers(one: Oscillation) -> dict[str, float]:
    numbers = {
        "turns": one.turns,
        "period_s": one.period_s,
        "amplitude_pages": round(one.amplitude_pages),
        "wasted_pages": one.wasted_pages,
        "worker_s": one.worker_s,
        "stall_s": one.stall_s,
        "refault_pages": None if one.refault_pages is None else round(one.refault_pages),
    }
    return {name: value for name, value in numbers.items() if value is not None}


def _time(time_s: float) -> str:
    return f"{time_s:.1f} s" if time_s < _LONG_S else f"{time_s / 60:.1f} min"


KIND: Final = Kind(
    name="host_oscillation",
    number=24,
    title="The host moves the balloon back and forth",
    clause="the host moved the balloon back and forth",
    needs=(_NEED,),
    rule=_oscillations,
    told_open=True,
    explanation=Explanation(
        meaning="The host asks for memory, returns it, and asks again, without memory pressure in the guest as "
        "the reason. Each swing makes the guest evict page cache that it reads again afterwards, and "
        "keeps the worker busy. Nobody gains memory.",
        computed="Moves of the balloon at the host's request, each of which undoes at least half of the one "
        "before, three or more such reversals in a row, however long the pauses between them: controllers "
        "poll every few seconds or every few minutes. A single swing up and back does not count. The "
        "moves are the balloon's steps where events or the kernel's counters show its pages, otherwise "
        "changes of the sampled target or size. The period is there and back, the amplitude the mean of "
        "the swings. Refaults and waits are all those from the first swing to the last, divided by the "
        "number of swings; that the swings caused them is not measured. Less than 1 MiB per swing is "
        "information; waiting for 20 % of the time makes it critical.",
        causes=(
            (
                "The host's policy follows free memory: inflating lowers it, so the policy deflates, so free "
                "memory rises again."
            ),
            "Two policies set the target: an automatic one and a person, or two services.",
            "The policy has no dead band, or it acts faster than the guest's counters settle.",
            "The guest's load itself varies with this period, and the policy follows it.",
        ),
        advice=(
            ("Give the host's policy a dead band: no target change for differences below the amplitude reported here."),
            "Have it wait after a change of direction for longer than the period reported here.",
            ("Base the policy on the guest's available memory and refaults (statistics queue), not on free memory."),
            "Make sure that only one service sets the target.",
        ),
        helped="The target stays, or moves one way: no `host_oscillation` over several of the periods reported "
        "here, and `balloon_inflate` and `balloon_deflate` in /proc/vmstat do not change under a steady "
        "load.",
        references=(
            "drivers/virtio/virtio_balloon.c: update_balloon_size_func() follows the device's target wherever it goes",
        ),
    ),
)
