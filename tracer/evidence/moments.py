"""Single events that findings stand on beside spans, noted while the analysis goes through a recording."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from ..analyze.stream.stretch import Stretch
from ..batch import Batch
from ..store import AnyRecording
from .events import event_rows
from .rows import EventRow

MOMENTS: Final = (
    "mark_victim",
    "signal_generate",
    "module_load",
    "module_free",
    "kswapd_clear_hopeless",
    "kswapd_reclaim_fail",
    "virtballoon_changed",
    "throttled",
)
"""Kinds of event that belong to no span, those first that tell most."""
MOST_KEPT: Final = 16_384
"""Of each kind; an event takes some 200 bytes."""


@dataclass(frozen=True)
class Found:
    """Rows by time, the first of the kinds that tell most, of `total` events; `at_least` where more were not noted."""

    rows: Sequence[EventRow]
    total: int
    at_least: bool


NONE_FOUND: Final = Found((), 0, at_least=False)


class Moments:
    """Keeps the first MOST_KEPT of each kind."""

    def __init__(self, recording: AnyRecording) -> None:
        self._recording = recording
        self._kept: dict[str, list[Batch]] = {kind: [] for kind in MOMENTS}
        self._counts = dict.fromkeys(MOMENTS, 0)
        self._full_ns: dict[str, int] = {}
        """From when on a kind's are not noted."""

    def __call__(self, stretch: Stretch) -> None:
        """As `on_stretch` of the engine."""
        for kind in stretch.batch.rows.keys() & self._kept.keys():
            self._note(kind, stretch.batch)

    def _note(self, kind: str, batch: Batch) -> None:
        rows = batch.rows[kind]
        kept = rows[: MOST_KEPT - self._counts[kind]]
        if len(kept) < len(rows):
            self._full_ns.setdefault(kind, int(batch.time_ns[rows[len(kept)]]))
        if len(kept):
            self._counts[kind] += len(kept)
            self._kept[kind].append(batch.take(kept).copy())

    def between(self, from_ns: int, to_ns: int, kinds: Collection[str], most: int, tids: Collection[int] = ()) -> Found:
        """Those with `from_ns <= time < to_ns`, at most `most` of them; of these threads alone where some are named."""
        rows: list[EventRow] = []
        total, at_least = 0, False
        for kind in (kind for kind in MOMENTS if kind in kinds):
            chosen = [picked for batch in self._kept[kind] if (picked := _picked(batch, from_ns, to_ns, tids))]
            total += sum(map(len, chosen))
            at_least |= self._full_ns.get(kind, to_ns) < to_ns
            for batch in chosen:
                few = batch.between(0, max(0, most - len(rows)))
                rows += event_rows(few, self._recording) if len(few) else ()
        return Found(sorted(rows, key=lambda row: row.time_ns), total, at_least)


def _picked(batch: Batch, from_ns: int, to_ns: int, tids: Collection[int]) -> Batch:
    chosen: npt.NDArray[np.bool_] = (batch.time_ns >= from_ns) & (batch.time_ns < to_ns)
    if tids:
        chosen &= np.isin(batch.header["tid"], np.fromiter(tids, np.int64))
    return batch.take(np.flatnonzero(chosen))
