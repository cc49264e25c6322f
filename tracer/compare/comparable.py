"""What makes recordings hard to compare, or impossible: said before anything else."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from ..metadata import Metadata
from ..wording.evidence import unseen_part
from ..wording.numbers import bytes_, listing, seconds
from .arms import Arm, Run

_MEMORY_SHARE: Final = 0.02
"""Kernels keep slightly different amounts of a machine's memory for themselves."""
_LENGTH_SHARE: Final = 0.2
_SHORT_S: Final = 5.0


@dataclass(frozen=True)
class Obstacle:
    """One thing that makes arms hard to compare; `breaks` where numbers then mean something else in each."""

    text: str
    breaks: bool = False


def obstacles(arms: Sequence[Arm]) -> list[Obstacle]:
    """All, those that break a comparison first."""
    found = [*_machines(arms), *_counters(arms), *_balloons(arms), *_parts(arms), *_lengths(arms), *_twice(arms)]
    return sorted(found, key=lambda each: not each.breaks)


def _machines(arms: Sequence[Arm]) -> Iterator[Obstacle]:
    yield from _other(arms, "kernel", lambda meta: meta.kernel_release or "unknown")
    yield from _other(arms, "host", lambda meta: meta.host or "unknown")
    yield from _other(arms, "page size", lambda meta: bytes_(meta.page_size_bytes), breaks=True)
    yield from _other(arms, "number of CPUs", lambda meta: str(meta.cpus or "unknown"))
    yield from _other(arms, "number of NUMA nodes", lambda meta: str(len(meta.numa_nodes)))
    yield from _other(arms, "multi-gen LRU", lambda meta: "on" if meta.lru_gen_enabled else "off", breaks=True)
    sizes = [run.facts.metadata.memory_total_bytes for arm in arms for run in arm.runs]
    if not all(sizes):
        yield Obstacle("Memory size: not known for all recordings.")
    elif max(sizes) > min(sizes) * (1 + _MEMORY_SHARE):
        yield from _other(arms, "memory size", lambda meta: bytes_(meta.memory_total_bytes), breaks=True)


def _counters(arms: Sequence[Arm]) -> Iterator[Obstacle]:
    known = {run.analysis.counters_include_memcg for arm in arms for run in arm.runs} - {None}
    if len(known) > 1:
        yield Obstacle(
            "The kernel's pgsteal counters include memory cgroups' own reclaim in one arm and not in the other: "
            "inferred pages of reclaim mean something else in each.",
            breaks=True,
        )
    yield from _other(arms, "how the balloon's pages were counted", lambda meta: _source(meta, "balloon_run_pages"))
    yield from _other(arms, "LRU detail", lambda meta: meta.lru_detail)


def _source(metadata: Metadata, what: str) -> str:
    used = [row.source for row in metadata.plan if row.what == what and row.state == "used"]
    return used[0] if used else "not by events"


def _balloons(arms: Sequence[Arm]) -> Iterator[Obstacle]:
    yield from _other(arms, "balloon driver", lambda meta: meta.balloon.driver or "none")
    yield from _other(arms, "balloon features", lambda meta: ", ".join(meta.balloon.features) or "none")


def _parts(arms: Sequence[Arm]) -> Iterator[Obstacle]:
    for arm in arms:
        for run in arm.runs:
            if missing := listing(unseen_part(run.facts)):
                yield Obstacle(f"{run.source}: {missing}. Its numbers are lower bounds.", breaks=True)


def _lengths(arms: Sequence[Arm]) -> Iterator[Obstacle]:
    lengths = [run.length_s for arm in arms for run in arm.runs]
    if min(lengths) <= 0 or max(lengths) > min(lengths) * (1 + _LENGTH_SHARE):
        told = "; ".join(f"{arm.name}: {listing([seconds(run.length_s) for run in arm.runs])}" for arm in arms)
        yield Obstacle(f"Length differs ({told}): compare rates, not totals, or the same part of each (--from, --to).")
    if short := [run for arm in arms for run in arm.runs if run.length_s < _SHORT_S]:
        yield Obstacle(f"{short[0].source} is shorter than {_SHORT_S:g} s: its windows tell little of its spread.")


def _twice(arms: Sequence[Arm]) -> Iterator[Obstacle]:
    seen: dict[tuple[object, ...], Run] = {}
    for run in (run for arm in arms for run in arm.runs):
        meta = run.facts.metadata
        key = (meta.boot_id, meta.start_ns, run.analysis.accounting.events, run.length_s)
        if key in seen and run.analysis.accounting.events:
            yield Obstacle(f"{run.source} and {seen[key].source} are the same recording.", breaks=True)
        seen.setdefault(key, run)


def _other(
    arms: Sequence[Arm], what: str, value: Callable[[Metadata], str], *, breaks: bool = False
) -> Iterator[Obstacle]:
    """That something is not the same in all arms, with what it is in each."""
    by_arm = [(arm.name, sorted({value(run.facts.metadata) for run in arm.runs})) for arm in arms]
    if len({text for _, values in by_arm for text in values}) > 1:
        told = "; ".join(f"{name}: {listing(values)}" for name, values in by_arm)
        yield Obstacle(f"Other {what}: {told}.", breaks)
