"""What a shortage of memory cost and whether the balloon could have helped, in words and numbers."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Final

from ..contention.shortages import EVICTED_LEAST_BYTES, WAITING_SHARE, Shortage
from .kind import cost_of
from .needs import NOTIFICATIONS, WAITS

if TYPE_CHECKING:
    from .evidence import Evidence

_WAITED_LEAST_S: Final = 0.1
"""Waiting that is worth a word beside what else it cost."""
_OF_WAITS: Final = frozenset({"stall_s", "stalls", "waiting_share", "min_priority"})
"""Numbers that only waits tell."""


def paid(evidence: Evidence, shortage: Shortage) -> str:
    """What the guest paid, as clauses; the first letter is a capital."""
    clauses = list(_clauses(evidence, shortage)) or [_waited(shortage)]
    text = "; ".join(clauses)
    return text[0].upper() + text[1:]


def cost(evidence: Evidence, shortage: Shortage) -> float | None:
    """What it cost in seconds."""
    waited_s = shortage.waited_ns / 1e9 if WAITS.is_met(evidence) else None
    return cost_of(waited_s, evidence.in_bytes(shortage.refault_pages))


def numbers(evidence: Evidence, shortage: Shortage) -> dict[str, float]:
    """Its numbers; what is not known is left out."""
    known: dict[str, float | None] = {
        "balloon_pages": shortage.held_pages,
        "evicted_pages": shortage.evicted_pages,
        "refault_pages": shortage.refault_pages,
        "out_pages": shortage.out_pages,
        "stall_s": shortage.waited_ns / 1e9,
        "stalls": shortage.waits,
        "waiting_share": shortage.waiting_share,
        "full_share": shortage.full_share,
        "min_priority": shortage.min_priority,
        "kills": shortage.kills or None,
    }
    unknown = frozenset() if WAITS.is_met(evidence) else _OF_WAITS
    return {name: number for name, number in known.items() if number is not None and name not in unknown}


def why_nothing_came_back(evidence: Evidence, shortage: Shortage) -> str:
    """Why the balloon gave nothing, in sentences that each begin with a space; empty where nothing tells."""
    balloon, target_changes = evidence.metadata.balloon, evidence.analysis.balloon.target_changes
    text = ""
    if _was_asked(evidence, shortage):
        text = " Its OOM notifier ran and released nothing."
    elif balloon.driver == "virtio_balloon" and balloon.features and "deflate_on_oom" not in balloon.features:
        text = " DEFLATE_ON_OOM is off: only the host can deflate it, by a lower target."
    elif balloon.reclaim_path == "oom_notifier" and NOTIFICATIONS.is_met(evidence):
        text = " The OOM notifier never ran: the kernel calls it only after all reclaim has failed."
    elif balloon.reclaim_path == "shrinker":
        text = " Its shrinker released nothing."
    return text + " The host did not change its target." * (target_changes == 0)


def _clauses(evidence: Evidence, shortage: Shortage) -> Iterator[str]:
    evicted, refaults = shortage.evicted_pages, shortage.refault_pages
    if shortage.kills:
        yield f"the OOM killer killed {shortage.kills:,} {'task' if shortage.kills == 1 else 'tasks'}"
    if evicted and (evidence.in_bytes(evicted) or 0) >= EVICTED_LEAST_BYTES:
        again = "" if refaults is None else f" ({evidence.mib(refaults)} of it read again)"
        yield f"{evidence.mib(evicted)} of page cache were evicted{again}"
    if shortage.waited_ns >= _WAITED_LEAST_S * 1e9:
        yield _waited(shortage)
    if shortage.full_share is not None and shortage.full_share >= WAITING_SHARE:
        yield f"all tasks waited for memory for up to {shortage.full_share:.0%} of the time (PSI full)"


def _waited(shortage: Shortage) -> str:
    priority = "" if shortage.min_priority is None else f", down to priority {shortage.min_priority}"
    return f"tasks waited {shortage.waited_ns / 1e9:,.1f} s in direct reclaim (global){priority}"


def _was_asked(evidence: Evidence, shortage: Shortage) -> bool:
    """Whether the OOM notifier ran in an episode that the shortage touches."""
    start_s, end_s = evidence.seconds(shortage.start_ns), evidence.seconds(shortage.end_ns)
    called = zip(evidence.analysis.episodes, evidence.notifications, strict=True)
    return any(calls and episode.start_s <= end_s and episode.end_s >= start_s for episode, calls in called)
