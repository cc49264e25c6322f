"""The balloon's own spans: work runs, OOM notifier calls, calls of its shrinker."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, NamedTuple

import numpy as np

from ...distinct_values import distinct_values
from ...schema import SpanKind
from ..stream.attribution import WORKQUEUE_BIT
from ..stream.grouping import is_among
from ..stream.lane import SPAN_CODE
from ..stream.spans import Spans
from ..stream.stretch import Stretch
from .columns import I64, Columns, Flags

NameOf = Callable[[int], str]

IN_A_THREAD: Final = "xen_balloon"
"""The driver whose work is a kernel thread's since Linux 5.15 (drivers/xen/balloon.c), and no work item: what it did is
not known where no run is seen."""


class Run(NamedTuple):
    """One such span. `pages` is what a shrinker call reports as freed."""

    id: int
    begin_ns: int
    end_ns: int
    pages: int = 0
    rung: int = -1
    callback: int = 0
    priority: int = -1
    tid: int = -1


@dataclass(frozen=True)
class Runs(Columns):
    """Such spans as columns, the fields of Run."""

    id: I64
    begin_ns: I64
    end_ns: I64
    pages: I64
    rung: I64
    callback: I64
    priority: I64
    tid: I64

    def each(self) -> list[Run]:
        """One by one."""
        return [Run(*row) for row in self.rows()]

    def long(self, least_ns: int) -> Runs:
        """Those that took so long at least."""
        return self.take(self.end_ns - self.begin_ns >= least_ns)

    def among(self, ids: I64) -> Flags:
        """Which have one of these ids."""
        return is_among(self.id, ids)


def belongs_to_balloon(name: str) -> bool:
    """Whether a callback of this name is a balloon driver's."""
    return "balloon" in name or name.startswith("cmm_")


def is_work(spans: Spans) -> Flags:
    """Which spans are runs of the size work; where both the work item and its function were seen, the work item."""
    inner = (spans.code == SPAN_CODE[SpanKind.UPDATE_BALLOON_SIZE]) & (spans.kinds_above & WORKQUEUE_BIT == 0)
    chosen: Flags = (spans.code == SPAN_CODE[SpanKind.BALLOON_WORK]) | inner
    return chosen


def work_runs(stretch: Stretch) -> tuple[Runs, Runs]:
    """Runs of the size work that ended in the stretch, and those that are open at its end."""
    return _by_end(stretch, is_work(stretch.spans))


def notifier_runs(stretch: Stretch, name_of: NameOf) -> tuple[Runs, Runs]:
    """Calls of the balloon's OOM callback that ended in the stretch, and those that are open at its end; one that both
    the chain and the callback told of counts once."""
    spans = stretch.spans
    seen_by_chain = (spans.code == SPAN_CODE[SpanKind.OOM_NOTIFIER]) & spans.is_root
    chosen = (spans.code == SPAN_CODE[SpanKind.OOM_NOTIFY]) | seen_by_chain
    rows = np.flatnonzero(chosen)
    chain = spans.code[rows] == SPAN_CODE[SpanKind.OOM_NOTIFIER]
    callback = np.zeros(len(rows), np.int64)
    callback[chain] = stretch.args.at(spans.begin_at[rows[chain]], "oom_notifier_run", "cb")
    callback[~chain] = stretch.args.at(spans.begin_at[rows[~chain]], "oom_notify_begin", "cb")
    ours = {
        address: not address or belongs_to_balloon(name_of(address)) for address in distinct_values(callback).tolist()
    }
    kept = np.zeros(len(spans), np.bool_)
    kept[rows] = [ours[address] for address in callback.tolist()]
    return _by_end(stretch, kept)


def shrinker_runs(stretch: Stretch, name_of: NameOf) -> Runs:
    """Closed calls of the balloon's shrinker, with what they report as freed."""
    slab = stretch.slab
    own = np.asarray([belongs_to_balloon(name_of(shrink)) for shrink in slab.callbacks.tolist()], np.bool_)
    rows = np.flatnonzero(own[slab.callback]) if own.any() else np.empty(0, np.int64)
    columns = (slab.span_id, slab.begin_ns, slab.end_ns, slab.freed, slab.rung, slab.shrink, slab.priority)
    return Runs(*(column[rows] for column in (*columns, np.full(len(slab.span_id), -1))))


def _by_end(stretch: Stretch, chosen: Flags) -> tuple[Runs, Runs]:
    """The spans that ended, and the others as far as the stretch goes."""
    spans = stretch.spans
    rows = np.flatnonzero(chosen)
    closed = spans.closed[rows]
    end_ns = np.where(closed, spans.end_ns[rows], stretch.until_ns)
    none, unknown = np.zeros(len(rows), np.int64), np.full(len(rows), -1)
    columns = (spans.id[rows], spans.begin_ns[rows], end_ns, none, stretch.rung[rows], none, unknown, spans.tid[rows])
    runs = Runs(*columns)
    return runs.take(closed), runs.take(~closed)
