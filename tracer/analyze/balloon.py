"""The balloon's movements: who moved how many pages, when, and why.

Where no probe counts pages, `/proc/vmstat`'s `balloon_inflate` and `balloon_deflate` do, and the work and notifier
spans between two samples say when and for whom; such steps are marked inferred.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Final

import numpy as np

from ..batch import Samples
from ..schema import SAMPLE_NULL, SpanKind
from .lane import SPAN_CODE
from .model import Cause, Quality
from .stretch import Stretch

OOM_NOTIFY_PAGES: Final = 256
"""Pages one OOM notification takes: VIRTIO_BALLOON_OOM_NR_PAGES in drivers/virtio/virtio_balloon.c."""
RUN_PAGES: Final = 256
"""Pages one work run moves at most: VIRTIO_BALLOON_ARRAY_PFNS_MAX in drivers/virtio/virtio_balloon.c."""
PUFF_NS: Final = 200_000_000
"""How long fill_balloon sleeps when it could not allocate: msleep(200) in drivers/virtio/virtio_balloon.c."""

_COUNTERS: Final = ("vmstat.balloon_inflate", "vmstat.balloon_deflate", "vmstat.balloon_migrate")


@dataclass(frozen=True)
class Run:
    """A span of the balloon's own: a work run, a notifier call or a call of its shrinker."""

    id: int
    begin_ns: int
    end_ns: int
    pages: int = 0
    tier: int = -1
    callback: int = 0


@dataclass(frozen=True)
class Step:
    """Pages that came in (> 0), went out (< 0), or a run that tried for long and got none (0)."""

    begin_ns: int
    end_ns: int
    pages: int
    cause: Cause | None
    span: int | None
    tier: int = -1
    quality: Quality = Quality.INFERRED


class BalloonTracker:
    """Collects the balloon's runs and turns counter differences between samples into steps."""

    def __init__(self, name_of: Callable[[int], str], idle_gap_ns: int) -> None:
        self._name_of = name_of
        self._idle_gap_ns = idle_gap_ns
        self._works: list[Run] = []
        self._notifiers: list[Run] = []
        self._shrinks: list[Run] = []
        self._open_works: list[Run] = []
        self._open_notifiers: list[Run] = []
        self._last: tuple[int, tuple[int, ...]] | None = None
        self._last_direction = 1
        self.works: list[Run] = []
        self.steps: list[Step] = []
        self.notifications = 0
        self.migrated_pages = 0
        self.has_counters = False

    def advance(self, stretch: Stretch) -> None:
        """Take the next stretch's runs."""
        works = self._runs(stretch, SpanKind.BALLOON_WORK, closed=True)
        self.works += works
        self._works += works
        self._open_works = self._runs(stretch, SpanKind.BALLOON_WORK, closed=False)
        notifiers = self._notifier_runs(stretch, closed=True)
        self.notifications += len(notifiers)
        self._notifiers += notifiers
        self._open_notifiers = self._notifier_runs(stretch, closed=False)
        self._shrinks += self._own_shrinks(stretch)

    def _notifier_runs(self, stretch: Stretch, *, closed: bool) -> list[Run]:
        runs = self._runs(stretch, SpanKind.OOM_NOTIFIER, closed=closed)
        return [run for run in runs if self._is_balloons(run.callback)]

    def _runs(self, stretch: Stretch, kind: SpanKind, *, closed: bool) -> list[Run]:
        spans = stretch.spans
        rows = np.flatnonzero((spans.code == SPAN_CODE[kind]) & (spans.closed == closed))
        callback = np.zeros(len(rows), np.int64)
        if kind is SpanKind.OOM_NOTIFIER:
            callback = stretch.args.at(spans.begin_at[rows], "oom_notifier_run", "cb")
        end_ns = np.where(spans.closed, spans.end_ns, stretch.until_ns)[rows]
        columns = (spans.id[rows], spans.begin_ns[rows], end_ns, np.zeros_like(callback), spans.tier[rows], callback)
        return [Run(*row) for row in zip(*(column.tolist() for column in columns), strict=True)]

    def _own_shrinks(self, stretch: Stretch) -> list[Run]:
        slab = stretch.slab
        own = [shrink for shrink in np.unique(slab.shrink).tolist() if self._is_balloons(shrink)]
        rows = np.flatnonzero(np.isin(slab.shrink, own))
        columns = (slab.span_id[rows], slab.begin_ns[rows], slab.end_ns[rows], slab.freed[rows], slab.tier[rows])
        return [Run(*row) for row in zip(*(column.tolist() for column in columns), strict=True)]

    def _is_balloons(self, callback: int) -> bool:
        name = self._name_of(callback)
        return "balloon" in name or name.startswith("cmm_")

    def sample(self, samples: Samples) -> None:
        """Take counter readings up to which all events have been seen."""
        columns = [samples.column(name) for name in _COUNTERS]
        if columns[0] is None or columns[1] is None:
            return
        for row, time_ns in enumerate(samples.time_ns.tolist()):
            values = tuple(SAMPLE_NULL if column is None else int(column[row]) for column in columns)
            if SAMPLE_NULL not in values[:2]:
                self._read(time_ns, values)

    def _read(self, time_ns: int, values: tuple[int, ...]) -> None:
        self.has_counters = True
        if self._last is not None:
            before_ns, before = self._last
            inflated, leaked, migrated = (max(new - old, 0) for new, old in zip(values, before, strict=True))
            self.migrated_pages += migrated
            self._steps(before_ns, time_ns, inflated, leaked)
        self._last = (time_ns, values)
        for runs in (self._works, self._notifiers, self._shrinks):
            runs[:] = [run for run in runs if run.end_ns > time_ns]

    def _steps(self, begin_ns: int, end_ns: int, inflated: int, leaked: int) -> None:
        def within(runs: Sequence[Run]) -> list[Run]:
            touching = [run for run in runs if run.begin_ns <= end_ns and run.end_ns > begin_ns]
            return sorted(touching, key=lambda run: (run.begin_ns, run.id))

        steps: list[Step] = []
        shrinks = [run for run in within(self._shrinks) if run.end_ns <= end_ns]
        by_shrinker = min(leaked, sum(run.pages for run in shrinks))
        steps += _spread(-by_shrinker, shrinks, Cause.SHRINKER, begin_ns, end_ns)
        notifiers = within([*self._notifiers, *self._open_notifiers])
        by_notifier = min(leaked - by_shrinker, OOM_NOTIFY_PAGES * len(notifiers))
        steps += _spread(-by_notifier, notifiers, Cause.OOM_NOTIFIER, begin_ns, end_ns)
        by_host = leaked - by_shrinker - by_notifier

        works = within([*self._works, *self._open_works])
        inflating, deflating = self._split(works, inflated, by_host)
        steps += _spread(inflated, inflating, None, begin_ns, end_ns)
        steps += _spread(-by_host, deflating, Cause.HOST, begin_ns, end_ns)
        steps += _puffs(inflating, steps, end_ns)
        self.steps += sorted(steps, key=lambda step: (step.begin_ns, step.end_ns, step.pages))
        if inflated or by_host:
            self._last_direction = 1 if deflating != works and inflated else -1

    def _split(self, works: list[Run], inflated: int, leaked: int) -> tuple[list[Run], list[Run]]:
        """Which runs inflated and which deflated: one direction goes on, the other follows, in proportion to pages."""
        if not leaked:
            return works, []
        if not inflated:
            return [], works
        first = inflated if self._last_direction > 0 else leaked
        cut = max(1, min(len(works) - 1, round(len(works) * first / (inflated + leaked))))
        return (works[:cut], works[cut:]) if self._last_direction > 0 else (works[cut:], works[:cut])

    def all_works(self) -> list[Run]:
        """Work runs in order of begin, the ones under way included."""
        return sorted([*self.works, *self._open_works], key=lambda run: (run.begin_ns, run.id))

    def target_changes(self) -> int:
        """Runs that began after an idle balloon, which is what a new target looks like without a probe on it."""
        works = self.all_works()
        idle = [later.begin_ns - run.end_ns > self._idle_gap_ns for run, later in pairwise(works)]
        return bool(works) + sum(idle)


def _spread(pages: int, runs: Sequence[Run], cause: Cause | None, begin_ns: int, end_ns: int) -> list[Step]:
    """Share pages out among runs, evenly, or by the pages that they report."""
    if not pages:
        return []
    if not runs:
        return [Step(begin_ns, end_ns, pages, cause, None)]
    reported = [max(run.pages, 0) for run in runs] if cause is Cause.SHRINKER else []
    weights = np.asarray(reported if sum(reported) else [1] * len(runs), np.float64)
    edges = np.rint(np.concatenate(([0.0], np.cumsum(weights))) * (pages / weights.sum())).astype(np.int64)
    shares = np.diff(edges).tolist()
    return [
        Step(max(run.begin_ns, begin_ns), min(run.end_ns, end_ns), share, cause, run.id, run.tier)
        for run, share in zip(runs, shares, strict=True)
        if share
    ]


def _puffs(works: Sequence[Run], steps: Sequence[Step], end_ns: int) -> list[Step]:
    """Long runs that got nothing: the driver wanted pages and could not allocate any."""
    moved = {step.span for step in steps}
    return [
        Step(run.begin_ns, run.end_ns, 0, None, run.id)
        for run in works
        if run.id not in moved and run.end_ns <= end_ns and run.end_ns - run.begin_ns >= PUFF_NS
    ]


def puffs(works: Sequence[Run], steps: Sequence[Step]) -> int:
    """Runs of 200 ms and more that moved less than half of what a run can."""
    moved: dict[int | None, int] = {}
    for step in steps:
        moved[step.span] = moved.get(step.span, 0) + abs(step.pages)
    return sum(run.end_ns - run.begin_ns >= PUFF_NS and moved.get(run.id, 0) < RUN_PAGES // 2 for run in works)
