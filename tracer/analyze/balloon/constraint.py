"""OOMs limited to some NUMA nodes: the balloon gives pages without asking where they are wanted.

`out_of_memory` computes its constraint after the notifiers have run (mm/oom_kill.c), so they can't know it; the nodes
that an allocation may use show in the zones that it retries. `oom:reclaim_retry_zone` visits those that a memory policy
allows, and in newer kernels (6.12 does, 6.1 does not) only those that the cpuset allows (should_reclaim_retry,
mm/page_alloc.c). Elsewhere the visit stops at a forbidden zone with memory to spare: an allocation that saw free pages
in a zone at each of several retries, above the watermark it has to leave, and took none, may not use that node.
"""

from __future__ import annotations

from bisect import insort
from collections.abc import Sequence
from dataclasses import dataclass, field, fields
from typing import Final

import numpy as np

from ..model import EVIDENCE_SPANS
from ..stream.stretch import Stretch
from .runs import Run, Runs
from .steps import OOM_NOTIFY_PAGES

_IDLE_NS: Final = 60_000_000_000
"""A thread that has not retried or been notified for so long has another allocation to make."""
_MOST_TASKS: Final = 4096
_REFUSALS: Final = 4
"""Retries at which a node had free pages to give before it counts as one that the allocation may not use: between one
retry and the next others may have taken what was free."""
_SPARE_PAGES: Final = OOM_NOTIFY_PAGES
"""Free pages above the watermark that are no matter of counting: the allocation itself reads the zone's counter without
what each CPU still keeps of it, up to 125 pages (calculate_normal_threshold, mm/vmstat.c)."""


@dataclass(frozen=True)
class _Retry:
    """A zone as a retrying allocation found it; `available` pages are free or `reclaimable`."""

    node: int
    zone_idx: int
    order: int
    available: int
    reclaimable: int
    min_wmark: int
    wmark_check: int

    @property
    def has_free_pages(self) -> bool:
        """Whether a page could be had without reclaim: a larger block may be missing, whatever is free."""
        free = self.available - self.reclaimable
        return bool(self.wmark_check) and self.order == 0 and free > self.min_wmark + _SPARE_PAGES


@dataclass
class _Task:
    """What one thread has retried since its last OOM notification: memory `available` by node.

    `spared` counts by node the retries at which its highest zone had free pages; None after one at which it had none.
    Lower zones keep pages in reserve, how many is not known.
    """

    seen_ns: int = 0
    zone_idx: int = 0
    available: dict[int, int] = field(default_factory=dict)
    spared: dict[int, int | None] = field(default_factory=dict)
    before: dict[int, int] = field(default_factory=dict)

    def retried(self, retry: _Retry) -> None:
        """Remember one."""
        self.available[retry.node] = retry.available
        if retry.zone_idx < self.zone_idx:
            return
        self.zone_idx = retry.zone_idx
        spared = self.spared.get(retry.node, 0)
        self.spared[retry.node] = spared + 1 if retry.has_free_pages and spared is not None else None

    def allowed(self, nodes: frozenset[int]) -> set[int]:
        """The nodes that it can use, as far as its retries tell; empty where they don't."""
        forbidden = {node for node, spared in self.spared.items() if spared is not None and spared >= _REFUSALS}
        tried = set(self.available) - forbidden
        return tried or (set(nodes) - forbidden if forbidden else set())


@dataclass
class ConstrainedOoms:
    """Notifications for allocations that could use only some nodes; `futile` ones raised `available` there too little.

    A notification is futile when at the next retry no allowed node had half as much more as one notification frees;
    `followed` ones had such a retry.
    """

    notifications: int = 0
    followed: int = 0
    futile: int = 0
    nodes: set[int] = field(default_factory=set)
    first_ns: int = 0
    last_ns: int = 0
    spans: list[int] = field(default_factory=list)


class ConstraintTracker:
    """Follows retries and notifications of each thread on a machine with more than one node."""

    def __init__(self, numa_nodes: Sequence[int]) -> None:
        self._nodes = frozenset(numa_nodes)
        self._tasks: dict[int, _Task] = {}
        self.found = ConstrainedOoms()

    def advance(self, stretch: Stretch, notifications: Runs) -> None:
        """Take the next stretch and the notifications that ended in it."""
        if len(self._nodes) < 2:
            return
        rows, args = stretch.args.all("reclaim_retry_zone")
        times, tids = stretch.time_ns[rows].tolist(), stretch.batch.header["tid"][rows].tolist()
        columns = (args[item.name].astype(np.int64).tolist() for item in fields(_Retry))
        retries = map(_Retry, *columns)
        events: list[tuple[int, int, _Retry | Run]] = [
            *zip(times, tids, retries, strict=True),
            *((run.begin_ns, run.tid, run) for run in notifications.each()),
        ]
        for time_ns, tid, what in sorted(events, key=lambda event: (event[0], isinstance(event[2], Run))):
            task = self._tasks.get(tid)
            if task is None or time_ns - task.seen_ns > _IDLE_NS:
                task = self._tasks[tid] = _Task()
            task.seen_ns = time_ns
            if isinstance(what, Run):
                self._notified(task, what, time_ns)
            else:
                self._retried(task, what)
        if len(self._tasks) > _MOST_TASKS:
            since_ns = stretch.until_ns - _IDLE_NS
            self._tasks = {tid: task for tid, task in self._tasks.items() if task.seen_ns >= since_ns}

    def _retried(self, task: _Task, retry: _Retry) -> None:
        if retry.node in task.before:
            self.found.followed += 1
            self.found.futile += retry.available - task.before[retry.node] < OOM_NOTIFY_PAGES // 2
            task.before = {}
        task.retried(retry)

    def _notified(self, task: _Task, run: Run, time_ns: int) -> None:
        allowed = task.allowed(self._nodes)
        if allowed and self._nodes - allowed:
            found = self.found
            found.first_ns = min(found.first_ns, time_ns) if found.notifications else time_ns
            found.last_ns = max(found.last_ns, time_ns)
            found.notifications += 1
            found.nodes |= allowed
            insort(found.spans, run.id)
            del found.spans[EVIDENCE_SPANS:]
            task.before = {node: pages for node, pages in task.available.items() if node in allowed}
        task.available, task.spared = {}, {}
