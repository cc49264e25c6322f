"""Cycles that belong to no storm, but for the host's oscillations, which have a kind of their own."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Final

from ...model import Analysis, Finding
from ...terms import CycleClass, Severity
from ..cycle_drivers import ADVICE, DRIVEN_BY, DRIVER_REFERENCES, first_advice, moved_for_nothing
from ..kind import Explanation, Kind, cost_of, found
from ..needs import BALLOON_PAGES

if TYPE_CHECKING:
    from ..evidence import Evidence


def _cycles(evidence: Evidence) -> Iterator[Finding]:
    for cycle in evidence.analysis.cycles:
        if cycle.storm is not None or cycle.cycle_class is CycleClass.HOST_OSCILLATION:
            continue
        text = (
            f"A {cycle.cycle_class} cycle: {evidence.mib(cycle.leaked_pages)} left the balloon and "
            f"{evidence.mib(cycle.reinflated_pages)} came back: {evidence.mib(cycle.wasted_pages)} moved for nothing "
            f"({DRIVEN_BY[cycle.cycle_class]})."
        )
        numbers = {
            "leaked_pages": cycle.leaked_pages,
            "reinflated_pages": cycle.reinflated_pages,
            "wasted_pages": cycle.wasted_pages,
            "worker_s": cycle.worker_s,
            "reclaim_s": cycle.reclaim_s,
            "stall_s": cycle.stall_s,
        }
        moved = cycle.wasted_pages + (cycle.refault_pages or 0)
        yield found(
            Severity.WARNING,
            (cycle.start_s, cycle.end_s),
            text,
            numbers,
            cost=cost_of(cycle.stall_s, evidence.in_bytes(moved)),
            is_open=evidence.lasts(cycle.end_s, evidence.options.horizon_s),
            quality=evidence.balloon.quality,
            spans=cycle.spans,
            advice=first_advice(cycle.cycle_class),
        )


def _together(analysis: Analysis, cycles: Sequence[Finding], page_bytes: int) -> str:
    if len(cycles) == 1:
        return ""
    return f"{len(cycles):,} cycles in total{moved_for_nothing(analysis, page_bytes)}"


KIND: Final = Kind(
    name="cycle",
    number=3,
    title="Pages left the balloon and came back",
    clause="pages left the balloon and came back",
    needs=(BALLOON_PAGES,),
    rule=_cycles,
    together=_together,
    explanation=Explanation(
        meaning="Pages left the balloon, because the guest was short of memory or the host reversed its target, "
        "and the balloon inflated again shortly afterwards. They moved for nothing, twice: out and back in.",
        computed="A burst of leaks whose pages come back within the horizon (10 s, `--horizon`); an inflation "
        "counts against the newest leaks first. Those of class `host-oscillation` are detected at any period and "
        "reported as one finding (see `host_oscillation`). Moved for nothing is twice the smaller of what left and "
        "what came back. The cost adds the time that tasks waited in direct reclaim and the pages read again "
        "meanwhile.",
        causes=tuple(f"`{cycle_class}`: {why}." for cycle_class, why in DRIVEN_BY.items()),
        advice=ADVICE,
        helped="Under the same load, pages that leave the balloon stay out: `leaked_pages` without `reinflated_pages`.",
        references=DRIVER_REFERENCES,
    ),
)
