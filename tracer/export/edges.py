"""Where spans begin and end and what happens in between, thread by thread, in the order in which it is drawn."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from ..analyze.stream.closed import NO_EVENT, lost_end
from ..analyze.stream.lane import thread_of
from ..analyze.stream.stretch import Stretch

I64 = npt.NDArray[np.int64]
Flags = npt.NDArray[np.bool_]

BEGIN: Final = 1
END: Final = 2
POINT: Final = 3
NO_SPAN_ROW: Final = -1


@dataclass(frozen=True)
class Edges:
    """What is new in a stretch, in time order; of a thread's edges at one time the one that nests comes first.

    `at` is the event's position in the stretch; of an end that no event tells that of its span's begin, and `told` is
    False. So it is of a begin that was not seen, whose event is made up. `span` is a row of the stretch's spans, or
    NO_SPAN_ROW for a point. `lost` are ends of spans whose own end was never seen.
    """

    stretch: Stretch
    type: I64
    time_ns: I64
    at: I64
    span: I64
    told: Flags
    lost: Flags

    def __len__(self) -> int:
        return len(self.at)

    @property
    def thread(self) -> I64:
        """Each edge's thread, as `thread_of` numbers them."""
        return thread_of(self.stretch.batch)[self.at]


def edges_of(stretch: Stretch) -> Edges:
    """Every begin, end and point that is in no earlier stretch."""
    events = np.arange(stretch.carried, len(stretch.batch))
    silent = np.flatnonzero(stretch.spans.closed & (stretch.spans.end_at == NO_EVENT))
    places = _places(stretch, silent)
    order = np.lexsort((-stretch.spans.id[silent], places))
    silent, places = silent[order], places[order] - stretch.carried
    return Edges(stretch, *(np.insert(of_events, places, of_ends) for of_events, of_ends in zip(
        _of_events(stretch, events), _of_silent_ends(stretch, silent), strict=True
    )))  # fmt: skip


def _of_events(stretch: Stretch, events: I64) -> tuple[npt.NDArray[np.generic], ...]:
    spans, count = stretch.spans, len(stretch.batch)
    kind, span = np.full(count, POINT), np.full(count, NO_SPAN_ROW)
    kind[spans.begin_at], span[spans.begin_at] = BEGIN, np.arange(len(spans))
    ended = np.flatnonzero(spans.closed & (spans.end_at != NO_EVENT))
    kind[spans.end_at[ended]], span[spans.end_at[ended]] = END, ended
    told, lost = np.ones(count, np.bool_), np.zeros(count, np.bool_)
    told[spans.begin_at[stretch.awake]] = False
    return kind[events], stretch.time_ns[events], events, span[events], told[events], lost[events]


def _of_silent_ends(stretch: Stretch, rows: I64) -> tuple[npt.NDArray[np.generic], ...]:
    spans, count = stretch.spans, len(rows)
    ends = (np.full(count, END), spans.end_ns[rows], spans.begin_at[rows], rows)
    return *ends, np.zeros(count, np.bool_), lost_end(stretch)[rows]


def _places(stretch: Stretch, silent: I64) -> I64:
    """Before which event each end comes that no event tells: before those of its time, after what lies in the span."""
    spans = stretch.spans
    places = stretch.carried + np.searchsorted(stretch.time_ns[stretch.carried :], spans.end_ns[silent])
    places = np.maximum(places, spans.begin_at[silent] + 1)
    place = np.full(len(spans), -1)
    place[silent] = places
    told = spans.closed & (spans.end_at != NO_EVENT)
    place[told] = spans.end_at[told] + 1
    inner = np.flatnonzero(spans.closed & (spans.parent >= 0))
    inner = inner[np.isin(spans.parent[inner], silent)]
    while True:
        before = place.copy()
        np.maximum.at(place, spans.parent[inner], place[inner])
        if (place == before).all():
            return place[silent]
