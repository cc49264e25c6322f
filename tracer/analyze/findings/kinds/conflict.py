"""Inflation while memory was reclaimed."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Final

from ...model import Analysis, Finding, known_sum
from ...sizes import mib
from ...terms import Severity
from ..kind import Explanation, Kind, cost_of, found
from ..needs import RECLAIM, WORK

if TYPE_CHECKING:
    from ..evidence import Evidence

_FOREIGN: Final = "foreign"
_ACTOR_TEXT: Final = {
    "self": "mostly by the balloon's own worker",
    "induced": "mostly by kswapd that the balloon woke",
    _FOREIGN: "mostly by others",
}


def _conflicts(evidence: Evidence) -> Iterator[Finding]:
    for conflict in evidence.analysis.conflicts:
        overlap = conflict.overlap_s
        total = sum(overlap.values())
        main = max(overlap, key=lambda actor: overlap[actor])
        inflated, reclaimed = conflict.inflated_pages, conflict.reclaimed_pages
        by = "" if inflated is None else f" by {evidence.mib(inflated)}"
        what = "memory was" if reclaimed is None else f"{evidence.mib(reclaimed)} were"
        text = (
            f"The balloon inflated{by} while {what} reclaimed, {_ACTOR_TEXT[main]} ({total:.3f} s of reclaim overlap)."
        )
        yield found(
            Severity.INFO if main == _FOREIGN else Severity.WARNING,
            (conflict.start_s, conflict.end_s),
            text,
            {f"overlap_{actor}_s": seconds for actor, seconds in overlap.items()},
            cost=cost_of(overlap["self"], evidence.in_bytes(reclaimed)),
            is_open=evidence.lasts(conflict.end_s, evidence.options.inflate_gap_s),
            quality=evidence.balloon.quality,
            spans=conflict.spans,
        )


def _together(analysis: Analysis, conflicts: Sequence[Finding], page_bytes: int) -> str:
    if len(conflicts) == 1:
        return ""
    overlap = {who: sum(each.overlap_s[who] for each in analysis.conflicts) for who in _ACTOR_TEXT}
    by = ", ".join(f"{length_s:.2f} s {who}" for who, length_s in overlap.items() if length_s)
    reclaimed = known_sum(each.reclaimed_pages for each in analysis.conflicts)
    what = "" if reclaimed is None else f", {mib(reclaimed * page_bytes)} reclaimed meanwhile"
    return f"{len(conflicts):,} conflicts in total ({by}){what}"


KIND: Final = Kind(
    name="conflict",
    number=6,
    title="The balloon inflates while the guest reclaims",
    clause="the balloon inflated while the guest was reclaiming memory",
    needs=(WORK, RECLAIM),
    rule=_conflicts,
    together=_together,
    explanation=Explanation(
        meaning="The balloon took pages while the kernel was reclaiming: the host asked for memory that the guest "
        "did not have free. The kernel evicts page cache and slab to fill the balloon. Some of this is how "
        "inflation works; it becomes a problem when the evicted pages are needed again.",
        computed="Inflating runs of the worker, with pauses of at most 0.25 s, intersected with reclaim of the "
        "tiers `background` and `direct`. `self` is reclaim by the worker itself, `induced` by kswapd "
        "that it woke, `foreign` by anyone else; a mostly foreign conflict is only information. The cost is the "
        "worker's own waiting and the pages reclaimed meanwhile.",
        causes=(
            "The host's target exceeds the guest's free memory.",
            "The target moves in one large step, faster than kswapd can free memory.",
        ),
        advice=(
            "Lower the target to what the guest has available (MemAvailable minus a reserve).",
            "Inflate in small steps with pauses, and stop when the guest starts to reclaim or to refault.",
        ),
        helped="The same inflation without `direct` reclaim by the worker (`overlap_self_s` near 0), and no `refault`.",
        references=(
            (
                "drivers/virtio/virtio_balloon.c: fill_balloon() allocates with __GFP_NORETRY | __GFP_NOMEMALLOC | "
                "__GFP_NOWARN"
            ),
            "mm/vmscan.c: wakeup_kswapd(), balance_pgdat()",
        ),
    ),
)
