"""The balloon's own spans: work runs, OOM notifier calls, calls of its shrinker."""

from __future__ import annotations

from collections.abc import Callable
from itertools import repeat
from typing import Final, NamedTuple

import numpy as np
import numpy.typing as npt

from ...schema import SpanKind
from ..stream.attribution import WORKQUEUE_BIT
from ..stream.lane import SPAN_CODE
from ..stream.spans import Spans
from ..stream.stretch import Stretch

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


def belongs_to_balloon(name: str) -> bool:
    """Whether a callback of this name is a balloon driver's."""
    return "balloon" in name or name.startswith("cmm_")


def is_work(spans: Spans) -> npt.NDArray[np.bool_]:
    """Which spans are runs of the size work; where both the work item and its function were seen, the work item."""
    inner = (spans.code == SPAN_CODE[SpanKind.UPDATE_BALLOON_SIZE]) & (spans.kinds_above & WORKQUEUE_BIT == 0)
    chosen: npt.NDArray[np.bool_] = (spans.code == SPAN_CODE[SpanKind.BALLOON_WORK]) | inner
    return chosen


def work_runs(stretch: Stretch, *, closed: bool) -> list[Run]:
    """Runs of the size work that ended in the stretch, or those that are open at its end."""
    return _runs(stretch, is_work(stretch.spans) & (stretch.spans.closed == closed))


def notifier_runs(stretch: Stretch, name_of: NameOf, *, closed: bool) -> list[Run]:
    """Calls of the balloon's OOM callback; one that both the chain and the callback told of counts once."""
    spans = stretch.spans
    seen_by_chain = (spans.code == SPAN_CODE[SpanKind.OOM_NOTIFIER]) & spans.is_root
    chosen = (spans.code == SPAN_CODE[SpanKind.OOM_NOTIFY]) | seen_by_chain
    rows = np.flatnonzero(chosen & (spans.closed == closed))
    chain = spans.code[rows] == SPAN_CODE[SpanKind.OOM_NOTIFIER]
    callback = np.zeros(len(rows), np.int64)
    callback[chain] = stretch.args.at(spans.begin_at[rows[chain]], "oom_notifier_run", "cb")
    callback[~chain] = stretch.args.at(spans.begin_at[rows[~chain]], "oom_notify_begin", "cb")
    ours = [not address or belongs_to_balloon(name_of(address)) for address in callback.tolist()]
    kept = np.zeros(len(spans), np.bool_)
    kept[rows[np.asarray(ours, np.bool_)]] = True
    return _runs(stretch, kept)


def shrinker_runs(stretch: Stretch, name_of: NameOf) -> list[Run]:
    """Closed calls of the balloon's shrinker, with what they report as freed."""
    slab = stretch.slab
    own = [belongs_to_balloon(name_of(shrink)) for shrink in slab.callbacks.tolist()]
    if not any(own):
        return []
    rows = np.flatnonzero(np.asarray(own)[slab.callback])
    columns = (slab.span_id, slab.begin_ns, slab.end_ns, slab.freed, slab.rung, slab.shrink, slab.priority)
    return [Run(*row) for row in zip(*(column[rows].tolist() for column in columns), strict=True)]


def _runs(stretch: Stretch, chosen: npt.NDArray[np.bool_]) -> list[Run]:
    spans = stretch.spans
    rows = np.flatnonzero(chosen)
    end_ns = np.where(spans.closed[rows], spans.end_ns[rows], stretch.until_ns)
    ids, begins_ns, rungs, tids = (
        column[rows].tolist() for column in (spans.id, spans.begin_ns, stretch.rung, spans.tid)
    )
    columns = (ids, begins_ns, end_ns.tolist(), repeat(0), rungs, repeat(0), repeat(-1), tids)
    return list(map(Run._make, zip(*columns, strict=False)))
