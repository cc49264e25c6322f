"""OOMs limited to some NUMA nodes: the balloon gives pages without asking where they are wanted.

`out_of_memory` computes its constraint after the notifiers have run (mm/oom_kill.c), so they can't know it; the nodes
that an allocation may use show in the zones that it retries (`oom:reclaim_retry_zone` visits the allowed ones).
"""

from __future__ import annotations

from bisect import insort
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

import numpy as np

from .runs import Run
from .steps import EVIDENCE_SPANS, OOM_NOTIFY_PAGES
from .stretch import Stretch

_IDLE_NS: Final = 60_000_000_000
"""A thread that has not retried or been notified for so long has another allocation to make."""
_MOST_TASKS: Final = 4096


@dataclass
class _Task:
    """What one thread has retried since its last OOM notification: memory `available` by node."""

    seen_ns: int = 0
    available: dict[int, int] = field(default_factory=dict)
    before: dict[int, int] = field(default_factory=dict)


@dataclass
class ConstrainedOoms:
    """Notifications for allocations that could use only some nodes; `futile` ones raised `available` there too little.

    A notification is futile when at the next retry no allowed node had half as much more as one notification frees.
    """

    notifications: int = 0
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

    def advance(self, stretch: Stretch, notifications: Sequence[Run]) -> None:
        """Take the next stretch and the notifications that ended in it."""
        if len(self._nodes) < 2:
            return
        rows, args = stretch.args.all("reclaim_retry_zone")
        columns = (stretch.time_ns[rows], stretch.batch.header["tid"][rows], args["node"], args["available"])
        retries = [(*row, None) for row in zip(*(column.astype(np.int64).tolist() for column in columns), strict=True)]
        events = [*retries, *((run.begin_ns, run.tid, 0, 0, run) for run in notifications)]
        for time_ns, tid, node, available, run in sorted(events, key=lambda event: (event[0], event[4] is not None)):
            task = self._tasks.get(tid)
            if task is None or time_ns - task.seen_ns > _IDLE_NS:
                task = self._tasks[tid] = _Task()
            task.seen_ns = time_ns
            if run is None:
                self._retried(task, node, available)
            else:
                self._notified(task, run, time_ns)
        if len(self._tasks) > _MOST_TASKS:
            since_ns = stretch.until_ns - _IDLE_NS
            self._tasks = {tid: task for tid, task in self._tasks.items() if task.seen_ns >= since_ns}

    def _retried(self, task: _Task, node: int, available: int) -> None:
        if task.before:
            grown = available - task.before.get(node, available)
            self.found.futile += grown < OOM_NOTIFY_PAGES // 2
            task.before = {}
        task.available[node] = available

    def _notified(self, task: _Task, run: Run, time_ns: int) -> None:
        if task.available and self._nodes - task.available.keys():
            found = self.found
            found.first_ns = min(found.first_ns, time_ns) if found.notifications else time_ns
            found.last_ns = max(found.last_ns, time_ns)
            found.notifications += 1
            found.nodes |= task.available.keys()
            insort(found.spans, run.id)
            del found.spans[EVIDENCE_SPANS:]
            task.before = task.available
        task.available = {}
