"""Spans as they leave the engine: for whoever wants the rows themselves and not only what follows from them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

import numpy as np
import numpy.typing as npt

from ...schema import KIND_BY_NUMBER
from .attribution import tier_of
from .lane import SPAN_CODE
from .spans import Spans
from .stretch import Stretch

I64 = npt.NDArray[np.int64]

NO_SPAN: Final = -1
"""Id of an end without a begin, and the parent of a span that has none."""
NO_TIME: Final = -1
"""Time of a begin or end that was not seen."""
NO_EVENT: Final = -1
"""Position of a begin or end that no event tells."""


class SpanState(StrEnum):
    """What was seen of a span."""

    COMPLETE = "complete"
    BEGIN_WITHOUT_END = "begin_without_end"
    END_WITHOUT_BEGIN = "end_without_begin"


SPAN_STATES: Final = tuple(SpanState)
"""Position in this tuple is a span's state in arrays."""


@dataclass(frozen=True)
class ClosedSpans:
    """Columns of shape (rows,).

    `id` counts spans by begin over the whole recording and is NO_SPAN for an end without a begin, unless the run of a
    kswapd that was awake from the start, in which others lie; `parent` is the id of
    the innermost span around, or NO_SPAN. `code` is a place in SPAN_KINDS, `state` one in SPAN_STATES, `tier` a Tier or
    NO_TIER. Times are CLOCK_MONOTONIC ns, NO_TIME where that edge was not seen. `begin_at` and `end_at` are
    positions of the edges' events in the stretch, NO_EVENT where there is none.
    """

    id: I64
    parent: I64
    code: I64
    tier: I64
    begin_ns: I64
    end_ns: I64
    tid: I64
    comm: npt.NDArray[np.bytes_]
    state: I64
    begin_at: I64
    end_at: I64

    def __len__(self) -> int:
        return len(self.id)


def leaving(stretch: Stretch) -> Iterator[ClosedSpans]:
    """The spans that end in a stretch, and its ends without a begin: over all stretches each span comes once."""
    yield _closed_spans(stretch)
    yield _orphaned_ends(stretch)


def lost_end(stretch: Stretch) -> npt.NDArray[np.bool_]:
    """Which of its closed spans have no end: they end where what is around them does, or the recording."""
    return np.ones(len(stretch.spans), np.bool_) if stretch.at_end else stretch.spans.broken


def _closed_spans(stretch: Stretch) -> ClosedSpans:
    spans, complete, unseen = stretch.spans, ~lost_end(stretch), stretch.awake
    left = spans.closed
    state = np.where(complete, _code(SpanState.COMPLETE), _code(SpanState.BEGIN_WITHOUT_END))
    state[unseen & complete] = _code(SpanState.END_WITHOUT_BEGIN)
    return ClosedSpans(
        id=spans.id[left],
        parent=_ids(spans, spans.parent[left]),
        code=spans.code[left],
        tier=spans.tier[left],
        begin_ns=np.where(unseen & complete, NO_TIME, spans.begin_ns)[left],
        end_ns=np.where(complete, spans.end_ns, NO_TIME)[left],
        tid=spans.tid[left],
        comm=spans.comm[left],
        state=state[left],
        begin_at=spans.begin_at[left],
        end_at=spans.end_at[left],
    )


def _orphaned_ends(stretch: Stretch) -> ClosedSpans:
    """The ends without a begin, inside the spans they were met in."""
    batch, spans, orphans = stretch.batch, stretch.spans, stretch.orphans
    parent = stretch.enclosing[orphans]
    code = np.asarray([_kind_code(number) for number in batch.header["kind"][orphans].tolist()], np.int64)
    comm = batch.header["comm"][orphans].astype(np.bytes_, copy=False)
    above = np.where(parent >= 0, spans.kinds_above[parent], 0) if len(spans) else np.zeros(len(orphans), np.int64)
    return ClosedSpans(
        id=np.full(len(orphans), NO_SPAN),
        parent=_ids(spans, parent),
        code=code,
        tier=tier_of(above | 1 << code, comm),
        begin_ns=np.full(len(orphans), NO_TIME),
        end_ns=batch.header["time_ns"][orphans].astype(np.int64),
        tid=batch.header["tid"][orphans].astype(np.int64),
        comm=comm,
        state=np.full(len(orphans), _code(SpanState.END_WITHOUT_BEGIN)),
        begin_at=np.full(len(orphans), NO_EVENT),
        end_at=orphans,
    )


def _ids(spans: Spans, rows: I64) -> I64:
    """Rows of a stretch's spans as ids; -1 stays."""
    return np.where(rows >= 0, spans.id[rows], NO_SPAN) if len(spans) else np.full(len(rows), NO_SPAN)


def _code(state: SpanState) -> int:
    return SPAN_STATES.index(state)


def _kind_code(number: int) -> int:
    span = KIND_BY_NUMBER[number].span
    return SPAN_CODE[span] if span else NO_SPAN
