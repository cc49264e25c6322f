"""What was found, as slices of time on tracks of their own."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from ..analyze.balloon_result import BalloonStep
from ..analyze.model import Analysis, Cycle
from ..recording_facts import RecordingFacts

Path = tuple[str, ...]

BALLOON: Final = "Balloon"
_PAUSE_S: Final = 0.25
"""The longest pause inside an inflation, as for conflicts (analyze/contention/conflicts.py)."""


@dataclass(frozen=True)
class Slice:
    """A stretch of time on the track `path`, in CLOCK_MONOTONIC ns. Flows lead out of it and into it, by number."""

    path: Path
    name: str
    start_ns: int
    end_ns: int
    args: Mapping[str, Any] = field(default_factory=dict)
    flow_out: int | None = None
    flow_in: int | None = None


class Lanes:
    """Slices that overlap go on lanes beside each other: on one track they would have to be nested."""

    def __init__(self) -> None:
        self._ends: defaultdict[Path, list[int]] = defaultdict(list)

    def lane(self, one: Slice) -> int:
        """The first lane of its track that is free by then, from 0."""
        ends = self._ends[one.path]
        for number, end_ns in enumerate(ends):
            if end_ns <= one.start_ns:
                ends[number] = one.end_ns
                return number
        ends.append(one.end_ns)
        return len(ends) - 1


def slices_of(analysis: Analysis, facts: RecordingFacts) -> list[Slice]:
    """Everything that was found, by the time at which it began."""
    start_ns = facts.metadata.start_ns
    found = [*_episodes(analysis, start_ns), *_contention(analysis, start_ns), *_findings(analysis, start_ns)]
    found += [*_balloon(analysis, start_ns)]
    found += [Slice(("Marks",), mark.words, mark.at_ns, mark.at_ns) for mark in facts.marks]
    found += [
        Slice(("Clock changes",), change.kind.value, change.at_ns, change.at_ns, {"by_ns": change.by_ns})
        for change in facts.clock_changes
    ]
    return sorted(found, key=lambda one: (one.start_ns, -one.end_ns))


def _at(seconds: float, start_ns: int) -> int:
    return start_ns + round(seconds * 1e9)


def _slice(path: Path, name: str, thing: Any, start_ns: int, **args: Any) -> Slice:  # noqa: ANN401
    return Slice(path, name, _at(thing.start_s, start_ns), _at(thing.end_s, start_ns), args)


def _episodes(analysis: Analysis, start_ns: int) -> Iterator[Slice]:
    for one in analysis.episodes:
        highest = max((row.tier for row in one.tiers), default=None)
        label = highest.label if highest is not None else "unknown"
        yield _slice(("Episodes",), f"episode {one.id}", one, start_ns, highest_tier=label)


def _contention(analysis: Analysis, start_ns: int) -> Iterator[Slice]:
    for one in analysis.conflicts:
        overlaps = {f"overlap_{actor}_s": seconds for actor, seconds in one.overlap_s.items()}
        pages = {"reclaimed_pages": one.reclaimed_pages, "inflated_pages": one.inflated_pages}
        yield _slice((BALLOON, "Conflicts"), f"conflict {one.id}", one, start_ns, **overlaps, **pages)
    for cycle in analysis.cycles:
        names = ("leaked_pages", "reinflated_pages", "wasted_pages", "worker_s", "reclaim_s", "stall_s", "storm")
        args = {name: getattr(cycle, name) for name in names}
        name = f"cycle {cycle.id}: {cycle.cycle_class.value}"
        yield _slice((BALLOON, "Cycles"), name, cycle, start_ns, **args)
    for storm in analysis.storms:
        name = f"storm {storm.id}: {storm.cycle_class.value}"
        args = {"cycles": storm.cycles, "wasted_pages": storm.wasted_pages}
        yield _slice((BALLOON, "Storms"), name, storm, start_ns, **args)


def _findings(analysis: Analysis, start_ns: int) -> Iterator[Slice]:
    for one in analysis.findings:
        args = {"text": one.text, "severity": one.severity.value, "cost_s": one.cost, "open": one.open}
        args |= {"quality": one.quality.value, "id": one.id, **one.numbers}
        args |= {} if one.cgroup is None else {"cgroup": one.cgroup}
        yield _slice(("Findings", one.kind), one.kind, one, start_ns, **args)


def _balloon(analysis: Analysis, start_ns: int) -> Iterator[Slice]:
    """Pages out of it and into it, with a flow from where a cycle's leaked to where they came back; inflations."""
    leaks = sorted((one for one in analysis.steps if one.pages < 0), key=lambda one: one.start_s)
    inflations = sorted((one for one in analysis.steps if one.pages > 0), key=lambda one: one.start_s)
    flow_out, flow_in = _flows(analysis.cycles, leaks, inflations)
    for number, leak in enumerate(leaks):
        cause = leak.cause.value if leak.cause else "unknown"
        args = {"pages": -leak.pages, "cause": cause, "quality": leak.quality.value}
        at = _at(leak.start_s, start_ns), _at(leak.end_s, start_ns)
        yield Slice((BALLOON, "Pages out"), f"leak: {cause}", *at, args, flow_out=flow_out.get(number))
    for number, inflation in enumerate(inflations):
        args = {"pages": inflation.pages, "quality": inflation.quality.value}
        at = _at(inflation.start_s, start_ns), _at(inflation.end_s, start_ns)
        yield Slice((BALLOON, "Pages in"), "inflate", *at, args, flow_in=flow_in.get(number))
    for first_s, last_s, pages in _inflating(inflations):
        at = _at(first_s, start_ns), _at(last_s, start_ns)
        yield Slice((BALLOON, "Inflating"), "inflating", *at, {"pages": pages})


def _flows(
    cycles: list[Cycle], leaks: list[BalloonStep], inflations: list[BalloonStep]
) -> tuple[dict[int, int], dict[int, int]]:
    """By the step's place the flow out of a cycle's last leak, and into the first inflation after it."""
    flow_out: dict[int, int] = {}
    flow_in: dict[int, int] = {}
    leak_s, inflation_s = [one.start_s for one in leaks], [one.start_s for one in inflations]
    for cycle in cycles:
        leak = bisect_right(leak_s, cycle.start_s) - 1
        inflation = bisect_left(inflation_s, leak_s[leak]) if leak >= 0 else len(inflations)
        is_its = leak >= 0 and leak_s[leak] >= cycle.leak_start_s and inflation < len(inflations)
        if is_its and inflation_s[inflation] <= cycle.end_s and leak not in flow_out and inflation not in flow_in:
            flow_out[leak] = flow_in[inflation] = cycle.id
    return flow_out, flow_in


def _inflating(inflations: list[BalloonStep]) -> Iterator[tuple[float, float, int]]:
    """Inflations with pauses no longer than _PAUSE_S, as one: begin, end, pages."""
    current: tuple[float, float, int] | None = None
    for one in inflations:
        if current and one.start_s - current[1] <= _PAUSE_S:
            current = (current[0], max(current[1], one.end_s), current[2] + one.pages)
            continue
        if current:
            yield current
        current = (one.start_s, one.end_s, one.pages)
    if current:
        yield current
