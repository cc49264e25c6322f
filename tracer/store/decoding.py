"""A block's payload as items: events, readings, lost stretches."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt

from ..batch import Batch, Fields, LostStretch, Samples
from ..schema import SAMPLE_NULL
from . import payloads
from .columns import CorruptPayloadError
from .contents import SAMPLE_NAMES
from .format import MOST_COUNT, BlockHeader, BlockType
from .kind_index import ANY_KIND
from .kinds import Layouts

Item = Batch | Samples | LostStretch

ITEM_TYPES = (BlockType.EVENTS, BlockType.SAMPLES, BlockType.LOST)
"""Blocks that hold items."""
SAMPLES_ONLY = (BlockType.SAMPLES,)
EVENTS_ONLY = (BlockType.EVENTS,)


class ItemDecoder:
    """Decodes one recording's blocks of ITEM_TYPES; remembers which counters it has."""

    def __init__(self, layouts: Layouts) -> None:
        self._layouts = layouts
        self._counters: set[str] = set()

    def items(self, header: BlockHeader, payload: bytes, leave_out: Fields, kinds: int = ANY_KIND) -> list[Item]:
        """What a block holds; of events none but those of the mask `kinds`. Raises CorruptPayloadError."""
        if header.type == BlockType.LOST:
            stretches = payloads.unpack_lost(payload)
            if any(not header.first_ns <= lost.start_ns <= lost.end_ns <= header.last_ns for lost in stretches):
                raise CorruptPayloadError("losses outside of their block's time")
            return [*stretches]
        if header.type == BlockType.SAMPLES:
            samples = payloads.decode_samples(payload, header.rows)
            _check_times(samples.time_ns, header)
            return [self._understood(samples)]
        events = payloads.decode_events(payload, header.rows, self._layouts, leave_out, kinds)
        _check_times(events.header["time_ns"], header)
        return [events]

    def _understood(self, samples: Samples) -> Samples:
        """The same where it can be: a reading that no counter shows is unknown. Raises CorruptPayloadError."""
        counters, values = self._counters.union(samples.names), samples.values
        if len(counters) > SAMPLE_NAMES.most:
            raise CorruptPayloadError(f"more than {SAMPLE_NAMES.most} counters")
        self._counters = counters
        absurd = (values > MOST_COUNT) | (values < -MOST_COUNT)
        return replace(samples, values=np.where(absurd, SAMPLE_NULL, values)) if absurd.any() else samples


def _check_times(times: npt.NDArray[Any], header: BlockHeader) -> None:
    if len(times) and (int(times.min()) < header.first_ns or int(times.max()) > header.last_ns):
        raise CorruptPayloadError("times outside of their block's")
