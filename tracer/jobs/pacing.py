"""Replaying a recording at the speed of the original, or another."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Final

import numpy as np

from ..batch import Batch, LostStretch, Samples

if TYPE_CHECKING:
    from ..store import AnyRecording

    Item = Batch | Samples | LostStretch

STEP_S: Final = 0.25
"""How much of the recording is shown at a time."""


@dataclass
class Pace:
    """`speed` seconds of the recording a second; `clock` and `sleep` can be replaced."""

    speed: float
    clock: Callable[[], float] = time.monotonic
    sleep: Callable[[float], None] = time.sleep

    def items(self, recording: AnyRecording) -> Iterator[tuple[Item, float]]:
        """The recording's items in steps of time, each when its time has come, with that time in seconds."""
        start_ns = recording.metadata.start_ns
        began = self.clock()
        for item in recording.items():
            for part, end_ns in steps(item):
                now_s = (end_ns - start_ns) / 1e9
                self.sleep(max(0.0, began + now_s / self.speed - self.clock()))
                yield part, now_s


def steps(item: Item) -> Iterator[tuple[Item, int]]:
    """An item cut into pieces of STEP_S of arrival time, each with the time (ns) of its newest row."""
    if isinstance(item, LostStretch):
        yield item, item.end_ns
        return
    times = item.header["time_ns"].astype(np.int64) if isinstance(item, Batch) else item.time_ns
    if not len(times):
        return
    # Records of several CPUs are not in order: a piece ends where the newest time so far enters the next step.
    newest = np.maximum.accumulate(times)
    numbers = (newest - newest[0]) // int(STEP_S * 1e9)
    bounds = [0, *(np.flatnonzero(np.diff(numbers)) + 1).tolist(), len(times)]
    for start, stop in pairwise(bounds):
        yield _between(item, start, stop), int(newest[stop - 1])


def _between(item: Batch | Samples, start: int, stop: int) -> Item:
    if isinstance(item, Batch):
        return item.between(start, stop)
    return Samples(item.time_ns[start:stop], item.names, item.values[start:stop])
