"""One movement of the balloon, and facts of the driver that bound it."""

from __future__ import annotations

from collections.abc import Container, Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from .model import Cause, Quality
from .runs import Run

OOM_NOTIFY_PAGES: Final = 256
"""Pages one OOM notification takes: VIRTIO_BALLOON_OOM_NR_PAGES in drivers/virtio/virtio_balloon.c."""
RUN_PAGES: Final = 256
"""Pages one work run moves at most: VIRTIO_BALLOON_ARRAY_PFNS_MAX in drivers/virtio/virtio_balloon.c."""
PUFF_NS: Final = 200_000_000
"""How long fill_balloon sleeps when it could not allocate: msleep(200) in drivers/virtio/virtio_balloon.c."""

EVIDENCE_SPANS: Final = 32
"""Span ids that one finding names at most."""


@dataclass(frozen=True)
class Step:
    """Guest pages that came in (> 0), went out (< 0), or a run that tried for long and got none (0).

    `cause` is None for an inflation. `priority` is the reclaim priority of a shrinker leak, -1 elsewhere. `teardown`:
    the driver gave its pages back on its own account (unload, freeze), nobody asked.
    """

    begin_ns: int
    end_ns: int
    pages: int
    cause: Cause | None
    span: int | None
    tier: int = -1
    quality: Quality = Quality.INFERRED
    priority: int = -1
    teardown: bool = False


def evidence(steps: Iterable[Step]) -> list[int]:
    """Ids of the spans behind steps, each once, in order, at most EVIDENCE_SPANS."""
    return list(dict.fromkeys(step.span for step in steps if step.span is not None))[:EVIDENCE_SPANS]


def puff_steps(works: Sequence[Run], moved: Container[int | None]) -> list[Step]:
    """Long runs that got nothing: the driver wanted pages and could not allocate any. `moved`: runs that got some."""
    return [
        Step(run.begin_ns, run.end_ns, 0, None, run.id)
        for run in works
        if run.id not in moved and run.end_ns - run.begin_ns >= PUFF_NS
    ]


def puffs(works: Sequence[Run], steps: Sequence[Step]) -> int:
    """Runs of 200 ms and more that moved less than half of what a run can."""
    moved: dict[int | None, int] = {}
    for step in steps:
        moved[step.span] = moved.get(step.span, 0) + abs(step.pages)
    return sum(run.end_ns - run.begin_ns >= PUFF_NS and moved.get(run.id, 0) < RUN_PAGES // 2 for run in works)
