"""How much more the balloon could have taken, or should give back: an estimate."""

from __future__ import annotations

from collections.abc import Iterator
from math import inf
from typing import TYPE_CHECKING, Final

from ...model import Finding
from ...sizes import mib
from ...terms import Quality, Severity
from ..kind import Explanation, Kind, Need, found
from ..needs import AVAILABLE, BALLOON_SIZE, REFAULTS, if_balloon, lasting

if TYPE_CHECKING:
    from ..evidence import Evidence

_CALM: Final = Need(
    "the guest was never 10 s without refaults or waits",
    lambda evidence: evidence.headroom.calm_ns > 0 or _size_that_would_do(evidence) < inf,
)
_CACHES: Final = Need(
    "the size of the page cache and of slab was not sampled",
    lambda evidence: evidence.headroom.free_bytes is not None or _size_that_would_do(evidence) < inf,
)
_NEEDS: Final = (REFAULTS, AVAILABLE, BALLOON_SIZE, lasting(10), _CALM, _CACHES)


def _headroom(evidence: Evidence) -> Iterator[Finding]:
    held_bytes = evidence.held_bytes
    if held_bytes is None or KIND.unmet(evidence):
        return
    room, enough = evidence.headroom, _size_that_would_do(evidence)
    if enough < held_bytes:
        text, numbers = _give_back(evidence, held_bytes - enough, held_bytes)
    elif room.free_bytes is None or room.available_bytes is None:
        return
    else:
        free = max(min(room.free_bytes, enough) - held_bytes, 0)
        available = max(min(room.available_bytes, enough) - held_bytes, free)
        text, numbers = _take(free, available, held_bytes, room.calm_ns / 1e9)
    when = (0.0, evidence.analysis.duration_s)
    yield found(Severity.INFO, when, text, numbers, cost=None, quality=Quality.INFERRED)


def _size_that_would_do(evidence: Evidence) -> float:
    """The largest balloon in bytes beside which the guest would not have been short of memory."""
    held = [shortage for shortage in evidence.shortages if shortage.holds and shortage.out_pages]
    sizes = ((shortage.held_pages or 0) - (shortage.out_pages or 0) for shortage in held)
    return max(min(sizes, default=inf) * evidence.metadata.page_size_bytes, 0.0)


def _give_back(evidence: Evidence, back_bytes: float, held_bytes: float) -> tuple[str, dict[str, float]]:
    least = "at least " * any(shortage.kills for shortage in evidence.shortages)
    text = (
        f"Estimate: the balloon should give back {least}{mib(back_bytes)} of its {mib(held_bytes)}: that much page "
        f"cache was evicted and not yet read again while the guest was short of memory."
    )
    return text, {"balloon_bytes": held_bytes, "give_back_bytes": back_bytes}


def _take(free: float, available: float, held_bytes: float, calm_s: float) -> tuple[str, dict[str, float]]:
    balloon = f"the balloon of {mib(held_bytes)}" if held_bytes else "the empty balloon"
    more = f"{mib(free)} more of free memory, and up to {mib(available)} if none of the page cache is needed"
    took = f"have taken {more}" if available else "not have taken more"
    text = f"Estimate: {balloon} could {took} (lowest in {calm_s:,.0f} s with hardly any refaults or waits)."
    return text, {"balloon_bytes": held_bytes, "free_bytes": free, "available_bytes": available, "calm_s": calm_s}


KIND: Final = Kind(
    name="headroom",
    number=26,
    title="How much more the balloon could take, or should give back",
    clause="how much the balloon could take or should give back was estimated",
    needs=tuple(map(if_balloon, _NEEDS)),
    rule=_headroom,
    estimate=True,
    explanation=Explanation(
        meaning=(
            "An estimate for the host's policy, not a problem. Either the guest was short of memory while the "
            "balloon held much of it: then that much should come back. Or it always had enough: then the "
            "balloon could have taken more."
        ),
        computed=(
            "To give back: the largest number of file pages evicted and not read again in a stretch of "
            "`starved` or `thrashing`, subtracted from what the balloon held then; no larger size counts as "
            "room. To take: over windows of 10 s in which less than 1 MiB was read again and no task waited "
            "in direct reclaim for 0.1% of the time, the lowest free memory above the watermarks "
            "(`free_bytes`: MemAvailable without the file pages of the LRU lists and reclaimable slab), and "
            "the lowest MemAvailable (`available_bytes`), beyond what the balloon holds at the end. The true "
            "value lies between the two: how much of the page cache is needed is not known. The ages of the "
            "multi-gen LRU's generations do not tell it: a file that is read every second is as old there as "
            "one that was read once (tried on Linux 6.12 and 7.3, docs/kernels.md). Reported where there is "
            "a balloon."
        ),
        causes=("The host's target does not match the guest's need: it was set once, or follows something else.",),
        advice=(
            "To reclaim without harm, raise the host's target by at most `free_bytes`, then record again.",
            (
                "Beyond that, continue in small steps, each longer than the load takes to return to what it "
                "reads, and stop when `workingset_refault_file` starts to grow."
            ),
            "If memory should come back, lower the host's target by `give_back_bytes`.",
        ),
        helped=(
            "After the change, a recording under the same load has neither `starved` nor `thrashing`, and the "
            "estimate is close to zero."
        ),
        references=(
            "mm/show_mem.c: si_mem_available()",
            "Documentation/filesystems/proc.rst: MemAvailable",
            "mm/workingset.c: refault distance",
        ),
    ),
)
