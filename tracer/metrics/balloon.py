"""What the balloon holds, and what went in and out."""

from __future__ import annotations

from ..analyze.terms import Cause, Quality
from .families import Families
from .results import Results


def tell_balloon(results: Results, families: Families) -> None:
    """Sizes as they were read, and sums since the recording began."""
    moved, balloon = results.look.moved, results.analysis.balloon
    is_bound = results.balloon.quality is Quality.LOWER_BOUND
    size_bytes = None if is_bound else results.balloon.size_bytes
    families.gauge("balloon_size_bytes", "What the balloon holds, as last read.", size_bytes)
    families.gauge("balloon_target_bytes", "What the host wants it to hold.", results.balloon.target_bytes)
    families.counter("balloon_inflated_bytes", "Moved into the balloon.", results.bytes(moved.inflated))
    for cause in Cause:
        pages = results.bytes(moved.leaked.get(cause))
        families.counter("balloon_leaked_bytes", "Moved out of the balloon, by cause.", pages, cause=cause.value)
    families.counter("balloon_wasted_bytes", "Moved out and back in, for nothing.", results.bytes(moved.wasted))
    families.counter("balloon_reported_bytes", "Free pages reported to the host.", results.bytes(moved.reported))
    families.counter("balloon_cycles", "Times that pages left the balloon and came back.", moved.cycles)
    families.counter("balloon_target_changes", "Changes of the host's target.", balloon.target_changes)
    families.counter("balloon_puffs", "Runs that found no memory to inflate with.", balloon.puffs)
    families.counter("balloon_worker_seconds", "Time at work of the balloon's worker.", balloon.worker_s)
    _tell_conflicts(results, families)


def _tell_conflicts(results: Results, families: Families) -> None:
    analysis = results.analysis
    if analysis.balloon.inflated_pages is None:
        return
    overlap_s = dict(analysis.forgotten.conflict_overlap_s)
    for conflict in analysis.conflicts:
        for actor, more_s in conflict.overlap_s.items():
            overlap_s[actor] = overlap_s.get(actor, 0.0) + more_s
    told = "Time in which the balloon inflated while memory was reclaimed, by who reclaimed."
    for actor, sum_s in overlap_s.items():
        families.counter("conflict_seconds", told, sum_s, actor=actor)
