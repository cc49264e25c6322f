"""One movement of the balloon, and facts of the driver that bound it."""

from __future__ import annotations

from collections.abc import Container, Iterable, Sequence
from typing import Final, NamedTuple

from ..model import EVIDENCE_SPANS
from ..terms import Cause, Quality
from .runs import Run

OOM_NOTIFY_PAGES: Final = 256
"""Pages one OOM notification takes: VIRTIO_BALLOON_OOM_NR_PAGES in drivers/virtio/virtio_balloon.c."""
RUN_PAGES: Final = 256
"""Pages one work run moves at most: VIRTIO_BALLOON_ARRAY_PFNS_MAX in drivers/virtio/virtio_balloon.c."""
PUFF_NS: Final = 200_000_000
"""How long fill_balloon sleeps when it could not allocate: msleep(200) in drivers/virtio/virtio_balloon.c."""


class Step(NamedTuple):
    """Guest pages that came in (> 0), went out (< 0), or a run that tried for long and got none (0).

    `cause` is None for an inflation. `rung` is that of the ladder, -1 without one. `priority` is the reclaim priority
    of a shrinker leak, -1 elsewhere. `teardown`: the driver gave its pages back on its own account (unload, freeze),
    nobody asked.
    """

    begin_ns: int
    end_ns: int
    pages: int
    cause: Cause | None
    span: int | None
    rung: int = -1
    quality: Quality = Quality.INFERRED
    priority: int = -1
    teardown: bool = False


def in_order(step: Step) -> tuple[int, int, int, int]:
    """What steps are sorted by: their end, then what tells apart those that end together."""
    return step.end_ns, step.begin_ns, step.pages, -1 if step.span is None else step.span


class StepSpans:
    """Ids of the spans behind steps, each once, in the steps' order, at most EVIDENCE_SPANS."""

    def __init__(self) -> None:
        self._order: dict[int, tuple[int, int, int, int]] = {}

    def add(self, steps: Iterable[Step]) -> None:
        """Take steps in order that are later than those taken before."""
        for step in steps:
            if len(self._order) >= EVIDENCE_SPANS:
                break
            if step.span is not None:
                self._order.setdefault(step.span, in_order(step))

    def merge(self, other: StepSpans) -> None:
        """Take all of another's."""
        for span, order in other._order.items():
            self._order[span] = min(order, self._order.get(span, order))
        self._order = dict(sorted(self._order.items(), key=lambda item: item[1])[:EVIDENCE_SPANS])

    def ids(self) -> list[int]:
        """The ids."""
        return list(self._order)


def puff_steps(works: Sequence[Run], moved: Container[int | None]) -> list[Step]:
    """Long runs that got nothing: the driver wanted pages and could not allocate any. `moved`: runs that got some."""
    return [
        Step(run.begin_ns, run.end_ns, 0, None, run.id)
        for run in works
        if run.id not in moved and run.end_ns - run.begin_ns >= PUFF_NS
    ]
