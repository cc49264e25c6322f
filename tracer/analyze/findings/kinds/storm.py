"""Cycles in a row."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import islice
from typing import TYPE_CHECKING, Final

from ...model import EVIDENCE_SPANS, Analysis, Cycle, Finding, Storm, cycle_count, known_sum
from ...terms import CycleClass, Severity
from ..cycle_drivers import ADVICE, DRIVEN_BY, DRIVER_REFERENCES, first_advice, moved_for_nothing
from ..kind import Decisive, Explanation, Kind, cost_of, found
from ..needs import BALLOON_PAGES

if TYPE_CHECKING:
    from ..evidence import Evidence


def _storms(evidence: Evidence) -> Iterator[Finding]:
    cycles: dict[int | None, list[Cycle]] = {}
    for cycle in evidence.analysis.cycles:
        cycles.setdefault(cycle.storm, []).append(cycle)
    for storm in _own_storms(evidence.analysis):
        own = cycles[storm.id]
        is_open = evidence.lasts(storm.end_s, evidence.options.horizon_s)
        text = (
            f"The balloon kept deflating and reinflating: {storm.cycles:,} {storm.cycle_class} cycles in a row"
            f"{' so far' * is_open} over {storm.end_s - storm.start_s:,.1f} s moved {evidence.mib(storm.wasted_pages)} "
            f"for nothing (out and back in): {DRIVEN_BY[storm.cycle_class]}."
        )
        stall_s = sum(cycle.stall_s for cycle in own)
        numbers = {
            "cycles": storm.cycles,
            "wasted_pages": storm.wasted_pages,
            "worker_s": sum(cycle.worker_s for cycle in own),
            "reclaim_s": sum(cycle.reclaim_s for cycle in own),
            "stall_s": stall_s,
        }
        read_again = known_sum(cycle.refault_pages for cycle in own) or 0
        yield found(
            Severity.CRITICAL,
            (storm.start_s, storm.end_s),
            text,
            numbers,
            cost=cost_of(stall_s, evidence.in_bytes(storm.wasted_pages + read_again)),
            is_open=is_open,
            quality=evidence.balloon.quality,
            spans=list(islice((span for cycle in own for span in cycle.spans), EVIDENCE_SPANS)),
            advice=first_advice(storm.cycle_class),
        )


def _own_storms(analysis: Analysis) -> list[Storm]:
    """All but the host's oscillations, which have a kind of their own."""
    return [storm for storm in analysis.storms if storm.cycle_class is not CycleClass.HOST_OSCILLATION]


def _together(analysis: Analysis, storms: Sequence[Finding], page_bytes: int) -> str:
    cycles, all_cycles = sum(storm.cycles for storm in _own_storms(analysis)), cycle_count(analysis.cycles)
    if len(storms) == 1 and cycles == all_cycles:
        return ""
    noun = "storm" if len(storms) == 1 else "storms"
    others = all_cycles - cycles
    beside = f" and {others:,} other cycle{'s' * (others > 1)}" if others else ""
    return f"{len(storms):,} {noun} of {cycles:,} cycles{beside} in total{moved_for_nothing(analysis, page_bytes)}"


KIND: Final = Kind(
    name="storm",
    number=2,
    title="The balloon keeps deflating and reinflating",
    clause="the balloon kept deflating and reinflating",
    needs=(BALLOON_PAGES,),
    rule=_storms,
    together=_together,
    decisive=Decisive.WITH_BALLOON,
    told_open=True,
    explanation=Explanation(
        meaning="Pages left the balloon and came back again and again. The two sides work against each other: the "
        "guest takes memory out because it is short, and the balloon takes it back. Nobody gains "
        "memory, and tasks wait.",
        computed="Three or more cycles of one class in a row (see `cycle`; of class `host-oscillation` see "
        "`host_oscillation`), with no pause beyond the horizon (10 "
        "s, `--horizon`), nor one of 2 s and more that is ten times as long as their median pause. Moved "
        "for nothing is twice the smaller of what left and what came back, added up over the cycles. The "
        "cost adds the time that tasks waited in direct reclaim during the cycles.",
        causes=tuple(f"`{cycle_class}`: {why}." for cycle_class, why in DRIVEN_BY.items()),
        advice=ADVICE,
        helped="Under the same load, no new storm begins, `balloon_inflate` and `balloon_deflate` in /proc/vmstat "
        "do not change while the load runs, and tasks wait less in direct reclaim.",
        references=DRIVER_REFERENCES,
    ),
)
